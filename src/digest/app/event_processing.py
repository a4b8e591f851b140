"""Take in the provider's events, and keep provider and database in step with them.

This module hides where events wait, and how long they are kept.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from sqlalchemy.exc import OperationalError, SQLAlchemyError

from digest.app.resources import Resources
from digest.delivery.events import EventConsumer, Spool, lift_provider_blocks
from digest.delivery.reporting import PruneResult, prune_events
from digest.mail.provider import SuppressionRemover
from digest.mail.provider_events import ParsedPost
from digest.mail.smtp.bounces import ReturnedMailReader, is_packed, parse_events

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EventProcessing:
    """What stores, applies and prunes an installation's provider events."""

    resources: Resources

    @cached_property
    def spool_folder(self) -> Path:
        """The folder in which events wait for the database."""
        return self.resources.settings.spool or self.resources.database.beside("-events")

    def spool(self) -> Spool:
        """Return a spool, which remembers the files that it alone has written."""
        return Spool(self.spool_folder, most_bytes=self.resources.settings.spool_megabytes << 20)

    def consumer(self) -> EventConsumer:
        """Return what keeps and applies posts, and remembers how far it alone has read."""
        return EventConsumer(
            store=self.resources.database,
            spool=self.spool(),
            parse=self._parse,
            hashes=lambda: self.resources.hashes,
            clock=self.resources.clock,
            shared=not self.resources.database.is_sqlite,
        )

    def returned_mail(self, consumer: EventConsumer) -> ReturnedMailReader:
        """Return what gives the events of mails that came back to *consumer*, which keeps them.

        Raises `SecretGone` while a secret is missing, whose mails would be taken for foreign ones.
        """
        try:
            self.resources.require_secrets()
        except OperationalError:  # the spool is there for a database that is away
            log.warning("the database is away: returned mail waits in the spool")
        return ReturnedMailReader(
            paths=self.resources.return_paths,
            keep=consumer.receive,
            now=int(self.resources.clock().timestamp()),
        )

    def _parse(self, record: bytes) -> ParsedPost:
        return parse_events(record) if is_packed(record) else self.resources.provider.parse(record)

    def ask_workers(self) -> None:
        """Have any worker apply posts too; without a job queue, do nothing.

        Should that fail, the next minute's job finds them.
        """
        database = self.resources.database
        if not database.is_sqlite:
            with suppress(SQLAlchemyError), database.write() as session:
                self.resources.job_queue.wake(session, "events")

    def prune(self) -> PruneResult:
        """Prune the events of old issues and of erased readers; the counts stay.

        The deleted rows are also removed from SQLite's files.
        """
        now = self.resources.clock()
        before = now - timedelta(days=self.resources.settings.keep_events_days)
        result = prune_events(self.resources.database, before=before, now=now)
        self.resources.database.scrub()
        return result

    def lift_suppressions(self) -> int:
        """Lift the provider's suppressions of readers who confirmed again, and return how many.

        Returns 0 for a transport without suppressions.
        """
        if self._suppressions is None:
            return 0
        return lift_provider_blocks(
            self.resources.database, self._suppressions, self.resources.hashes
        )

    @cached_property
    def _suppressions(self) -> SuppressionRemover | None:
        to_outbox = self.resources.outbox_folder is not None
        return None if to_outbox else self.resources.provider.suppressions()
