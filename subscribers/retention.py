"""How long personal data is kept, and in which order it is deleted.

Rows are found in one read and deleted in short transactions, each of which checks its rows again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, func, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers import sql, suppression
from subscribers.abuse_prevention import rate_limits
from subscribers.models import (
    AddressChange,
    Consent,
    ConsentNetwork,
    LetterState,
    LetterToSend,
    RecordedSignup,
    Standing,
    Subscriber,
    Subscription,
    SuppressionReason,
)
from subscribers.sql import UnitOfWork, chunks
from subscribers.tokens import Hashes


@dataclass(frozen=True, kw_only=True)
class RetentionPeriods:
    """How long each kind of data is kept, in days."""

    pending: int = 7  #: unconfirmed sign-ups, who only voted, settled letters, address changes
    networks: int = 90  #: the network a consent entry was made from
    evidence: int = 1_095  #: after leaving: the consent entries and the address


KEPT = RetentionPeriods()


class PurgeResult(NamedTuple):
    """How many rows of each kind were deleted."""

    pending: int  #: sign-ups nobody confirmed
    networks: int  #: networks beside consent entries
    letters: int  #: settled letters
    gone: int  #: subscribers who left every newsletter
    evidence: int  #: consent entries of subscribers who are deleted


def purge(
    sessions: UnitOfWork, hashes: Hashes, now: datetime, keep: RetentionPeriods = KEPT
) -> PurgeResult:
    """Delete what is older than *keep* allows, in many short transactions; return how much.

    The consent entries of a reader who left or was erased are kept for as long as anybody may ask
    for them. The address of one who left is deleted after the same time; its keyed hash stays as a
    suppression, so that no import brings the address back.
    """
    before = now - timedelta(days=keep.pending)
    network = col(ConsentNetwork.at) < now - timedelta(days=keep.networks)
    long_ago = now - timedelta(days=keep.evidence)
    settled = and_(
        col(LetterToSend.about).is_(None),  # the row keeps what it is about from being sent again
        col(LetterToSend.state) != LetterState.WAITING,
        col(LetterToSend.since) < before,
    )
    letters = _delete_rows(sessions, LetterToSend, settled)
    pending = _delete_rows(sessions, Subscription, _is_stale(before))
    _delete_rows(sessions, Subscriber, _is_alone(before))
    networks = _delete_rows(sessions, ConsentNetwork, network)
    _delete_rows(sessions, AddressChange, col(AddressChange.asked_at) < before)
    _delete_rows(sessions, RecordedSignup, col(RecordedSignup.at) < before)
    gone = _delete_leavers(sessions, hashes, long_ago, now)
    evidence = _delete_evidence(sessions, long_ago)
    with sessions.write() as session:
        rate_limits.purge(session, now)
        suppression.purge_declined_mailboxes(session, now)
    return PurgeResult(pending, networks, letters, gone, evidence)


def _is_stale(before: datetime) -> ColumnElement[bool]:
    return and_(
        col(Subscription.standing) == Standing.PENDING,
        col(Subscription.since) < before,
        ~_has_asked_since(col(Subscription.subscriber_id), before),
    )


def _is_alone(before: datetime) -> ColumnElement[bool]:
    """Return the condition that a subscriber has no subscription, nor a letter that is new."""
    stands = exists().where(col(Subscription.subscriber_id) == col(Subscriber.id))
    asked_since = _has_asked_since(col(Subscriber.id), before)
    return and_(col(Subscriber.created_at) < before, ~stands, ~asked_since)


def _has_asked_since(subscriber_id: Any, before: datetime) -> ColumnElement[bool]:
    """Return the condition that a letter was asked for which a reader may still answer."""
    return exists().where(
        col(LetterToSend.subscriber_id) == subscriber_id, col(LetterToSend.asked_at) >= before
    )


def _delete_evidence(sessions: UnitOfWork, before: datetime) -> int:
    """Delete the entries of deleted subscribers, whose ids are never given again."""
    known = exists().where(col(Subscriber.id) == col(Consent.subscriber_id))
    deleted = (
        select(col(Consent.subscriber_id))
        .where(~known)
        .group_by(col(Consent.subscriber_id))
        .having(func.max(col(Consent.at)) < before)
    )
    with sessions.read() as session:
        numbers = session.execute(deleted).scalars().all()
    count = 0
    for part in chunks(numbers):
        with sessions.write() as session:
            old = col(Consent.subscriber_id).in_(part)
            result: Any = session.execute(delete(Consent).where(old))
            count += result.rowcount
    return count


def _delete_leavers(sessions: UnitOfWork, hashes: Hashes, before: datetime, now: datetime) -> int:
    """Delete the subscribers who left every newsletter before a moment, and suppress them."""
    with sessions.read() as session:
        numbers = session.execute(select(col(Subscriber.id)).where(_has_left(before))).scalars()
        parts = list(chunks(numbers.all()))
    return sum(_delete_part(sessions, part, hashes, before, now) for part in parts)


def _delete_part(
    sessions: UnitOfWork, numbers: Sequence[Any], hashes: Hashes, before: datetime, now: datetime
) -> int:
    with sessions.write() as session:
        keys = _still_unsubscribed(session, numbers, before)
        reasons = dict.fromkeys(keys, SuppressionReason.LEFT)
        suppression.suppress_all(session, reasons, hashes, now)
        session.execute(delete(Subscriber).where(col(Subscriber.address_key).in_(keys)))
    return len(keys)


def _still_unsubscribed(session: Session, numbers: Sequence[Any], before: datetime) -> list[str]:
    """Return the keys of those still unsubscribed, and lock their rows against a return."""
    statement = (
        select(col(Subscriber.address_key))
        .where(col(Subscriber.id).in_(numbers), _has_left(before))
        .with_for_update()
    )
    return list(session.execute(statement).scalars())


def _has_left(before: datetime) -> ColumnElement[bool]:
    same = col(Subscription.subscriber_id) == col(Subscriber.id)
    unsubscribed = and_(
        col(Subscription.standing) == Standing.UNSUBSCRIBED, col(Subscription.since) < before
    )
    asked = exists().where(col(LetterToSend.subscriber_id) == col(Subscriber.id))
    return and_(exists().where(same, unsubscribed), ~exists().where(same, ~unsubscribed), ~asked)


def _delete_rows(sessions: UnitOfWork, model: type[SQLModel], old: ColumnElement[bool]) -> int:
    """Delete the rows *old* is true of; return how many."""
    number = sql.table(model).c.id
    with sessions.read() as session:
        numbers = session.execute(select(number).where(old)).scalars().all()
    count = 0
    for part in chunks(numbers):
        with sessions.write() as session:  # the condition again: a row may have changed meanwhile
            result: Any = session.execute(delete(model).where(number.in_(part), old))
            count += result.rowcount
    return count
