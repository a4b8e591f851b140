"""A poll: comparisons of two tools, readers, and the use cases of voting on a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session
from sqlmodel import col, select

from digest.comparisons.models import Call, Comparison, Tool
from digest.db import Database
from digest.votes import (
    Ballot,
    Copy,
    DeliveredState,
    HeldReason,
    VoteCount,
    VoteLinkLook,
    VoteTarget,
    VoteTerms,
    cast_votes,
    counts_of,
    judge_waiting,
    note_looks,
)
from digest.votes.models import ScannedCopy, Vote
from subscribers import store
from subscribers.address import parse
from subscribers.models import Standing
from subscribers.tokens import Hashes

SHIP, SKIP = Call.SHIP, Call.SKIP
EDITION = 7
LONG_AGO = timedelta(days=400)


@dataclass
class Poll:
    """Comparisons of two tools, and what readers do with them, a minute apart unless said."""

    database: Database
    now: datetime
    terms: VoteTerms
    arrivals: dict[Copy, DeliveredState] = field(default_factory=dict)
    pairs: dict[int, tuple[int, int]] = field(default_factory=dict)

    def comparison(self) -> int:
        """Add a comparison, and return its id."""
        at = len(self.pairs)
        with self.database.write() as session:
            row = Comparison(slug=f"pair-{at}", first_imported_at=self.now)
            tools = [Tool(slug=f"tool-{at}-{side}", name=f"Tool {side}") for side in (0, 1)]
            session.add_all([row, *tools])
            session.flush()
            left, right = (tool.id or 0 for tool in tools)
            self.pairs[row.id or 0] = (left, right)
            return row.id or 0

    def reader(self, address: str = "reader@example.com", *, new: bool = False) -> int:
        """Add a reader who has long been on the list, or a new one, and return the number."""
        with self.database.write() as session:
            number = store.add(session, parse(address), self.now)
            if not new:
                since = self.now - LONG_AGO
                store.join(session, number, "weekly", Standing.CONFIRMED, since, source="form")
        return number

    def readers(self, number: int, *, new: bool = False) -> list[int]:
        """Add readers, and return their numbers."""
        return [
            self.reader(f"{'new' if new else 'old'}{n}@example.com", new=new) for n in range(number)
        ]

    def later(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)

    def ballot(
        self,
        reader: int,
        left: Call | None = SHIP,
        *right: Call | None,
        comparison: int | None = None,
        edition: int = EDITION,
        network: str = "192.0.2.0/24",
        address: str = "",
        machine: bool = False,
    ) -> Ballot:
        """Return a ballot on the first tool, or on both."""
        number = comparison or min(self.pairs)
        calls = dict(zip(self.pairs[number], (left, *right), strict=False))
        target = VoteTarget(reader, number, edition, self.now - timedelta(minutes=1))
        return Ballot(target, calls, network, address, machine)

    def cast(self, *ballots: Ballot) -> list[HeldReason | None]:
        """Cast ballots in one transaction; return why each is held."""
        with self.database.write() as session:
            return [result.held for result in cast_votes(session, ballots, self.terms, self.now)]

    def look(
        self,
        reader: int,
        tool: int = 0,
        call: Call = SHIP,
        *,
        comparison: int | None = None,
        after: float = 0,
        edition: int = EDITION,
        machine: bool = False,
        address: str = "",
    ) -> None:
        """Look at the link of a choice, so many seconds after the last visit."""
        self.later(seconds=after)
        number = comparison or min(self.pairs)
        look = VoteLinkLook(
            reader, edition, number, self.pairs[number][tool], call, self.now, machine, address
        )
        with self.database.write() as session:
            note_looks(session, [look], self.terms, self.now)

    def judge(self) -> int:
        """Judge what waits."""
        with self.database.write() as session:
            return judge_waiting(session, self.terms, self.now)

    def delivered(self, reader: int, at: datetime | None = None) -> None:
        """Report a reader's copy as delivered."""
        moment = int((at or self.now).timestamp())
        self.arrivals[Copy(EDITION, reader)] = DeliveredState(moment=moment)

    def count(self, tool: int = 0, comparison: int | None = None) -> tuple[int, int]:
        """Return the ships and skips that are shown for a tool."""
        number = comparison or min(self.pairs)
        with self.database.read() as session:
            counts = counts_of(session, [number]).get(number, {})
        # There are two.
        return tuple(counts.get(self.pairs[number][tool], VoteCount()))  # type: ignore[return-value]

    def held(self) -> list[HeldReason | None]:
        """Return each vote's reason to be held, in the order they were cast."""
        with self.database.read() as session:
            return [vote.held for vote in session.exec(select(Vote).order_by(col(Vote.id)))]

    def scans(self) -> dict[int, tuple[str, bool]]:
        """Return the scanned copies: sign, and whether the button was pressed, by reader."""
        with self.database.read() as session:
            rows = session.exec(select(ScannedCopy)).all()
            return {row.subscriber_id: (row.sign.value, row.pressed) for row in rows}


def new_poll(database: Database, now: datetime) -> Poll:
    """Return a poll with one comparison."""
    arrivals: dict[Copy, DeliveredState] = {}

    def delivered(_session: Session, copies: Sequence[Copy]) -> Mapping[Copy, DeliveredState]:
        return {copy: arrivals[copy] for copy in copies if copy in arrivals}

    hashes = Hashes(["a secret for these tests, long enough"])
    terms = VoteTerms(hashes=hashes, delivered=delivered)
    poll = Poll(database, now, terms, arrivals)
    poll.comparison()
    return poll


@pytest.fixture
def poll(database: Database, now: datetime) -> Poll:
    """A poll with one comparison."""
    return new_poll(database, now)
