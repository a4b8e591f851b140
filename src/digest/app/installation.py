"""Put an installation together: which capabilities it has, each made on first use and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

from sqlmodel import Session

from digest.app.resources import Resources
from digest.db import Database
from digest.settings import Settings
from subscribers.announcements import wrote_messages

if TYPE_CHECKING:
    from digest.app.event_processing import EventProcessing
    from digest.app.issue_building import IssueBuilding
    from digest.app.letter_sending import LetterSending
    from digest.app.public_site import SiteTerms
    from digest.app.reader_requests import ReaderRequests
    from digest.app.sending import Sending
    from digest.app.source_polling import SourcePolling
    from digest.app.voting import Voting
    from digest.app.webhook_sending import Webhooks


@dataclass(frozen=True, kw_only=True)
class App(Resources):
    """One installation, put together; every entry point works with it."""

    @cached_property
    def issues(self) -> IssueBuilding:
        """What builds issues, and decides whether one may be sent."""
        from digest.app.issue_building import IssueBuilding

        return IssueBuilding(self)

    @cached_property
    def sending(self) -> Sending:
        """What sends mailings and editions."""
        from digest.app.sending import Sending

        return Sending(self)

    @cached_property
    def events(self) -> EventProcessing:
        """What stores, applies and prunes the provider's events."""
        from digest.app.event_processing import EventProcessing

        return EventProcessing(self)

    @cached_property
    def letters(self) -> LetterSending:
        """What sends letters to readers."""
        from digest.app.letter_sending import LetterSending

        return LetterSending(self, self.sending)

    @cached_property
    def public_site(self) -> SiteTerms:
        """The terms of sign-ups and of keeping readers' data."""
        from digest.app.public_site import SiteTerms

        return SiteTerms(self)

    @cached_property
    def sources(self) -> SourcePolling:
        """What follows other sites, and reads a page of theirs."""
        from digest.app.source_polling import SourcePolling

        return SourcePolling(self)

    @cached_property
    def votes(self) -> Voting:
        """The terms of voting, and what is done with votes."""
        from digest.app.voting import Voting

        return Voting(self, self.public_site)

    @cached_property
    def reader_requests(self) -> ReaderRequests:
        """What is done for one reader who asks."""
        from digest.app.reader_requests import ReaderRequests

        return ReaderRequests(self, self.votes)

    @cached_property
    def webhooks(self) -> Webhooks:
        """What tells other programs what happens."""
        from digest.app.webhook_sending import Webhooks

        return Webhooks(self, self.public_site)


def open_app(settings: Settings, clock: Callable[[], datetime] | None = None) -> App:
    """Return an installation made from *settings*; nothing is opened before it is used."""
    database = Database(settings.database_url)
    app = App(settings=settings, database=database, clock=clock or database.clock)
    if not database.is_sqlite:
        database.before_commit = partial(_wake_webhooks, app)
    return app


def _wake_webhooks(app: App, session: Session) -> None:
    """Ask a worker to post the messages that a session has written."""
    if wrote_messages(session):
        app.job_queue.wake(session, "webhooks")
