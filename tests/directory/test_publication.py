"""When a comparison is public, by its own day and by the issue that carries it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from digest.comparisons import editorial
from digest.db import Database
from digest.directory import PublicTerms, public_revision
from digest.errors import ComparisonWithdrawn, NotFound
from tests.directory.conftest import Carry, Publish

IMPORT, ISSUE = False, True
BEFORE, TODAY = date(2026, 11, 23), date(2026, 11, 24)
AHEAD = date(2026, 11, 25)  # it has begun nowhere at nine o'clock in London


def shown(session: Session, slug: str, terms: PublicTerms) -> bool:
    try:
        return public_revision(session, slug, terms).comparison.slug == slug
    except NotFound:
        return False


@pytest.mark.parametrize(
    ("day", "carried", "with_issue", "expected"),
    [
        (BEFORE, False, IMPORT, True),
        (TODAY, False, IMPORT, True),
        (None, False, IMPORT, True),
        (AHEAD, False, IMPORT, False),
        (AHEAD, True, IMPORT, True),
        (BEFORE, False, ISSUE, False),
        (None, False, ISSUE, False),
        (BEFORE, True, ISSUE, True),
        (None, True, ISSUE, True),
    ],
)
def test_a_comparison_is_public_from_its_day_or_from_the_issue_that_carries_it(
    database: Database,
    publish: Publish,
    carry: Carry,
    terms: PublicTerms,
    day: date | None,
    carried: bool,
    with_issue: bool,
    expected: bool,
) -> None:
    with database.write() as session:
        slug = publish(session, published_on=day)
        carry(session, slug, frozen=carried)
        assert shown(session, slug, replace(terms, with_issue=with_issue)) is expected


def test_a_day_begins_where_on_earth_it_begins_first(
    database: Database, publish: Publish, now: datetime
) -> None:
    with database.write() as session:
        slug = publish(session, published_on=AHEAD)
        last = PublicTerms(now=now + timedelta(minutes=59))
        assert not shown(session, slug, last)
        assert shown(session, slug, PublicTerms(now=now + timedelta(hours=1)))


def test_what_was_withdrawn_is_not_public(
    database: Database, publish: Publish, carry: Carry, terms: PublicTerms
) -> None:
    with database.write() as session:
        slug = publish(session)
        carry(session, slug)
        editorial.withdraw(session, slug, "a wrong quote", terms.now)
        with pytest.raises(ComparisonWithdrawn):
            public_revision(session, slug, terms)


@pytest.mark.parametrize("with_issue", [IMPORT, ISSUE])
def test_what_was_withdrawn_before_it_was_public_stays_unknown(
    database: Database, publish: Publish, terms: PublicTerms, with_issue: bool
) -> None:
    with database.write() as session:
        slug = publish(session, published_on=AHEAD)
        editorial.withdraw(session, slug, "a wrong quote", terms.now)
        for days in (0, 30):
            later = PublicTerms(now=terms.now + timedelta(days=days), with_issue=with_issue)
            with pytest.raises(NotFound):
                public_revision(session, slug, later)


@pytest.mark.parametrize("slug", ["nothing", "a\0b", "", "x" * 5000])
def test_what_nobody_published_is_not_found(
    database: Database, terms: PublicTerms, slug: str
) -> None:
    with database.read() as session, pytest.raises(NotFound):
        public_revision(session, slug, terms)
