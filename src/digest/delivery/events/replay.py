"""Decides how stored events are applied again, after a repaired fault or a partial restore.

The events run through the functions that applied them first, so a database that is already right
doesn't change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

from digest.delivery.events.bounce_processing import apply_consequences
from digest.delivery.events.status_updates import (
    ACTIONABLE,
    ActionableEvent,
    raise_statuses,
    status_rank,
)
from digest.delivery.events.unmatched_events import LATE_BOUNCE
from digest.delivery.models import Attempt, Batch, BatchState, Delivery, MailEvent
from digest.delivery.sending import (
    known_attempts,
    mark_sent_if_done,
    settle_confirmed,
    settle_reported,
)
from digest.issues.models import Edition, Issue, Newsletter
from digest.mail.provider_events import EventKind
from subscribers.models import Consent, ConsentAct
from subscribers.sql import UnitOfWork, chunks
from subscribers.tokens import Hashes

SLICE = 5000  #: deliveries in one transaction


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """How much was applied again, and what that changed."""

    editions: int = 0
    events: int = 0
    suppressed: int = 0
    left: int = 0
    settled: int = 0  #: editions in which a batch in doubt was settled


def replay(store: UnitOfWork, *, hashes: Hashes, now: datetime) -> ReplayResult:
    """Apply every stored event again, `SLICE` deliveries in a transaction; idempotent."""
    events = suppressed = left = settled = 0
    with store.read() as session:
        spans = _spans(session)
    for edition_id, first, last, newsletter in spans:
        for start in range(first, last + 1, SLICE):
            with store.write() as session:
                rows = _rows(session, start, min(start + SLICE - 1, last))
                raise_statuses(session, _best_statuses(rows), [edition_id])
                consequences = apply_consequences(
                    session, _actionable_events(session, rows, newsletter), hashes, now
                )
            events += len(rows)
            suppressed += consequences.suppressed
            left += consequences.left
    with store.write() as session:
        for edition in _settle_proved(session):
            mark_sent_if_done(session, edition, now)
            settled += 1
    return ReplayResult(
        editions=len(spans), events=events, suppressed=suppressed, left=left, settled=settled
    )


def _spans(session: Session) -> list[tuple[int, int, int, str]]:
    rows: Any = session.connection().execute(_SPANS)
    return [tuple(row) for row in rows]


def _rows(session: Session, first: int, last: int) -> Sequence[Any]:
    return session.connection().execute(_EVENTS, {"first": first, "last": last}).all()


def _best_statuses(rows: Sequence[Any]) -> dict[int, tuple[int, int, str]]:
    best: dict[int, tuple[int, int, str]] = {}
    for delivery, kind, moment, _ in rows:
        status = status_rank(kind)
        if status is not None:
            candidate = (status[0], -moment, status[1])
            best[delivery] = max(best.get(delivery, candidate), candidate)
    return best


def _actionable_events(
    session: Session, rows: Sequence[Any], newsletter: str
) -> list[ActionableEvent]:
    """Return the events that may suppress or unsubscribe, except those of an address left since."""
    actionable = [row for row in rows if row[1] in ACTIONABLE or row[1] == LATE_BOUNCE]
    changed = _address_changes(session, {row[0] for row in actionable})
    return [
        ActionableEvent(
            kind=EventKind.BOUNCED if kind == LATE_BOUNCE else EventKind(kind),
            at=moment,
            reader_ref=delivery,
            newsletter=newsletter,
            address=None,
            cause=cause,
        )
        for delivery, kind, moment, cause in actionable
        if changed.get(delivery, 0) <= moment
    ]


def _address_changes(session: Session, deliveries: set[int]) -> dict[int, float]:
    """Return when each delivery's reader last changed address, in seconds since 1970."""
    changed: dict[int, float] = {}
    for chunk in chunks(sorted(deliveries)):
        rows: Any = session.connection().execute(_ADDRESS_CHANGES, {"deliveries": chunk})
        changed.update({delivery: moment.timestamp() for delivery, moment in rows})
    return changed


def _settle_proved(session: Session) -> list[int]:
    connection = session.connection()
    proved: Any = connection.execute(_PROVED_ATTEMPTS).scalars().all()
    one_by_one: Any = connection.execute(_DOUBTS_ONE_BY_ONE).scalars().all()
    whole = settle_confirmed(session, known_attempts(session, proved))
    return sorted({*whole, *settle_reported(session, one_by_one)})


_DOUBTS_ONE_BY_ONE = (
    select(col(Attempt.key))
    .join(Batch, col(Batch.attempt) == col(Attempt.key))
    .where(col(Batch.state) == BatchState.IN_DOUBT, col(Attempt.one_by_one).is_(True))
    .distinct()
)
_SPANS = (
    select(
        col(Batch.edition_id),
        func.min(col(Batch.first_delivery)),
        func.max(col(Batch.last_delivery)),
        col(Newsletter.slug),
    )
    .join(Edition, col(Edition.id) == col(Batch.edition_id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
    .group_by(col(Batch.edition_id), col(Newsletter.slug))
)
_EVENTS = (
    select(
        col(MailEvent.delivery_id),
        col(MailEvent.kind),
        col(MailEvent.moment),
        col(MailEvent.cause),
    )
    .where(col(MailEvent.delivery_id).between(bindparam("first"), bindparam("last")))
    .order_by(col(MailEvent.delivery_id))
)
_ADDRESS_CHANGES = (
    select(col(Delivery.id), func.max(col(Consent.at)))
    .join(Consent, col(Consent.subscriber_id) == col(Delivery.subscriber_id))
    .where(
        col(Delivery.id).in_(bindparam("deliveries", expanding=True)),
        col(Consent.act) == ConsentAct.MOVED,
    )
    .group_by(col(Delivery.id))
)
_PROVED_ATTEMPTS = select(col(Attempt.key)).where(col(Attempt.proved_at).is_not(None))
