"""What editors are told of the votes: sums, days, readers, and what isn't counted and why."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlmodel import Session

from digest import samples
from digest.comparisons import store
from digest.comparisons.loader import read_file
from digest.comparisons.models import Call, Revision
from digest.db import Database
from digest.votes import (
    HeldReason,
    ScanSign,
    VoteCount,
    VoteNumbers,
    VotesOnDay,
    scan_numbers,
    turnout,
    vote_numbers,
)
from digest.votes.models import DailyCount, ScannedCopy, Vote
from digest.votes.numbers import LONGEST

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
SLUGS = ("lintwick-vs-ravelin-coder-2", "tidepool-notes-vs-marginalia-loop")
FIRST, SECOND = date(2026, 11, 24), date(2026, 11, 27)
Who = tuple[int, Call | None, HeldReason | None, int]  #: reader, call, why held, edition


@pytest.fixture
def compared(database: Database) -> Database:
    with database.write() as session:
        for path in samples.comparisons():
            if path.stem in SLUGS:
                store.store_draft(session, read_file(path), now=NOW)
    return database


def newest(session: Session, slug: str = SLUGS[0]) -> Revision:
    return store.latest(session, store.by_slug(session, slug))


def vote(
    database: Database, *votes: Who, side: int = 0, slug: str = SLUGS[0], at: datetime = NOW
) -> None:
    with database.write() as session:
        row = newest(session, slug)
        session.add_all(
            Vote(
                comparison_id=row.comparison_id,
                tool_id=row.contenders[side].tool_id,
                subscriber_id=reader,
                call=call,
                held=held,
                edition_id=edition,
                at=at,
                mailbox_hash=f"{reader}",
            )
            for reader, call, held, edition in votes
        )


def count(database: Database, day: date, ships: int, skips: int) -> None:
    with database.write() as session:
        row = newest(session)
        session.add(
            DailyCount(
                comparison_id=row.comparison_id,
                tool_id=row.contenders[0].tool_id,
                day=day,
                ships=ships,
                skips=skips,
            )
        )


def numbers(database: Database) -> VoteNumbers:
    with database.read() as session:
        return vote_numbers(session, [newest(session)])[0]


def test_days_without_votes_carry_on_the_sums_of_those_before(compared: Database) -> None:
    count(compared, FIRST, 3, 1)
    count(compared, SECOND, -1, 2)
    left, right = numbers(compared).tools
    assert [at.day.day for at in left.history] == [24, 25, 26, 27]
    assert left.history[1].total == left.history[2].total == VoteCount(3, 1)
    assert left.history[-1] == VotesOnDay(SECOND, VoteCount(2, 3))
    assert left.count == VoteCount(2, 3)
    assert right.count == VoteCount()
    assert [at.day for at in right.history] == [at.day for at in left.history]


def test_a_long_history_ends_with_all_votes(compared: Database) -> None:
    count(compared, date(2020, 1, 1), 5, 0)
    count(compared, SECOND, 1, 0)
    history = numbers(compared).tools[0].history
    assert len(history) == LONGEST
    assert (history[0].total.ships, history[-1].total.ships) == (5, 6)


def test_a_reader_of_both_tools_is_one_and_who_is_held_or_took_back_is_none(
    compared: Database,
) -> None:
    vote(
        compared,
        (1, Call.SHIP, None, 7),
        (2, Call.SKIP, None, 0),
        (3, None, None, 7),
        (4, Call.SHIP, HeldReason.SCANNER, 7),
        (5, Call.SHIP, HeldReason.SCANNER, 7),
        (6, Call.SHIP, HeldReason.NETWORK, 0),
        (7, None, HeldReason.NETWORK, 0),
    )
    vote(compared, (1, Call.SKIP, None, 7), (8, Call.SKIP, None, 7), side=1)
    found = numbers(compared)
    assert found.turnout == 3
    assert found.taken_back == 2
    assert list(found.held.items()) == [(HeldReason.SCANNER, 2), (HeldReason.NETWORK, 1)]


def test_readers_have_voted_since_the_first_day_with_a_vote_that_counts(
    compared: Database,
) -> None:
    count(compared, FIRST, 1, 0)
    count(compared, SECOND, 0, 0)  # one was taken back, and another one came
    vote(compared, (1, None, None, 7), (2, Call.SHIP, HeldReason.SCANNER, 7))
    assert numbers(compared).since is None
    vote(compared, (3, Call.SHIP, None, 7), at=datetime(2026, 11, 27, 23, 59, tzinfo=UTC))
    assert numbers(compared).since == SECOND


def test_the_readers_of_an_edition_are_those_whose_link_was_in_it(compared: Database) -> None:
    vote(compared, (1, Call.SHIP, None, 7), (2, Call.SHIP, None, 8), (3, Call.SHIP, None, 0))
    vote(compared, (1, Call.SKIP, None, 7), slug=SLUGS[1])
    with compared.read() as session:
        ids = [newest(session, slug).comparison_id for slug in SLUGS]
        assert turnout(session, ids, edition_ids=[7]) == 1
        assert turnout(session, ids, edition_ids=[7, 8]) == 2
        assert turnout(session, ids[1:], edition_ids=[8]) == 0


def test_scanned_copies_are_counted_by_what_showed_it(compared: Database) -> None:
    with compared.write() as session:
        session.add_all(
            ScannedCopy(subscriber_id=n, edition_id=7, sign=sign, at=NOW, pressed=n == 1)
            for n, sign in enumerate((ScanSign.EARLY, ScanSign.BURST, ScanSign.BURST))
        )
        session.add(ScannedCopy(subscriber_id=1, edition_id=8, sign=ScanSign.EARLY, at=NOW))
    with compared.read() as session:
        assert scan_numbers(session, [7]).as_dict() == {
            "copies": 3,
            "signs": {"burst": 2, "early": 1},
            "pressed": 1,
        }
        assert scan_numbers(session, []).copies == 0


def test_numbers_are_plain_values_without_a_person(compared: Database) -> None:
    count(compared, FIRST, 3, 1)
    facts = numbers(compared).as_dict()
    [left, right] = facts["tools"]
    assert left["days"] == [{"day": "2026-11-24", "ships": 3, "skips": 1, "share": 75.0}]
    assert left["interval"] == {"low": 30.1, "high": 95.4}
    assert (right["share"], right["interval"]) == (None, None)
    assert left["panel_share"] is not None
