"""What an event proves of the attempt it names: that the provider took the whole request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Decision
from digest.issues.models import Edition, Issue, Newsletter

ATTEMPT_LENGTH = 32
_AT_ONCE = 500
#: States a batch leaves for accepted when any attempt of it turns out to have been taken. One
#: that waits to be sent once more is among them: it must not be.
_OPEN = [
    BatchState.IN_DOUBT,
    BatchState.PENDING,
    BatchState.CLAIMED,
    BatchState.PARKED,
    BatchState.REFUSED,
]


class KnownAttempt(NamedTuple):
    """An attempt of ours, and what its events may speak of."""

    attempt: str
    edition: int
    first: int  #: the first delivery in it
    last: int
    proved_at: int | None
    newsletter: str
    tracking: str


def known_attempts(session: Session, attempts: Collection[str]) -> dict[str, KnownAttempt]:
    """Return those of these attempts that are ours."""
    # A text with a NUL, say, can't even be asked for on PostgreSQL.
    asked = [one for one in attempts if len(one) == ATTEMPT_LENGTH and one.isalnum()]
    found: dict[str, KnownAttempt] = {}
    for at in range(0, len(asked), _AT_ONCE):
        rows = session.connection().execute(_KNOWN, {"keys": asked[at : at + _AT_ONCE]})
        found.update({row[0]: KnownAttempt(*row) for row in rows})
    return found


def confirm_acceptance(
    session: Session, known: Mapping[str, KnownAttempt], proofs: Mapping[str, int]
) -> tuple[int, ...]:
    """Note each attempt's proof and settle what hung on it; returns the editions with a change."""
    editions: set[int] = set()
    connection = session.connection()
    for attempt, at in proofs.items():
        mine = known[attempt]
        if mine.proved_at is not None and mine.proved_at <= at:
            continue
        connection.execute(_PROVED, {"attempt_of": attempt, "moment": at})
        if mine.proved_at is None and connection.execute(_ACCEPT, {"attempt_of": attempt}).rowcount:
            editions.add(mine.edition)
        if mine.proved_at is None:
            connection.execute(_CONTRADICT, {"attempt_of": attempt})
    return tuple(sorted(editions))


def confirmed_attempt(session: Session, batch_id: int) -> str | None:
    """Return an attempt of this batch that is known to have been accepted, if one is."""
    found = session.connection().execute(_PROVED_ATTEMPT, {"batch": batch_id}).first()
    return found[0] if found else None


def settle_confirmed(session: Session, known: Mapping[str, KnownAttempt]) -> tuple[int, ...]:
    """Settle what hangs on proofs that are noted already; returns the editions with a change."""
    editions: set[int] = set()
    connection = session.connection()
    for attempt, mine in known.items():
        if connection.execute(_ACCEPT, {"attempt_of": attempt}).rowcount:
            editions.add(mine.edition)
        connection.execute(_CONTRADICT, {"attempt_of": attempt})
    return tuple(sorted(editions))


_KNOWN = (
    select(
        col(Attempt.key),
        col(Batch.edition_id),
        col(Batch.first_delivery),
        col(Batch.last_delivery),
        col(Attempt.proved_at),
        col(Newsletter.slug),
        col(Edition.tracking),
    )
    .join(Batch, col(Batch.id) == col(Attempt.batch_id))
    .join(Edition, col(Edition.id) == col(Batch.edition_id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
    .where(col(Attempt.key).in_(bindparam("keys", expanding=True)))
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
#: A request under way is taken as accepted too: its sender may be dead, or its answer late.
_UNDER_WAY = and_(
    col(Batch.state) == BatchState.STARTED, col(Batch.attempt) == bindparam("attempt_of")
)
_ACCEPT = (
    update(Batch)
    .where(col(Batch.id) == _ITS_BATCH, or_(col(Batch.state).in_(_OPEN), _UNDER_WAY))
    .values(state=BatchState.ACCEPTED, attempt=bindparam("attempt_of"), note="proved by an event")
)
_SENT_AGAIN, _AGAIN = aliased(Batch), aliased(Attempt)
#: Readers to whom the batch, or a part it was split into, went out again or may have.
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
                col(_AGAIN.outcome).in_(["accepted", "indoubt", "in-doubt"]),
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
        col(Decision.contradicted).is_(None),
    )
    .values(contradicted=_TWO_COPIES)
)
_PROVED_ATTEMPT = (
    select(col(Attempt.key))
    .where(col(Attempt.batch_id) == bindparam("batch"), col(Attempt.proved_at).is_not(None))
    .limit(1)
)
