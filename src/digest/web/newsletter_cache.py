"""What the pages say of each newsletter: read now and then, and kept while the store is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from digest.comparisons.store import categories
from digest.delivery.unit_of_work import UnitOfWork
from digest.issues import store as published
from digest.issues.calendar import rhythm
from digest.issues.models import Newsletter, Tracking
from subscribers.web import NewsletterInfo
from subscribers.web.locale import LANGUAGES, choose

FRESH_SECONDS = 5.0
MOST_TOPICS = 24  # more would be no choice, and more boxes than a form may send


@dataclass(frozen=True, kw_only=True)
class NewsletterEntry:
    """One newsletter as its pages speak of it."""

    slug: str
    name: str
    description: str
    rhythm: Mapping[str, str]  #: how often, as it reads after "comes"; empty if nothing is promised
    language: str
    tracking: Tracking
    latest: str  #: path of the newest issue, or empty
    topics: Sequence[str]  #: what readers may choose among; none where that is no choice

    def about(self) -> NewsletterInfo:
        """Return what the sign-up pages say."""
        return NewsletterInfo(
            slug=self.slug,
            name=self.name,
            description=self.description,
            comes=self.rhythm,
            tracking=self.tracking.value,
            latest=self.latest,
            topics=[(each.casefold(), each) for each in self.topics],
        )

    @property
    def comes(self) -> str:
        """How often, in the newsletter's own language."""
        return self.rhythm.get(choose(self.language, ""), "")


class NewsletterCache(Mapping[str, NewsletterInfo]):
    """Every newsletter by slug, the oldest first; never waits for the store but the first time.

    What is older than a few seconds is still told, while a thread looks again.
    """

    def __init__(self, store: UnitOfWork, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._known: dict[str, NewsletterEntry] = {}
        self._due = 0.0
        self._reading = threading.Lock()

    def __getitem__(self, slug: str) -> NewsletterInfo:
        """Return what is told of a newsletter."""
        return self.series()[slug].about()

    def __iter__(self) -> Iterator[str]:
        """Yield the slugs."""
        return iter(self.series())

    def __len__(self) -> int:
        """Count the newsletters."""
        return len(self.series())

    def first(self) -> NewsletterEntry | None:
        """Return the newsletter that the front page is about."""
        return next(iter(self.series().values()), None)

    def seen(self) -> NewsletterEntry | None:
        """Return that newsletter as far as it is known: a page that says a fault may need it."""
        try:
            return self.first()
        except SQLAlchemyError:
            return None

    def series(self) -> Mapping[str, NewsletterEntry]:
        """Return all of them; raises `SQLAlchemyError` while they have never been read."""
        if not self._known:
            self.read()
        elif self._monotonic() >= self._due:
            threading.Thread(target=self.read, name="shelf", daemon=True).start()
        return self._known

    def read(self) -> None:
        """Look again, unless somebody does already; keeps what was known while that fails."""
        if not self._reading.acquire(blocking=not self._known):
            return
        try:
            self._due = self._monotonic() + FRESH_SECONDS
            with self._store.read() as session:
                topics = _topics(session)
                found = [
                    NewsletterEntry(
                        slug=each.slug,
                        name=each.name,
                        description=each.description,
                        rhythm=_rhythm(each),
                        language=each.language,
                        tracking=Tracking(each.tracking),
                        latest=_path(each.slug, published.latest(session, each)),
                        topics=topics,
                    )
                    for each in published.newsletters(session)
                ]
            self._known = {each.slug: each for each in found}
        except SQLAlchemyError:
            if not self._known:  # not known isn't the same as not there
                raise
        finally:
            self._reading.release()


def _rhythm(newsletter: Newsletter) -> Mapping[str, str]:
    if not newsletter.scheduled:
        return {}
    return {language: rhythm(newsletter.cadence(), language) for language in LANGUAGES}


def _topics(session: Session) -> Sequence[str]:
    found = categories(session, at_most=MOST_TOPICS)
    return found if len(found) > 1 else ()


def _path(slug: str, issue: published.PublishedIssue | None) -> str:
    return f"/issues/{slug}/{issue.number}" if issue else ""
