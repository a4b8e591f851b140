"""Fixtures for variants: reviewers with calls of their own, and readers who vote like them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pytest
from sqlmodel import select

from digest.app.installation import App
from digest.comparisons.models import Call, Contender, Revision
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.issues import build as publish
from digest.issues import store
from digest.issues.build import IssueBuilder
from digest.votes.models import Vote, VoterPreference
from subscribers.models import Standing, Subscriber, Subscription
from tests.conftest import NOW

SHIP, SKIP = Call.SHIP, Call.SKIP
#: What each seat says of the left tool and of the right one.
PANEL = {1: (SHIP, SHIP), 2: (SKIP, SKIP), 3: (SHIP, SKIP), 4: (SKIP, SHIP)}
VOTED_ON = 3  #: comparisons, of two tools each


def judged(
    number: int, *, reviewer: str | None = None, unanimous: Call | None = None
) -> ComparisonDraft:
    """Return a comparison with published calls: those of `PANEL`, or one for all."""
    sides = [
        ContenderDraft(
            name=f"{name} {number}",
            verdicts=tuple(
                VerdictDraft(
                    seat=seat,
                    quote=f"Seat {seat} on {name}.",
                    call=unanimous or calls[side],
                    reviewer=reviewer if seat == 2 else None,
                )
                for seat, calls in PANEL.items()
            ),
        )
        for side, name in enumerate(("Anvil", "Bellows"))
    ]
    return ComparisonDraft(title=f"Anvil {number} vs Bellows {number}", contenders=tuple(sides))


def store_judged(
    database: Database,
    now: datetime,
    *,
    reviewer: str | None = None,
    unanimous: Call | None = None,
) -> None:
    """Store the comparisons that `vote_like` votes on."""
    with database.write() as session:
        for number in range(VOTED_ON):
            draft = judged(number, reviewer=reviewer, unanimous=unanimous)
            store_draft(session, draft, now=now)


def vote_like(database: Database, reader: int, seat: int, now: datetime, *, tools: int = 6) -> None:
    """Let a reader vote on as many tools as the reviewer of that seat does."""
    with database.write() as session:
        rows = session.exec(
            select(Contender, Revision.comparison_id)
            .join(Revision)
            .where(Contender.name.in_(list(_names())))  # type: ignore[attr-defined]  # a column
            .order_by(Contender.id)  # type: ignore[arg-type]  # a column
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


def add_reader(
    database: Database, *, leads: bool = False, standing: Standing = Standing.CONFIRMED
) -> int:
    """Add a reader of "weekly", who may consent that their mail leads so; return the id."""
    with database.write() as session:
        number = len(session.exec(select(Subscriber.id)).all()) + 1
        address = f"reader-{number}@example.org"
        row = Subscriber(address=address, address_key=address, created_at=NOW)
        session.add(row)
        session.flush()
        assert row.id is not None
        session.add(
            Subscription(subscriber_id=row.id, newsletter="weekly", standing=standing, since=NOW)
        )
        if leads:
            session.add(VoterPreference(subscriber_id=row.id, reviewer_since=NOW))
        return row.id


def build(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime, *, again: bool = False
) -> None:
    """Build the issue of a week."""
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        publish.build(session, newsletter, week, now=now, issue_builder=issue_builder, again=again)


@pytest.fixture
def readers(installation: App, now: datetime) -> dict[int, int]:
    """Readers who agree with a reviewer and consented, each with the seat; and others with 0."""
    store_judged(installation.database, now)
    seats = {}
    for seat in (0, 2, 3, 0, 2):
        reader = add_reader(installation.database, leads=seat > 0)
        vote_like(installation.database, reader, seat or 1, now)
        seats[reader] = seat
    return seats
