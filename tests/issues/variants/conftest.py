"""Fixtures for variants: reviewers with calls of their own, and readers who vote like them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import pytest
from sqlmodel import select

from digest.comparisons.models import Call, Contender, Revision
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.votes.models import Vote, VoterPreference
from subscribers.models import Standing, Subscriber, Subscription

SHIP, SKIP = Call.SHIP, Call.SKIP
#: What each seat says of the left tool and of the right one.
PANEL = {1: (SHIP, SHIP), 2: (SKIP, SKIP), 3: (SHIP, SKIP), 4: (SKIP, SHIP)}
VOTED_ON = 3  #: comparisons, of two tools each

AddReader = Callable[..., int]


def judged(number: int, *, reviewer: str | None = None) -> ComparisonDraft:
    """Return a comparison whose reviewers' calls are published."""
    sides = [
        ContenderDraft(
            name=f"{name} {number}",
            verdicts=tuple(
                VerdictDraft(
                    seat=seat,
                    quote=f"Seat {seat} on {name}.",
                    call=calls[side],
                    reviewer=reviewer if seat == 2 else None,
                )
                for seat, calls in PANEL.items()
            ),
        )
        for side, name in enumerate(("Anvil", "Bellows"))
    ]
    return ComparisonDraft(title=f"Anvil {number} vs Bellows {number}", contenders=tuple(sides))


def store_judged(database: Database, now: datetime, **options: str) -> None:
    """Store the comparisons that `vote_like` votes on."""
    with database.write() as session:
        for number in range(VOTED_ON):
            store_draft(session, judged(number, **options), now=now)


def vote_like(database: Database, reader: int, seat: int, now: datetime, *, tools: int = 6) -> None:
    """Let a reader vote on as many tools as the reviewer of that seat does."""
    with database.write() as session:
        rows = session.exec(
            select(Contender, Revision.comparison_id)
            .join(Revision)
            .where(Contender.name.in_(list(_names())))  # type: ignore[attr-defined]
            .order_by(Contender.id)  # type: ignore[arg-type]
        ).all()
        session.add_all(
            Vote(
                comparison_id=comparison,
                tool_id=side.tool_id,
                subscriber_id=reader,
                call=PANEL[seat][side.side],
                at=now,
            )
            for side, comparison in rows[:tools]
        )


def _names() -> Iterable[str]:
    return (f"{name} {n}" for n in range(VOTED_ON) for name in ("Anvil", "Bellows"))


@pytest.fixture
def add_reader(now: datetime) -> AddReader:
    """Return a function that adds a reader of "weekly", who may consent, and returns the id."""

    def add(
        database: Database,
        *,
        leads: bool = False,
        standing: Standing = Standing.CONFIRMED,
        name: str = "",
    ) -> int:
        with database.write() as session:
            number = len(session.exec(select(Subscriber.id)).all()) + 1
            address = f"{name or 'reader'}-{number}@example.org"
            row = Subscriber(address=address, address_key=address, created_at=now)
            session.add(row)
            session.flush()
            assert row.id is not None
            session.add(
                Subscription(
                    subscriber_id=row.id, newsletter="weekly", standing=standing, since=now
                )
            )
            if leads:
                session.add(VoterPreference(subscriber_id=row.id, reviewer_since=now))
            return row.id

    return add
