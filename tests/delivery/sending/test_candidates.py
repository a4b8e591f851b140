"""Candidates: whom a correction is for, by what became of each reader's copy of the wrong issue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.models import Attempt, Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.models import DeliveryStatus as Status
from digest.delivery.reporting.exclusions import exclusion_counts
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.candidates import LeftOut, correction_reach, require_real_copies
from digest.delivery.sending.control import discard_outbox_copies, requeue_refused
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.planning import plan_deliveries
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.mail.memory import MemoryTransport
from digest.mail.outbox import OUTBOX_ID_PREFIX
from digest.mail.transport import Accepted
from subscribers import lifecycle, suppression
from subscribers.models import Standing, Subscriber, Subscription, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.delivery.conftest import SECRET, MakeReaders, MakeSending

HASHES = Hashes([SECRET])
PAGE = Evidence(channel="page")

#: What became of a copy of the wrong issue: its batch's state, its own outcome, its news.
Copy = tuple[BatchState, DeliveryOutcome | None, Status | None]
ARRIVED: list[Copy] = [
    *((BatchState.ACCEPTED, None, news) for news in (None, Status.PROCESSED, Status.DEFERRED)),
    *((BatchState.ACCEPTED, None, news) for news in (Status.DELIVERED, Status.COMPLAINED)),
    (BatchState.IN_DOUBT, None, None),
]
NOT_ARRIVED: list[Copy] = [
    *((BatchState.ACCEPTED, None, news) for news in (Status.DROPPED, Status.BLOCKED)),
    (BatchState.ACCEPTED, None, Status.BOUNCED),
]
NEVER_LEFT: list[Copy] = [
    (BatchState.ACCEPTED, DeliveryOutcome.EXCLUDED, None),
    (BatchState.ACCEPTED, DeliveryOutcome.REFUSED, None),
    (BatchState.CANCELLED, None, None),
]
Later = Callable[["World", int], None]


@dataclass
class World:
    """Readers, an issue that was sent to them, and its correction."""

    database: Database
    now: datetime
    sending: EditionSend

    def leave(self, reader: int) -> None:
        with self.database.write() as session:
            lifecycle.leave(session, reader, "weekly", PAGE, self.now)

    def erase(self, reader: int) -> None:
        with self.database.write() as session:
            lifecycle.erase(session, reader, PAGE, HASHES, self.now)

    def suppress(self, reader: int) -> None:
        with self.database.write() as session:
            key = session.get_one(Subscriber, reader).address_key
            suppression.suppress(session, key, SuppressionReason.MANUAL, HASHES, self.now)

    def move(self, reader: int) -> None:
        with self.database.write() as session:
            row = session.get_one(Subscriber, reader)
            row.address = row.address_key = f"moved-{reader}@example.org"

    def stay(self, reader: int) -> None:
        """Change nothing."""

    def fare(self, reader: int, copy: Copy) -> None:
        """Put on record what became of a reader's copy of the wrong issue."""
        state, outcome, news = copy
        with self.database.write() as session:
            [delivery] = session.exec(
                select(Delivery).where(
                    Delivery.subscriber_id == reader,
                    Delivery.edition_id == self.sending.edition_id,
                )
            )
            delivery.outcome, delivery.news = outcome, news
            [batch] = session.exec(
                select(Batch).where(
                    Batch.edition_id == self.sending.edition_id,
                    col(Batch.first_delivery) == delivery.id,
                )
            )
            batch.state, batch.size = state, int(outcome is None)

    def finish(self, state: IssueState = IssueState.SENT) -> None:
        """Let nothing more of the wrong issue leave."""
        with self.database.write() as session:
            session.get_one(Issue, 1).state = state

    def correct(self, *, wrong: int = 1) -> int:
        """Build the correction of an issue; return its edition's id."""
        with self.database.write() as session:
            number = 100_000 * wrong + 1
            issue = Issue(
                newsletter_id=1,
                number=number,
                period=f"2026-W48-{number}",
                corrects_issue_id=wrong,
                state=IssueState.BUILT,
                built_at=self.now,
            )
            session.add(issue)
            session.flush()
            edition = Edition(
                issue_id=issue.id or 0, subject="Correction", html="<p>H</p>", text="T",
                fingerprint="c", frozen_at=self.now,
            )  # fmt: skip
            session.add(edition)
            session.flush()
            return edition.id or 0

    def plan(self, edition_id: int, batch_size: int = 4) -> None:
        with self.database.write() as session:
            edition = session.get_one(Edition, edition_id)
            plan_deliveries(
                session,
                issue=session.get_one(Issue, edition.issue_id),
                edition=edition,
                newsletter="weekly",
                batch_size=batch_size,
                now=self.now,
            )

    def send(self, edition_id: int) -> list[str]:
        """Send an edition; return the addresses that got it."""
        transport = MemoryTransport()
        dispatch(replace(self.sending, edition_id=edition_id, transport=transport), concurrency=1)
        return transport.addresses()

    def addresses(self, readers: Sequence[int]) -> list[str]:
        with self.database.read() as session:
            return [session.get_one(Subscriber, reader).address for reader in readers]


