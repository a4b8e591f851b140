"""The history of a comparison: what changed while it was public, and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session

from digest.comparisons import store as comparisons
from digest.comparisons.models import Call
from digest.comparisons.schema import ComparisonDraft
from digest.db import Database
from digest.directory import PublicTerms, change_histories
from tests.directory.conftest import Carry, make_draft

SLUG = "lathe-vs-mortar"


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.write() as opened:
        yield opened


def keep(session: Session, draft: ComparisonDraft, at: datetime) -> None:
    comparisons.store_draft(session, draft, now=at)


def with_call(draft: ComparisonDraft, call: Call) -> ComparisonDraft:
    """Return the draft with a call of the first reviewer on the left tool."""
    left, right = draft.contenders
    verdicts = (left.verdicts[0].model_copy(update={"call": call}), *left.verdicts[1:])
    changed = left.model_copy(update={"verdicts": verdicts})
    return draft.model_copy(update={"contenders": (changed, right)})


def told(session: Session, terms: PublicTerms) -> list[tuple[str, list[tuple[str, date]]]]:
    newest = comparisons.latest(session, comparisons.by_slug(session, SLUG))
    histories = change_histories(session, newest, terms, language="en")
    return [(each.what, [(step.value, step.day) for step in each.steps]) for each in histories]


def test_a_comparison_that_was_never_revised_has_no_history(
    session: Session, terms: PublicTerms, now: datetime
) -> None:
    keep(session, make_draft("Lathe", "Mortar"), now)

    assert told(session, terms) == []


def test_a_share_that_comes_and_goes_has_no_dash_for_what_is_not_known(
    session: Session, terms: PublicTerms, now: datetime
) -> None:
    for days, share in enumerate((None, 75.0, None)):
        keep(session, make_draft("Lathe", "Mortar", shares=(share, 25.0)), now + timedelta(days))

    [(_, steps)] = told(session, terms)
    assert [value for value, _ in steps] == ["not published", "75%", "not published"]


def test_a_share_that_changed_twice_is_told_with_each_day(
    session: Session, terms: PublicTerms, now: datetime
) -> None:
    for days, share in enumerate((100.0, 75.0, 50.0)):
        keep(session, make_draft("Lathe", "Mortar", shares=(share, 25.0)), now + timedelta(days))

    day = now.date()
    assert told(session, terms) == [
        (
            "panel share of Lathe",
            [
                ("100%", date(2026, 11, 20)),  # the day it was published
                ("75%", day + timedelta(1)),
                ("50%", day + timedelta(2)),
            ],
        )
    ]


def test_a_slip_that_is_put_right_on_its_day_is_not_told(
    session: Session, terms: PublicTerms, now: datetime
) -> None:
    for hours, share in ((0, 100.0), (24, 75.0), (25, 100.0)):
        draft = make_draft("Lathe", "Mortar", shares=(share, 25.0))
        keep(session, draft, now + timedelta(hours=hours))

    assert told(session, terms) == []


def test_of_several_values_of_one_day_the_last_is_told(
    session: Session, terms: PublicTerms, now: datetime
) -> None:
    for hours, share in ((0, 100.0), (24, 75.0), (25, 50.0), (48, 25.0)):
        draft = make_draft("Lathe", "Mortar", shares=(share, 25.0))
        keep(session, draft, now + timedelta(hours=hours))

    [(_, steps)] = told(session, terms)
    day = now.date()
    assert steps[1:] == [("50%", day + timedelta(1)), ("25%", day + timedelta(2))]


def test_a_call_is_told_and_words_are_not(
    session: Session, terms: PublicTerms, now: datetime
) -> None:
    draft = make_draft("Lathe", "Mortar", shares=(75.0, 25.0))
    keep(session, with_call(draft, Call.SHIP), now)
    later = with_call(make_draft("Lathe", "Mortar", shares=(75.0, 25.0), tagline="New"), Call.SKIP)
    keep(session, later, now + timedelta(days=1))

    (what, steps) = told(session, terms)[0]
    assert len(told(session, terms)) == 1
    assert what == "Reviewer 1 on Lathe"
    assert [value for value, _ in steps] == ["would ship", "would skip"]


def test_what_was_replaced_before_its_day_was_never_public(session: Session, now: datetime) -> None:
    day = (now + timedelta(days=30)).date()
    for days, share in ((0, 100.0), (1, 75.0), (40, 50.0)):
        draft = make_draft("Lathe", "Mortar", shares=(share, 25.0), published_on=day)
        keep(session, draft, now + timedelta(days))

    (history,) = told(session, PublicTerms(now=now + timedelta(days=41)))

    assert [value for value, _ in history[1]] == ["75%", "50%"]


def test_where_an_issue_publishes_the_history_begins_with_it(
    session: Session, carry: Carry, now: datetime
) -> None:
    keep(session, make_draft("Lathe", "Mortar", shares=(100.0, 25.0)), now - timedelta(days=3))
    keep(session, make_draft("Lathe", "Mortar", shares=(75.0, 25.0)), now - timedelta(days=2))
    carry(session, SLUG)

    assert told(session, PublicTerms(now=now, with_issue=True)) == []
    assert len(told(session, PublicTerms(now=now))) == 1
