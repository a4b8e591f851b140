"""How a message is signed: as Standard Webhooks asks, by a secret that is stored nowhere.

An endpoint's secret is made of the installation's and of a random number in the endpoint's row. So
a copy of the database reveals none, and the receiver of a message can't make another endpoint's.
While an installation's old secrets are valid, a message carries a signature by each of them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hmac import digest

_PREFIX = "whsec_"
_PURPOSE = b"webhook "


@dataclass(frozen=True)
class WebhookSigner:
    """Signs messages; *secrets* are the installation's, of which the first makes what is shown."""

    secrets: Sequence[str] = field(repr=False)

    def secret(self, nonce: str) -> str:
        """Return the secret to show to an endpoint's owner: "whsec_" and 44 characters."""
        return _PREFIX + b64encode(_key(self.secrets[0], nonce)).decode()

    def headers(
        self, nonces: Sequence[str], message_id: str, now: datetime, body: bytes
    ) -> dict[str, str]:
        """Return the headers of a post at *now*, with a signature by each secret of *nonces*."""
        at = int(now.timestamp())
        signed = f"{message_id}.{at}.".encode() + body
        keys = [_key(secret, nonce) for nonce in nonces for secret in self.secrets]
        signatures = [b64encode(digest(key, signed, "sha256")).decode() for key in keys]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
        }


def _key(secret: str, nonce: str) -> bytes:
    return digest(secret.encode(), _PURPOSE + nonce.encode(), "sha256")