LATER: dict[str, Later] = {
    "stays": World.stay,
    "moves": World.move,
    "leaves": World.leave,
    "is suppressed": World.suppress,
    "is erased": World.erase,
}
STILL_MAILED = ("stays", "moves")
MakeWorld = Callable[[int], tuple[World, list[int]]]


@pytest.fixture
def make_world(
    database: Database, now: datetime, make_readers: MakeReaders, make_sending: MakeSending
) -> MakeWorld:
    """Return a function that makes readers and an issue that is planned for them, one a batch."""

    def make(number: int) -> tuple[World, list[int]]:
        readers = make_readers(number)
        return World(database, now, make_sending(batch_size=1)), readers

    return make


def newcomer(session: Session, now: datetime) -> None:
    """Add a reader who joined after the wrong issue."""
    address = "newcomer@example.org"
    row = Subscriber(address=address, address_key=address, created_at=now)
    session.add(row)
    session.flush()
    session.add(
        Subscription(
            subscriber_id=row.id or 0, newsletter="weekly", standing=Standing.CONFIRMED, since=now
        )
    )


def test_a_correction_goes_to_exactly_those_who_got_the_wrong_issue_and_may_be_mailed(
    make_world: MakeWorld,
) -> None:
    fates = list(product([*ARRIVED, *NOT_ARRIVED, *NEVER_LEFT], LATER))
    world, readers = make_world(len(fates))
    for reader, (copy, _) in zip(readers, fates, strict=True):
        world.fare(reader, copy)
    world.finish()
    with world.database.write() as session:
        newcomer(session, world.now)
    for reader, (_, later) in zip(readers, fates, strict=True):
        LATER[later](world, reader)

    expected = [
        reader
        for reader, (copy, later) in zip(readers, fates, strict=True)
        if copy in ARRIVED and later in STILL_MAILED
    ]
    with world.database.read() as session:
        reach = correction_reach(session, session.get_one(Issue, 1), world.now)
    edition = world.correct()
    world.plan(edition)

    assert world.send(edition) == world.addresses(expected)
    assert (reach.readers, reach.uncertain) == (len(expected), len(STILL_MAILED))
    with world.database.read() as session:
        counts = count_deliveries(session, edition)
        reasons = {row.reason: row.readers for row in exclusion_counts(session, edition)}
    handed_over = len([*ARRIVED, *NOT_ARRIVED])
    assert counts.balances
    assert (counts.candidates, counts.accepted) == (handed_over * len(LATER), len(expected))
    assert reasons == {row.reason: row.readers for row in reach.left_out}
    assert reasons == {
        "unsubscribed": handed_over,
        "suppressed: manual": handed_over,
        "erased": handed_over,
        **{f"issue 1 didn't reach them: {news}": 2 for _, _, news in NOT_ARRIVED},
    }


def test_who_is_paused_is_left_out_by_name(
    make_world: MakeWorld,
) -> None:
    world, readers = make_world(2)
    for reader in readers:
        world.fare(reader, ARRIVED[0])
    world.finish()
    with world.database.write() as session:
        until = world.now.replace(year=world.now.year + 1)
        lifecycle.pause(session, readers[0], "weekly", until, world.now)
    with world.database.read() as session:
        reach = correction_reach(session, session.get_one(Issue, 1), world.now)

    assert (reach.readers, reach.left_out) == (1, (LeftOut(reason="paused", readers=1),))


