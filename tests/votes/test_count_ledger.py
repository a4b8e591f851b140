"""The counts are exactly what the votes add up to, whatever happens to them in which order."""

from __future__ import annotations

import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, text
from sqlmodel import col, select

from digest.comparisons.models import Call
from digest.db import Database
from digest.votes import Copy, DeliveredState, erase_voter
from digest.votes.models import DailyCount, Vote, VoteChange
from tests.conftest import NOW
from tests.votes.conftest import EDITION, SHIP, SKIP, Poll, new_poll

READERS = 3
Step = tuple[str, int, Call | None, Call | None]
CALLS = st.sampled_from([SHIP, SKIP, None])
WHO = st.integers(0, READERS - 1)
NAMES = st.sampled_from(
    ["cast", "cast", "machine", "scan", "robot", "robot", "awaited", "delivered", "erase"]
)
STEPS = st.one_of(
    st.tuples(NAMES, WHO, CALLS, CALLS),
    st.tuples(st.just("wait"), st.sampled_from([3, 40, 700, 90_000]), CALLS, CALLS),
)


def one_step(poll: Poll, readers: list[int], step: Step) -> None:
    name, at, left, right = step
    reader = readers[at % READERS]
    match name:
        case "cast" | "machine":
            poll.cast(poll.ballot(reader, left, right, machine=name == "machine"))
        case "scan" | "robot":
            if name == "robot":  # presses first, so that only what follows shows it
                poll.look(reader, 0, left or SHIP)
                poll.cast(poll.ballot(reader, left, right))
            for tool, call in product((0, 1), (SHIP, SKIP)):
                poll.look(reader, tool, call, after=1)
        case "awaited":
            poll.arrivals[Copy(EDITION, reader)] = DeliveredState(awaited=True)
        case "delivered":
            poll.delivered(reader)
        case "erase":
            erase(poll, reader, keep=left is SHIP)
        case _:
            poll.later(seconds=at)
    poll.judge()


def erase(poll: Poll, reader: int, *, keep: bool) -> None:
    with poll.database.write() as session:
        erase_voter(session, reader, keep=keep, now=poll.now)
        session.execute(text("DELETE FROM subscriber WHERE id = :id"), {"id": reader})


def counted(poll: Poll) -> Counter[tuple[int, str]]:
    """Return what is shown, by tool and place."""
    with poll.database.read() as session:
        rows = session.exec(
            select(
                DailyCount.tool_id,
                func.sum(col(DailyCount.ships)),
                func.sum(col(DailyCount.skips)),
                func.sum(col(DailyCount.held)),
            ).group_by(col(DailyCount.tool_id))
        )
        return +Counter(
            {
                (tool, place): int(number)
                for tool, *numbers in rows
                for place, number in zip(("ship", "skip", "held"), numbers, strict=True)
            }
        )


def recounted(poll: Poll) -> Counter[tuple[int, str]]:
    """Return the same from the votes themselves."""
    with poll.database.read() as session:
        votes = session.exec(select(Vote).where(col(Vote.call).is_not(None))).all()
    return Counter((vote.tool_id, "held" if vote.held else str(vote.call)) for vote in votes)


def last_entries(poll: Poll) -> dict[int, str | None]:
    """Return what each vote's history says last, by the vote's id; those that never counted not."""
    with poll.database.read() as session:
        entries = session.exec(select(VoteChange).order_by(col(VoteChange.id))).all()
    return {entry.vote_id: entry.call for entry in entries}


@given(st.lists(STEPS, max_size=15))
@example(steps=[("cast", 0, SHIP, SKIP), ("wait", 700, None, None), ("robot", 0, SKIP, None)])
@settings(max_examples=30)
def test_the_counts_are_what_the_votes_add_up_to(
    empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("votes") / "digest.db"
    shutil.copyfile(empty_sqlite, path)
    database = Database(f"sqlite:///{path}")
    poll = new_poll(database, NOW)
    readers = [poll.reader(f"ann+{n}@example.com", new=n > 1) for n in range(READERS - 1)]
    readers.append(poll.reader("ben@example.com"))
    for step in steps:
        one_step(poll, readers, step)
    assert counted(poll) == recounted(poll)
    with database.read() as session:
        votes = session.exec(select(Vote)).all()
    entries = last_entries(poll)
    assert {vote.id: None if vote.held else vote.call for vote in votes} == {
        vote.id: entries.get(vote.id or 0) for vote in votes
    }
    database.close()
