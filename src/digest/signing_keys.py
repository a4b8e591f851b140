"""Choose an installation's secrets: which sign links, and which hash addresses.

An old secret still verifies and hashes. A leaked one verifies nothing, but still hashes, so that
suppressions stored under it keep working.
"""

from __future__ import annotations

from pydantic import SecretStr

from digest.errors import BadSetting
from digest.settings import Settings
from subscribers.tokens import MIN_SECRET, mark_of


def signing(settings: Settings) -> list[str]:
    """Return the secrets that verify links; the first one signs. Raises `BadSetting`."""
    secret = settings.secret
    if secret is None or len(secret.get_secret_value()) < MIN_SECRET:
        raise BadSetting(
            f"DIGEST_SECRET is missing or shorter than {MIN_SECRET} characters; links in mails"
            " are signed with it",
            next_step="digest init writes one into .env; or: openssl rand -hex 32",
        )
    leaked = _listed(settings.leaked_secrets)
    if secret.get_secret_value() in leaked:
        raise BadSetting(
            "DIGEST_SECRET is among DIGEST_LEAKED_SECRETS",
            next_step="put a fresh one into DIGEST_SECRET: openssl rand -hex 32",
        )
    return [secret.get_secret_value(), *_listed(settings.old_secrets, but=leaked)]


def hashing(settings: Settings) -> list[str]:
    """Return the secrets that hash addresses; new hashes are stored with the first.

    Leaked secrets are included: without them, suppressions stored under them could not be matched.
    Raises `BadSetting`.
    """
    return [*signing(settings), *_listed(settings.leaked_secrets)]


def marks(settings: Settings) -> list[str]:
    """Return each secret's fingerprint, that of the signing one first; raises `BadSetting`."""
    return [mark_of(secret) for secret in hashing(settings)]


def _listed(setting: SecretStr | None, *, but: list[str] | None = None) -> list[str]:
    parts = setting.get_secret_value().split(",") if setting else []
    return [secret for part in parts if (secret := part.strip()) and secret not in (but or [])]
