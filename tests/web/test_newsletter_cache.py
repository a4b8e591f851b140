"""The newsletter cache: how long it lasts, and what it serves while the store is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.issues.models import Newsletter
from digest.web.newsletter_cache import FRESH_SECONDS, NewsletterCache


@dataclass
class FlakyDatabase:
    """A store that can be unreachable."""

    database: Database
    away: bool = False
    reads: list[None] = field(default_factory=list)

    @contextmanager
    def read(self) -> Iterator[Session]:
        self.reads.append(None)
        if self.away:
            raise OperationalError("", {}, Exception("away"))
        with self.database.read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        raise AssertionError("a cache writes nothing")
        yield


@dataclass
class FakeClock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(database: Database) -> FlakyDatabase:
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly", description="Two tools."))
        session.add(Newsletter(slug="monthly", name="Monthly", scheduled=False))
    return FlakyDatabase(database)


def comparison(number: int, category: str) -> ComparisonDraft:
    verdicts = (VerdictDraft(seat=1, quote="Said."),)
    left, right = (
        ContenderDraft(name=f"{side} {number}", category=category, verdicts=verdicts)
        for side in "AB"
    )
    return ComparisonDraft(title=f"Comparison {number}", contenders=(left, right))


def rename(store: FlakyDatabase, name: str) -> None:
    with store.database.write() as session:
        statement = update(Newsletter).where(col(Newsletter.slug) == "weekly")
        session.connection().execute(statement.values(name=name))


def test_a_newsletter_is_listed_with_how_often_it_comes(store: FlakyDatabase) -> None:
    cache = NewsletterCache(store)

    assert list(cache) == ["weekly", "monthly"]
    assert cache["weekly"].description == "Two tools."
    assert cache["weekly"].comes == {"en": "every Tuesday", "de": "jeden Dienstag"}
    assert cache["monthly"].description == ""
    assert cache.get("daily") is None


@pytest.mark.parametrize(
    ("categories", "offered"),
    [
        ((), []),
        (("Audio", "AUDIO"), []),
        (("Video", "Audio", "VIDEO", "Video"), ["Audio", "Video"]),
    ],
)
def test_topics_are_offered_where_there_is_something_to_choose(
    store: FlakyDatabase, now: datetime, categories: tuple[str, ...], offered: list[str]
) -> None:
    with store.database.write() as session:
        for number, category in enumerate(categories):
            store_draft(session, comparison(number, category), now=now)

    topics = NewsletterCache(store)["monthly"].topics

    assert topics == [(each.casefold(), each) for each in offered]


def test_the_store_is_asked_once_in_a_while(store: FlakyDatabase) -> None:
    time = FakeClock()
    cache = NewsletterCache(store, time)

    for _ in range(100):
        cache.first()

    assert len(store.reads) == 1


def test_a_change_shows_after_a_while(store: FlakyDatabase) -> None:
    cache = NewsletterCache(store, FakeClock())
    cache.first()
    rename(store, "Wednesday's")

    cache.read()  # what a thread does by itself after some seconds

    assert cache["weekly"].name == "Wednesday's"


def test_while_the_database_is_away_the_last_entries_are_shown(store: FlakyDatabase) -> None:
    time = FakeClock()
    cache = NewsletterCache(store, time)
    cache.first()
    store.away = True
    time.now += FRESH_SECONDS

    cache.read()

    assert cache["weekly"].name == "Weekly"


def test_newsletters_that_could_never_be_read_are_not_taken_for_none(store: FlakyDatabase) -> None:
    store.away = True
    cache = NewsletterCache(store)

    with pytest.raises(OperationalError):
        cache.first()
    assert cache.only_one() is None

    store.away = False
    assert cache["weekly"].name == "Weekly"
