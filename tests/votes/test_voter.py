"""One voter: what is erased with a reader, exported, chosen, and purged with time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from digest.votes import (
    erase_voter,
    export_votes,
    preference_of,
    purge_votes,
    set_preference,
    turnout,
)
from digest.votes.models import (
    BY_LETTER,
    HeldReason,
    ScannedCopy,
    Vote,
    VoteChange,
    VoteLinkVisit,
    VoterPreference,
)
from subscribers import lifecycle, retention, store
from subscribers.address import parse
from subscribers.models import Standing
from subscribers.store import Evidence
from tests.votes.conftest import SHIP, SKIP, Poll

OPERATOR = Evidence(channel="operator")


def erase(poll: Poll, reader: int, *, keep: bool) -> None:
    with poll.database.write() as session:
        lifecycle.erase(
            session,
            reader,
            OPERATOR,
            poll.terms.hashes,
            poll.now,
            elsewhere=lambda s, number, _: erase_voter(s, number, keep=keep, now=poll.now),
        )


def rows(poll: Poll, model: type[Vote] | type[VoteChange]) -> int:
    with poll.database.read() as session:
        return len(session.exec(select(model)).all())


def test_an_erased_reader_s_vote_stays_without_a_person_and_nobody_votes_twice(poll: Poll) -> None:
    reader = poll.reader("ann@example.com", new=True)
    poll.look(reader, machine=True)
    poll.cast(poll.ballot(reader, SHIP, SKIP))
    with poll.database.write() as session:
        set_preference(session, reader, reviewer=True, now=poll.now)
    erase(poll, reader, keep=True)
    assert (poll.count(0), poll.count(1)) == ((1, 0), (0, 1))
    with poll.database.read() as session:
        votes = session.exec(select(Vote)).all()
        assert {(vote.subscriber_id, vote.network_hash) for vote in votes} == {(None, None)}
        for model in (VoteLinkVisit, ScannedCopy, VoterPreference):
            assert session.exec(select(model)).all() == []
        assert turnout(session, list(poll.pairs)) == 1
    assert rows(poll, VoteChange) == 2
    again = poll.reader("ann+again@example.com")
    assert poll.cast(poll.ballot(again, SHIP)) == [HeldReason.MAILBOX]


def test_an_erased_reader_s_vote_goes_where_the_settings_say_so(poll: Poll) -> None:
    reader, other = poll.readers(2)
    poll.cast(poll.ballot(reader, SHIP), poll.ballot(other, SKIP))
    erase(poll, reader, keep=False)
    assert poll.count() == (0, 1)
    assert (rows(poll, Vote), rows(poll, VoteChange)) == (1, 1)


@pytest.mark.parametrize("keep", [True, False])
def test_a_held_vote_of_an_erased_reader_never_counts(poll: Poll, keep: bool) -> None:
    reader = poll.reader()
    poll.cast(poll.ballot(reader, machine=True))
    erase(poll, reader, keep=keep)
    poll.later(days=1)
    assert (poll.judge(), poll.count()) == (0, (0, 0))
    assert len(poll.held()) == keep


def test_a_reader_s_export_has_each_vote_with_its_history(poll: Poll) -> None:
    reader = poll.reader()
    poll.cast(poll.ballot(reader, SHIP))
    first = poll.now
    poll.later(days=1)
    poll.cast(poll.ballot(reader, SKIP))
    with poll.database.read() as session:
        assert export_votes(session, reader) == [
            {
                "comparison": "pair-0",
                "tool": "tool-0-0",
                "call": SKIP,
                "at": poll.now,
                "not_counted": None,
                "history": [
                    {"counted_as": SHIP, "at": first},
                    {"counted_as": SKIP, "at": poll.now},
                ],
            }
        ]


def test_a_preference_keeps_its_moment_until_it_is_switched_off(poll: Poll) -> None:
    reader, since = poll.reader(), poll.now
    with poll.database.write() as session:
        assert preference_of(session, reader).reviewer_since is None
        set_preference(session, reader, reviewer=True, now=since)
        set_preference(session, reader, reviewer=True, changes=True, now=since + timedelta(days=1))
        both = preference_of(session, reader)
        set_preference(session, reader, reviewer=False, now=since)
        one = preference_of(session, reader)
    assert (both.reviewer_since, both.changes_since) == (since, since + timedelta(days=1))
    assert (one.reviewer_since, one.changes_since) == (None, since + timedelta(days=1))


def test_a_visitor_who_only_voted_is_deleted_and_can_t_vote_a_second_time(poll: Poll) -> None:
    visitor = poll.reader("visitor@example.com", new=True)
    poll.cast(poll.ballot(visitor, SHIP, edition=BY_LETTER))
    poll.later(days=8)
    retention.purge(poll.database, poll.terms.hashes, poll.now)
    assert purge_votes(poll.database, poll.now, network_days=90) == 1
    with poll.database.read() as session:
        assert store.find(session, "visitor@example.com") is None
    assert poll.count() == (1, 0)
    with poll.database.write() as session:
        again = store.add(session, parse("visitor@example.com"), poll.now)
    assert poll.cast(poll.ballot(again, SKIP, edition=BY_LETTER)) == [HeldReason.MAILBOX]
    assert poll.count() == (1, 0)


def test_looks_and_networks_are_kept_for_some_days(poll: Poll) -> None:
    reader = poll.reader(new=True)
    poll.look(reader)
    poll.cast(poll.ballot(reader))
    with poll.database.write() as session:
        store.join(session, reader, "weekly", Standing.CONFIRMED, poll.now, source="form")

    def kept() -> tuple[int, list[bool]]:
        with poll.database.read() as session:
            looks = session.exec(select(VoteLinkVisit)).all()
            votes = session.exec(select(Vote)).all()
            return len(looks), [vote.network_hash is not None for vote in votes]

    for days, left in ((3, (1, [True])), (1, (0, [True])), (86, (0, [True])), (1, (0, [False]))):
        poll.later(days=days)
        purge_votes(poll.database, poll.now, network_days=90)
        assert kept() == left
