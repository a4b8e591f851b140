"""Cache what the pages say of each newsletter, so that pages work while the database is away.

This module hides when the entries are read again: in a thread, once they are `FRESH_SECONDS` old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.comparisons.store import categories
from digest.issues import store as issue_store
from digest.issues.calendar import rhythm
from digest.issues.models import Newsletter, Tracking
from digest.issues.newsletters import logo_of
from digest.render.brand import Font, LogoView
from subscribers.locale import LANGUAGES, choose
from subscribers.sql import UnitOfWork
from subscribers.web import NewsletterInfo

FRESH_SECONDS = 5.0
MOST_TOPICS = 24  # more are hard to choose among, and more boxes than a form may send


@dataclass(frozen=True, kw_only=True)
class NewsletterEntry:
    """One newsletter as its pages present it."""

    slug: str
    name: str
    description: str
    rhythm: Mapping[str, str]  #: how often, by language, to follow "comes"; empty if unscheduled
    language: str
    tracking: Tracking
    latest: str  #: path of the newest issue, or empty
    topics: Sequence[str]  #: the categories readers may choose among; empty for fewer than two
    public: bool = True  #: on the site; false: known to its readers only
    open: bool = True  #: strangers may sign up; false too once it is archived
    postal_address: str = ""  #: its own; empty where the site's counts
    accent: str = ""  #: its own; empty for the design's
    font: Font = Font.CLASSIC
    logo: LogoView | None = None

    def info(self) -> NewsletterInfo:
        """Return the entry in the form that the sign-up pages take."""
        return NewsletterInfo(
            slug=self.slug,
            name=self.name,
            description=self.description,
            comes=self.rhythm,
            tracking=self.tracking.value,
            latest=self.latest,
            topics=[(topic.casefold(), topic) for topic in self.topics],
            public=self.public,
            open=self.open,
            responsible=", ".join(self.postal_address.splitlines()),
        )

    @property
    def comes(self) -> str:
        """How often, in the newsletter's own language."""
        return self.rhythm.get(choose(self.language), "")


class NewsletterCache(Mapping[str, NewsletterInfo]):
    """Every newsletter by slug, the oldest first; waits for the database only the first time.

    An entry older than `FRESH_SECONDS` is still returned, while a thread reads the newsletters
    again.
    """

    def __init__(self, store: UnitOfWork, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._entries: dict[str, NewsletterEntry] = {}
        self._due = 0.0
        self._reading = threading.Lock()

    def __getitem__(self, slug: str) -> NewsletterInfo:
        """Return a newsletter's entry; raises `KeyError`."""
        return self.entries()[slug].info()

    def __iter__(self) -> Iterator[str]:
        """Yield the slugs."""
        return iter(self.entries())

    def __len__(self) -> int:
        """Count the newsletters."""
        return len(self.entries())

    def public(self) -> list[NewsletterEntry]:
        """Return the newsletters that the site shows: those open to sign-ups, then the archived."""
        shown = [entry for entry in self.entries().values() if entry.public]
        return sorted(shown, key=lambda entry: not entry.open)

    def first(self) -> NewsletterEntry | None:
        """Return the newsletter that pages without one of their own are about."""
        return next(iter(self.public()), None)

    def only_one(self) -> NewsletterEntry | None:
        """Return the site's newsletter; ``None`` where it shows several or none, or isn't read."""
        try:
            shown = self.public()
        except SQLAlchemyError:
            return None
        return shown[0] if len(shown) == 1 else None

    def entries(self) -> Mapping[str, NewsletterEntry]:
        """Return every newsletter by slug; raises `SQLAlchemyError` if they could never be read."""
        if not self._entries:
            self.read()
        elif self._monotonic() >= self._due:
            threading.Thread(target=self.read, name="newsletter-cache", daemon=True).start()
        return self._entries

    def read(self) -> None:
        """Read the newsletters, unless a thread is reading them; keep the old entries on a failure.

        Raises `SQLAlchemyError` if there are no old entries.
        """
        if not self._reading.acquire(blocking=not self._entries):
            return
        try:
            self._due = self._monotonic() + FRESH_SECONDS
            with self._store.read() as session:
                topics = _topics(session)
                entries = [
                    NewsletterEntry(
                        slug=newsletter.slug,
                        name=newsletter.name,
                        description=newsletter.description,
                        rhythm=_rhythm(newsletter),
                        language=newsletter.language,
                        tracking=Tracking(newsletter.tracking),
                        latest=_path(newsletter.slug, issue_store.latest(session, newsletter)),
                        topics=topics,
                        public=newsletter.public,
                        open=newsletter.open,
                        postal_address=newsletter.postal_address,
                        accent=newsletter.accent,
                        font=newsletter.font,
                        logo=logo_of(session, newsletter),
                    )
                    for newsletter in issue_store.newsletters(session)
                ]
            self._entries = {entry.slug: entry for entry in entries}
        except SQLAlchemyError:
            if not self._entries:  # no newsletter known isn't the same as no newsletter
                raise
        finally:
            self._reading.release()


def _rhythm(newsletter: Newsletter) -> Mapping[str, str]:
    if not newsletter.running:
        return {}
    return {language: rhythm(newsletter.cadence(), language) for language in LANGUAGES}


def _topics(session: Session) -> Sequence[str]:
    topics = categories(session, at_most=MOST_TOPICS)
    return topics if len(topics) > 1 else ()


def _path(slug: str, issue: issue_store.PublishedIssue | None) -> str:
    return f"/issues/{slug}/{issue.number}" if issue else ""
