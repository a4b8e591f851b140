"""The secrets of an installation: which sign links, and which know addresses by their hash."""

from __future__ import annotations

from pydantic import SecretStr

from digest.errors import BadSetting
from digest.settings import Settings
from subscribers.tokens import MIN_SECRET, mark_of


def signing(settings: Settings) -> list[str]:
    """Return every secret whose links still work, the one that signs first; raises `BadSetting`."""
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
    """Return every secret an address may be known under, the one to store by first.

    A leaked one is among them: without it nobody would know whom it keeps away.
    """
    return [*signing(settings), *_listed(settings.leaked_secrets)]


def marks(settings: Settings) -> list[str]:
    """Return what each secret is recognised by, the one that signs first; raises `BadSetting`."""
    return [mark_of(secret) for secret in hashing(settings)]


def _listed(setting: SecretStr | None, *, but: list[str] | None = None) -> list[str]:
    parts = setting.get_secret_value().split(",") if setting else []
    return [one for part in parts if (one := part.strip()) and one not in (but or [])]
