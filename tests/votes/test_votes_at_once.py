"""Two processes that write votes at once, on PostgreSQL: nothing is lost, and nobody waits long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from digest.db import Database
from digest.votes import cast_votes, erase_voter, judge_waiting
from tests.conftest import NOW
from tests.subscribers.test_concurrency import beside
from tests.votes.conftest import SHIP, SKIP, Poll, new_poll
from tests.votes.test_count_ledger import counted, recounted

pytestmark = pytest.mark.postgres


@pytest.fixture
def poll(postgres_database: Database) -> Poll:
    return new_poll(postgres_database, NOW)


def test_of_one_reader_s_votes_at_once_the_last_counts(poll: Poll) -> None:
    reader = poll.reader()
    first, second = poll.ballot(reader, SHIP, SHIP), poll.ballot(reader, SKIP, None)
    beside(
        poll.database,
        lambda session: cast_votes(session, [first], poll.terms, NOW),
        lambda session: cast_votes(session, [second], poll.terms, NOW),
    )
    assert (poll.count(0), poll.count(1)) == ((0, 1), (0, 0))
    assert counted(poll) == recounted(poll)


def test_a_ballot_finds_its_reader_erased_who_was_there_a_moment_before(poll: Poll) -> None:
    reader, other = poll.readers(2)

    def erase(session: Session) -> None:
        cast_votes(session, [poll.ballot(reader), poll.ballot(other)], poll.terms, NOW)
        erase_voter(session, reader, keep=False, now=NOW)

    beside(
        poll.database,
        erase,
        lambda session: cast_votes(session, [poll.ballot(other, SKIP)], poll.terms, NOW),
    )
    assert poll.count() == (0, 1)
    assert counted(poll) == recounted(poll)


def test_many_votes_from_two_processes_lock_none_of_them_out(poll: Poll) -> None:
    readers, second = poll.readers(12), poll.comparison()

    def flood(order: list[int]) -> None:
        for turn in range(4):
            ballots = [
                poll.ballot(reader, (SHIP, SKIP)[(reader + turn) % 2], comparison=number)
                for reader in order
                for number in (min(poll.pairs), second)
            ]
            with poll.database.write() as session:
                cast_votes(session, ballots, poll.terms, NOW)
                judge_waiting(session, poll.terms, NOW)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(flood, readers), pool.submit(flood, readers[::-1])]:
            done.result(60)
    assert counted(poll) == recounted(poll)
    assert sum(counted(poll).values()) == 2 * len(readers)
