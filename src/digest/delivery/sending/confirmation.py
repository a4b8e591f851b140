"""Settle a batch that an event proves to be accepted.

This module decides what an event proves: the provider accepted the whole request of the attempt
that the event names. The batch must not be sent again, and a person's decision that it was unsent
was wrong. Where the mails of a request are handed over one by one, an event proves one copy only;
that is `digest.delivery.sending.settlement.reported_copies`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Decision
from digest.issues.models import Edition, Issue, Newsletter
from subscribers.models import SendOutcome
from subscribers.sql import chunks

ATTEMPT_LENGTH = 32
#: States that a batch leaves for ACCEPTED once any attempt of it is proved. PENDING is among them:
#: a batch that waits to be sent again must not be.
OPEN_STATES = [
    BatchState.IN_DOUBT,
    BatchState.PENDING,
    BatchState.CLAIMED,
    BatchState.PARKED,
    BatchState.REFUSED,
]


class KnownAttempt(NamedTuple):
    """An attempt on record, and the deliveries that its events may be about."""

    attempt: str
    edition: int
    first: int  #: id of the first delivery in the batch
    last: int
    proved_at: int | None  #: seconds since 1970
    newsletter: str
    tracking: str
    one_by_one: bool  #: whether an event proves one copy, and not the whole request


def known_attempts(session: Session, attempts: Collection[str]) -> dict[str, KnownAttempt]:
    """Return the attempts on record among these keys, by key."""
    # PostgreSQL rejects a parameter with a NUL, for example.
    keys = [key for key in attempts if len(key) == ATTEMPT_LENGTH and key.isalnum()]
    known: dict[str, KnownAttempt] = {}
    for chunk in chunks(keys):
        rows = session.connection().execute(_KNOWN, {"keys": chunk})
        known.update({row[0]: KnownAttempt(*row) for row in rows})
    return known


def confirm_acceptance(
    session: Session, known: Mapping[str, KnownAttempt], proofs: Mapping[str, int]
) -> tuple[int, ...]:
    """Record each attempt's proof and settle its batch; return the ids of the changed editions.

    *proofs* holds the time of an event by attempt, in seconds since 1970. The caller commits.
    """
    editions: set[int] = set()
    connection = session.connection()
    for attempt, at in sorted(proofs.items()):  # in one order, so that no two wait for each other
        row = known[attempt]
        if row.proved_at is not None and row.proved_at <= at:
            continue
        # Locked before it matches: another attempt's response may be about to move the batch.
        lock_batch(session, attempt)
        connection.execute(_PROVED, {"attempt_of": attempt, "moment": at})
        if row.proved_at is None and connection.execute(_ACCEPT, {"attempt_of": attempt}).rowcount:
            editions.add(row.edition)
        if row.proved_at is None:
            contradict(session, attempt)
    return tuple(sorted(editions))


def confirmed_attempt(session: Session, batch_id: int) -> str | None:
    """Return the key of a proved attempt of this batch; ``None`` when there is none."""
    row = session.connection().execute(_PROVED_ATTEMPT, {"batch": batch_id}).first()
    return row[0] if row else None


def settle_confirmed(session: Session, known: Mapping[str, KnownAttempt]) -> tuple[int, ...]:
    """Settle batches whose proofs are recorded already; return the ids of the changed editions.

    The caller commits.
    """
    editions: set[int] = set()
    connection = session.connection()
    for attempt, row in known.items():
        if connection.execute(_ACCEPT, {"attempt_of": attempt}).rowcount:
            editions.add(row.edition)
        contradict(session, attempt)
    return tuple(sorted(editions))


def lock_batch(session: Session, attempt: str) -> None:
    """Let nobody else move the batch of an attempt before this transaction has ended."""
    session.connection().execute(_LOCKED, {"attempt_of": attempt})


def contradict(session: Session, attempt: str) -> None:
    """Record that decisions for "unsent" on this attempt were wrong; the caller commits."""
    session.connection().execute(_CONTRADICT, {"attempt_of": attempt})


_KNOWN = (
    select(
        col(Attempt.key),
        col(Batch.edition_id),
        col(Batch.first_delivery),
        col(Batch.last_delivery),
        col(Attempt.proved_at),
        col(Newsletter.slug),
        col(Edition.tracking),
        col(Attempt.one_by_one),
    )
    .join(Batch, col(Batch.id) == col(Attempt.batch_id))
    .join(Edition, col(Edition.id) == col(Batch.edition_id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
    .where(col(Attempt.key).in_(bindparam("keys", expanding=True)))
)
_LOCKED = (
    select(col(Batch.id))
    .join(Attempt, col(Attempt.batch_id) == col(Batch.id))
    .where(col(Attempt.key) == bindparam("attempt_of"))
    .with_for_update(of=Batch)
)
_PROVED = (
    update(Attempt)
    .where(col(Attempt.key) == bindparam("attempt_of"))
    .values(proved_at=bindparam("moment"))
)
_ITS_BATCH = (
    select(col(Attempt.batch_id))
    .where(col(Attempt.key) == bindparam("attempt_of"))
    .scalar_subquery()
)
#: A request under way counts too: its sender may be dead, or the response late.
_UNDER_WAY = and_(
    col(Batch.state) == BatchState.STARTED, col(Batch.attempt) == bindparam("attempt_of")
)
_ACCEPT = (
    update(Batch)
    .where(col(Batch.id) == _ITS_BATCH, or_(col(Batch.state).in_(OPEN_STATES), _UNDER_WAY))
    .values(state=BatchState.ACCEPTED, attempt=bindparam("attempt_of"), note="proved by an event")
)
_SENT_AGAIN, _AGAIN = aliased(Batch), aliased(Attempt)
#: Number of readers whom a later attempt of the batch, or of a split part, may have reached.
_TWO_COPIES = (
    select(func.coalesce(func.sum(col(_SENT_AGAIN.size)), 0))
    .select_from(Batch)
    .join(_SENT_AGAIN, col(_SENT_AGAIN.root) == col(Batch.root))
    .where(
        col(Batch.id) == col(Decision.batch_id),
        col(_SENT_AGAIN.first_delivery) >= col(Batch.first_delivery),
        col(_SENT_AGAIN.last_delivery) <= col(Batch.last_delivery),
        exists().where(
            col(_AGAIN.batch_id) == col(_SENT_AGAIN.id),
            col(_AGAIN.key) != col(Decision.attempt_key),
            col(_AGAIN.started_at).is_not(None),
            or_(
                col(_AGAIN.outcome).is_(None),
                col(_AGAIN.outcome).in_(
                    [SendOutcome.ACCEPTED, SendOutcome.IN_DOUBT, SendOutcome.MIXED]
                ),
            ),
        ),
    )
    .scalar_subquery()
)
_CONTRADICT = (
    update(Decision)
    .where(
        col(Decision.attempt_key) == bindparam("attempt_of"),
        col(Decision.verdict) == "unsent",
        or_(col(Decision.contradicted).is_(None), col(Decision.contradicted) == 0),
    )
    .values(contradicted=_TWO_COPIES)
)
_PROVED_ATTEMPT = (
    select(col(Attempt.key))
    .where(col(Attempt.batch_id) == bindparam("batch"), col(Attempt.proved_at).is_not(None))
    .limit(1)
)
