"""The signature of an event post: ECDSA on P-256 over timestamp and raw body.

Source: the Event Webhook Security Features page of the SendGrid documentation.
"""

from __future__ import annotations

from base64 import b64encode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from digest.errors import BadSetting

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"


def new_key() -> str:
    """Return a new private P-256 key, as PEM."""
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


class Signer:
    """A private key that signs posts; raise `BadSetting` where *pem* isn't a P-256 key."""

    def __init__(self, pem: str) -> None:
        try:
            key = serialization.load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise BadSetting(
                "the webhook key isn't a private P-256 key in PEM; make one with:"
                " openssl ecparam -name prime256v1 -genkey -noout -out key.pem"
            )
        self._key = key

    @property
    def public_key(self) -> str:
        """The public key: base64 of DER, as the provider's settings page shows it."""
        return b64encode(
            self._key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        ).decode()

    def headers(self, body: bytes, now: float) -> dict[str, str]:
        """Return the signature and timestamp headers of *body*; *now* is in Unix seconds."""
        moment = str(int(now))
        signature = self._key.sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: b64encode(signature).decode(), TIMESTAMP: moment}
