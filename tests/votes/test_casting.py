"""Casting: one vote for each reader and tool, the last one counts, its history is kept."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, select

from digest.votes import standing_votes, turnout, votes_by
from digest.votes.models import DailyCount, VoteChange
from tests.votes.conftest import SHIP, SKIP, Poll


def test_a_vote_on_each_tool_counts_once(poll: Poll) -> None:
    first, second = poll.readers(2)
    assert poll.cast(poll.ballot(first, SHIP, SKIP), poll.ballot(second, SKIP)) == [None, None]
    assert (poll.count(0), poll.count(1)) == ((1, 1), (0, 1))
    poll.cast(poll.ballot(first, SHIP, SKIP))
    assert (poll.count(0), poll.count(1)) == ((1, 1), (0, 1))


def test_the_last_vote_counts_and_each_change_is_kept(poll: Poll) -> None:
    reader = poll.reader()
    for call in (SHIP, SKIP, SKIP, None, None, SHIP):
        poll.later(minutes=5)
        poll.cast(poll.ballot(reader, call))
    assert poll.count() == (1, 0)
    with poll.database.read() as session:
        calls = session.exec(select(VoteChange.call).order_by(col(VoteChange.id))).all()
    assert calls == [SHIP, SKIP, None, SHIP]


def test_ballots_of_one_reader_that_come_together_apply_in_order(poll: Poll) -> None:
    reader = poll.reader()
    poll.cast(*[poll.ballot(reader, call) for call in (SHIP, None, SKIP)])
    assert poll.count() == (0, 1)


def test_what_was_never_cast_is_taken_back_without_a_trace(poll: Poll) -> None:
    assert poll.cast(poll.ballot(poll.reader(), None, None)) == [None]
    assert poll.held() == []


def test_a_reader_who_is_gone_votes_no_more(poll: Poll) -> None:
    assert poll.cast(poll.ballot(404)) == [None]
    assert poll.held() == []


def test_counts_are_kept_by_the_day_on_which_they_change(poll: Poll) -> None:
    reader = poll.reader()
    poll.cast(poll.ballot(reader, SHIP))
    poll.later(days=1)
    poll.cast(poll.ballot(reader, SKIP))
    with poll.database.read() as session:
        rows = session.exec(select(DailyCount).order_by(col(DailyCount.day))).all()
    today = poll.now.date()
    assert [(row.day, row.ships, row.skips) for row in rows] == [
        (today - timedelta(days=1), 1, 0),
        (today, -1, 1),
    ]


def test_a_reader_s_votes_are_found_and_those_taken_back_are_not(poll: Poll) -> None:
    reader, other = poll.readers(2)
    number = min(poll.pairs)
    left, right = poll.pairs[number]
    poll.cast(poll.ballot(reader, SHIP, SKIP), poll.ballot(other, SKIP))
    poll.later(minutes=1)
    poll.cast(poll.ballot(reader, None))
    with poll.database.read() as session:
        assert standing_votes(session, reader, number) == {right: SKIP}
        assert [(vote.tool_id, vote.call) for vote in votes_by(session, other)] == [(left, SKIP)]
        assert turnout(session, [number]) == 2
