"""What every capability is made from: settings, database, clock, and what settings alone decide.

This module hides how keys, the sender and the provider are derived from the settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from digest import signing_keys
from digest.db import Database
from digest.delivery import known_secrets
from digest.delivery.job_queue import JobQueue, NoJobQueue
from digest.issues.identity import MailIdentity
from digest.mail.provider import Provider
from digest.settings import Settings, TransportKind
from subscribers.tokens import Hashes, MailTokens, Tokens

if TYPE_CHECKING:  # what sends by SMTP, or asks other servers, is long to import
    from digest.http_client import OutboundClient
    from digest.mail.smtp import RelayAddress
    from digest.mail.smtp.return_path import ReturnPaths

_SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Settings, database and clock of one installation; keys are derived once a process."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]

    @cached_property
    def tokens(self) -> Tokens:
        """What signs and verifies the links in mails; raises `BadSetting`."""
        return Tokens(signing_keys.signing(self.settings))

    @cached_property
    def hashes(self) -> Hashes:
        """What makes keyed hashes of addresses; raises `BadSetting`."""
        return Hashes(signing_keys.hashing(self.settings))

    @cached_property
    def return_paths(self) -> ReturnPaths:
        """What makes and reads the addresses that bounces come back to; raises `BadSetting`."""
        from digest.mail.smtp.return_path import ReturnPaths

        tokens = MailTokens(signing_keys.signing(self.settings))
        return ReturnPaths(tokens=tokens, hashes=self.hashes)

    @cached_property
    def secret_marks(self) -> list[str]:
        """The fingerprint of each secret, that of the signing one first; raises `BadSetting`."""
        return signing_keys.marks(self.settings)

    def require_secrets(self) -> None:
        """Check that every secret this database was used with is set, and record today's.

        Call this before sending, serving links or writing by hash. Raises `SecretGone`.
        """
        known_secrets.require_all(self.database, self.secret_marks, self.clock())

    @cached_property
    def job_queue(self) -> JobQueue:
        """Where jobs wait for any worker; with SQLite there is none."""
        if self.database.is_sqlite:
            return NoJobQueue()
        from digest.delivery.postgres_job_queue import PostgresJobQueue

        # Beyond the requests that may be under way, jobs would run in vain.
        most = 2 * self.settings.max_requests
        return PostgresJobQueue(at_once=most) if most else PostgresJobQueue()

    @cached_property
    def identity(self) -> MailIdentity:
        """Who mail is from, where a newsletter doesn't say so itself."""
        return MailIdentity(
            sender=self.settings.sender,
            reply_to=self.settings.reply_to,
            postal_address=self.settings.postal_address,
        )

    @property
    def outbox_folder(self) -> Path | None:
        """The folder that mail is written to; ``None`` where mail goes to the provider."""
        settings = self.settings
        return settings.outbox if settings.transport is TransportKind.OUTBOX else None

    @cached_property
    def provider(self) -> Provider:
        """The mail provider; its events come in even while mail goes to the outbox folder."""
        if self.settings.transport is TransportKind.SMTP:
            return self._smtp()
        from digest.mail.sendgrid import sendgrid_provider

        key = self.settings.sendgrid_api_key
        return sendgrid_provider(
            api_key=key.get_secret_value() if key else None,
            url=self.settings.sendgrid_url,
            seconds=self.settings.sendgrid_timeout,
        )

    def _smtp(self) -> Provider:
        from digest.mail.smtp import smtp_provider

        settings = self.settings
        return smtp_provider(
            relay=self._relay(),
            seconds=settings.smtp_timeout,
            return_paths=lambda: self.return_paths,
            bounce_address=settings.bounce_address,
            company=settings.smtp_company,
            dkim_selector=settings.dkim_selector,
            dkim_key=settings.dkim_key.get_secret_value() if settings.dkim_key else None,
        )

    def _relay(self) -> RelayAddress:
        from digest.mail.smtp import RelayAddress, RelaySecurity

        settings = self.settings
        return RelayAddress(
            host=settings.smtp_host,
            port=settings.smtp_port or _SMTP_PORTS[settings.smtp_security],
            security=RelaySecurity(settings.smtp_security),
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else "",
            name=urlsplit(settings.base_url).hostname or "localhost",
        )

    def outbound_client(self) -> OutboundClient:
        """Return a new client for requests to other servers, which the caller closes."""
        from digest.http_client import AddressRules, OutboundClient

        return OutboundClient(
            user_agent=f"digest-engine/{version('digest-engine')} (+{self.settings.base_url})",
            rules=AddressRules(networks=tuple(self.settings.allowed_network_list())),
        )

    @property
    def batch_size(self) -> int:
        """How many readers share a request: as set, or else as is usual for the provider."""
        is_set = "batch_size" in self.settings.model_fields_set
        return self.settings.batch_size if is_set else self.provider.usual_recipients

    @property
    def template_folder(self) -> Path | None:
        """The installation's own folder of mail templates; ``None`` while there is none."""
        folder = (self.settings.templates / "email").absolute()
        return folder if folder.is_dir() else None
