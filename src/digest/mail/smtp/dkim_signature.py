"""Hides how a mail is signed in its domain's name (DKIM, RFC 6376), where no relay signs it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from digest.errors import BadSetting

MIN_BITS = 1024  #: below which mailbox providers take a signature for none (RFC 8301)
#: From and Subject stand twice: a second one that somebody adds would break the signature. The
#: headers of one-click unsubscription have to be signed (RFC 8058, section 4).
_HEADERS = (
    "from", "from", "subject", "subject", "to", "reply-to", "date", "message-id", "list-id",
    "list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type",
)  # fmt: skip
_MADE = "openssl genrsa 2048 makes one"


def signer(selector: str, pem: bytes) -> Callable[[bytes, str], bytes]:
    """Return the function that signs: (content, the sender's domain) to the signed content.

    Raise `BadSetting` for a key that signs nothing, or where the package isn't installed.
    """
    try:
        import dkim  # an extra of its own
    except ImportError:
        raise BadSetting(
            "DIGEST_DKIM_SELECTOR is set, and the package that signs isn't installed",
            next_step="pip install 'digest-engine[dkim]', or let the relay sign",
        ) from None
    key = _private_key(pem).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )

    def sign(content: bytes, domain: str) -> bytes:
        signature: bytes = dkim.DKIM(content).sign(
            selector.encode("ascii"),
            domain.encode("ascii"),
            key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name.encode("ascii") for name in _HEADERS],
        )
        return signature + content

    return sign


def dns_record(pem: bytes) -> str:
    """Return the TXT record that publishes a key's public half; raise `BadSetting`."""
    public = _private_key(pem).public_key()
    packed = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(packed).decode('ascii')}"


def _private_key(pem: bytes) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        why = "DIGEST_DKIM_KEY holds no private key in PEM without a password"
        raise BadSetting(why, next_step=_MADE) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_BITS:
        why = "DIGEST_DKIM_KEY must hold an RSA key of 1024 bits or more"
        raise BadSetting(why, next_step=_MADE)
    return key
