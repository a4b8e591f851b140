"""Whatever a relay answers for each mail: everybody is in one place, and it's the right one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from digest.db import Database
from digest.delivery.counts import count_deliveries
from digest.delivery.events.status_updates import apply_events
from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.sending.batch_worker import EditionSend, send_batch, settle_and_claim
from digest.delivery.sending.planning import plan_deliveries
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.memory import MemoryTransport
from digest.mail.provider_events import EventKind, ProviderEvent
from digest.mail.transport import (
    Accepted,
    Halted,
    InDoubt,
    Mixed,
    NotSent,
    Refused,
    SingleAnswer,
)
from subscribers.models import Subscription
from tests.simulation.run import SimulationDatabase
from tests.simulation.world import CONTENT, NEWSLETTER, RECIPIENTS
from tests.worker.conftest import fill

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ANSWERS: list[SingleAnswer] = [
    Accepted(status=250),
    Refused(status=550, detail="no such user"),
    NotSent(status=451, detail="try again"),
    NotSent(status=450, detail="greylisted", about_recipient=True),
    NotSent(detail="the connection ended before it", wait=0.0, counts=False),
    InDoubt(detail="no answer"),
    InDoubt(detail="another end of the connection"),
    InDoubt(detail="an answer that is none", halts=True),
    Halted(status=535, detail="who are you"),
]
#: Where a reader is after each kind of answer.
PLACES = {
    Accepted: BatchState.ACCEPTED,
    NotSent: BatchState.PENDING,
    InDoubt: BatchState.IN_DOUBT,
    Halted: BatchState.PENDING,
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulationDatabase]:
    stage = SimulationDatabase(tmp_path_factory.mktemp("mixed"))
    yield stage
    stage.close()


def planned(
    stage: SimulationDatabase, transport: MemoryTransport, free: Sequence[bool]
) -> EditionSend:
    """Return the send of one batch, in which those who aren't *free* have left."""
    stage.clear()
    with stage.database.write() as session:
        fill(session, len(free))
        plan_deliveries(
            session,
            issue=session.get_one(Issue, 1),
            edition=session.get_one(Edition, 1),
            newsletter=NEWSLETTER,
            batch_size=len(free),
            now=NOW,
        )
        for subscription in session.exec(select(Subscription)).all():
            if not free[subscription.subscriber_id - 1]:
                session.delete(subscription)
    return EditionSend(
        store=stage.database,
        transport=transport,
        clock=lambda: NOW,
        owner="test",
        edition_id=1,
        newsletter=NEWSLETTER,
        issue="weekly-1",
        content=CONTENT,
        recipients=RECIPIENTS,
    )


def places(database: Database) -> list[BatchState | DeliveryOutcome]:
    """Return where each reader is; raises where batches overlap, leave a gap, or miscount."""
    with database.read() as session:
        deliveries = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        batches = session.exec(
            select(Batch).where(Batch.state != BatchState.SPLIT).order_by(col(Batch.first_delivery))
        ).all()
        assert count_deliveries(session, 1).balances
        assert count_deliveries(session, 1).candidates == len(deliveries)
    covered = [n for each in batches for n in range(each.first_delivery, each.last_delivery + 1)]
    assert covered == [each.id for each in deliveries]
    outcomes = {each.id: each.outcome for each in deliveries}
    for batch in batches:
        span = range(batch.first_delivery, batch.last_delivery + 1)
        assert batch.size == sum(outcomes[number] is None for number in span)
        assert (batch.attempt is not None) is (batch.state in HELD)
    states = [
        each.state for each in batches for _ in range(each.first_delivery, each.last_delivery + 1)
    ]
    return [each.outcome or state for each, state in zip(deliveries, states, strict=True)]


#: States of a batch that names the attempt which left it there.
HELD = {BatchState.ACCEPTED, BatchState.IN_DOUBT, BatchState.STARTED}


@given(
    fates=st.lists(st.one_of(st.sampled_from(ANSWERS), st.none()), min_size=1, max_size=9).filter(
        any
    ),
    heard=st.sets(st.integers(0, 8)),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_everybody_is_where_their_own_answer_and_event_puts_them(
    stage: SimulationDatabase, fates: list[SingleAnswer | None], heard: set[int]
) -> None:
    """A reader without an answer left before the claim."""
    answers = [answer for answer in fates if answer is not None]
    transport = MemoryTransport(answer=lambda _: Mixed(answers=answers), one_by_one=True)
    sending = planned(stage, transport, [fate is not None for fate in fates])
    _, claimed = settle_and_claim(sending, None, more=True)
    assert claimed is not None
    settle_and_claim(sending, send_batch(sending, claimed), more=False)

    expected = [_place(fate) for fate in fates]
    assert places(stage.database) == expected
    with stage.database.read() as session:
        halts = any(isinstance(a, Halted) or (isinstance(a, InDoubt) and a.halts) for a in answers)
        assert session.get_one(Issue, 1).state is (
            IssueState.PAUSED if halts else IssueState.PREPARED
        )
        refused = session.exec(select(Delivery.reason).where(col(Delivery.outcome) == "refused"))
        assert [*refused] == [a.detail for a in answers if isinstance(a, Refused)]

    told = [at for at in heard if at < len(fates) and isinstance(fates[at], Accepted | InDoubt)]
    with stage.database.write() as session:
        first = _first(session)
        events = [
            ProviderEvent(EventKind.BOUNCED, 1_796_000_000, str(first + at), claimed.attempt)
            for at in told
        ]
        apply_events(session, [*events, *events])
    for at in told:
        expected[at] = BatchState.ACCEPTED
    assert places(stage.database) == expected


def _place(fate: SingleAnswer | None) -> BatchState | DeliveryOutcome:
    if fate is None:
        return DeliveryOutcome.EXCLUDED
    return DeliveryOutcome.REFUSED if isinstance(fate, Refused) else PLACES[type(fate)]


def _first(session: Session) -> int:
    number = session.exec(select(Delivery.id).order_by(col(Delivery.id))).first()
    assert number is not None
    return number