def test_who_got_part_of_a_cancelled_issue_is_told_and_nobody_else(
    make_world: MakeWorld,
) -> None:
    world, readers = make_world(3)
    world.fare(readers[0], ARRIVED[0])
    for reader in readers[1:]:
        world.fare(reader, (BatchState.CANCELLED, None, None))
    world.finish(IssueState.CANCELLED)
    edition = world.correct()
    world.plan(edition)

    assert world.send(edition) == world.addresses(readers[:1])


def test_the_correction_of_a_correction_goes_to_those_who_got_that_one(
    make_world: MakeWorld,
) -> None:
    world, readers = make_world(2)
    for reader in readers:
        world.fare(reader, ARRIVED[0])
    world.finish()
    first = world.correct()
    world.leave(readers[0])
    world.plan(first)
    world.send(first)
    second = world.correct(wrong=2)
    world.plan(second)

    assert world.send(second) == world.addresses(readers[1:])


def test_a_correction_is_not_planned_while_more_of_the_wrong_issue_may_leave(
    make_world: MakeWorld,
) -> None:
    world, readers = make_world(2)
    world.fare(readers[0], ARRIVED[0])
    edition = world.correct()

    with pytest.raises(WrongState, match="issue 1 is still on its way") as refusal:
        world.plan(edition)
    assert "digest cancel 1" in (refusal.value.next_step or "")


def test_a_correction_of_what_nobody_got_has_nobody_to_go_to(
    make_world: MakeWorld,
) -> None:
    world, readers = make_world(1)
    world.fare(readers[0], NEVER_LEFT[1])
    world.finish()
    edition = world.correct()

    with pytest.raises(WrongState, match="nobody got the issue that issue 100001 corrects"):
        world.plan(edition)


def test_what_is_known_to_be_wrong_is_not_offered_again(
    make_world: MakeWorld,
) -> None:
    world, readers = make_world(2)
    world.fare(readers[0], ARRIVED[0])
    world.fare(readers[1], NEVER_LEFT[1])
    world.finish()
    world.correct()

    with (
        pytest.raises(WrongState, match="known to be wrong: issue 100001"),
        world.database.write() as session,
    ):
        requeue_refused(session, session.get_one(Issue, 1), 10)


def test_copies_in_the_outbox_folder_reached_nobody_who_has_to_be_told(
    make_world: MakeWorld,
) -> None:
    world, _ = make_world(2)
    folder = MemoryTransport(answer=lambda _: Accepted(provider_id=f"{OUTBOX_ID_PREFIX}1"))
    dispatch(replace(world.sending, transport=folder), concurrency=1)
    edition = world.correct()
    world.plan(edition)
    dispatch(replace(world.sending, edition_id=edition, transport=folder), concurrency=1)

    with world.database.read() as session:
        assert session.exec(select(Attempt.provider_id)).all()
        with pytest.raises(WrongState, match="issue 1 went to the outbox folder"):
            require_real_copies(session, session.get_one(Issue, 1))
    with (
        pytest.raises(WrongState, match="issue 1 went to the outbox folder"),
        world.database.write() as session,
    ):
        discard_outbox_copies(session, session.get_one(Issue, 2), edition)


def test_neither_the_list_nor_the_ledger_is_read_anew_for_each_copy(
    sqlite_database: Database, now: datetime
) -> None:
    asked: list[tuple[str, Any]] = []
    with sqlite_database.write() as session:
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        session.flush()
        state = IssueState.SENT
        wrong = Issue(newsletter_id=1, number=1, period="2026-W48", state=state, built_at=now)
        session.add(wrong)
        session.flush()
        connection = session.connection()

        def note(_one: Any, _two: Any, statement: str, parameters: Any, *_: Any) -> None:
            asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        correction_reach(session, wrong, now)
        event.remove(connection, "before_cursor_execute", note)
        statement, parameters = asked[-1]
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()

    plan = "\n".join(step[3] for step in steps)
    assert "SEARCH delivery USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
    assert (
        "SEARCH subscription USING INDEX sqlite_autoindex_subscription_1 (subscriber_id=?" in plan
    )
    assert "SCAN" not in plan
