"""The composition root: the only module that knows every adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from digest.db import Database
from digest.errors import BadSetting
from digest.settings import Settings
from subscribers.tokens import MIN_SECRET, Tokens


@dataclass(frozen=True, kw_only=True)
class App:
    """One installation, put together: what every entry point works with."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    def secret(self) -> str:
        """Return the secret that signs links; raises `BadSetting` when there is none."""
        secret = self.settings.secret
        if secret is None or len(secret.get_secret_value()) < MIN_SECRET:
            raise BadSetting(
                f"DIGEST_SECRET is missing or shorter than {MIN_SECRET} characters; links in mails"
                " are signed with it. Make one with: openssl rand -hex 32"
            )
        return secret.get_secret_value()

    def secrets(self) -> list[str]:
        """Return every secret whose links still work, the one that signs first."""
        old = self.settings.old_secrets
        earlier = old.get_secret_value().split(",") if old else []
        return [self.secret(), *(part.strip() for part in earlier if part.strip())]

    def tokens(self) -> Tokens:
        """Return the maker and reader of signed links."""
        return Tokens(self.secrets())


def open_app(settings: Settings, clock: Callable[[], datetime] | None = None) -> App:
    """Put an installation together; opens nothing before it is used."""
    return App(
        settings=settings,
        database=Database(settings.database_url),
        clock=clock or (lambda: datetime.now(UTC)),
    )
