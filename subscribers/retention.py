"""Forgets what needn't be kept: sign-ups nobody confirmed, who left long ago, old counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, exists, func, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers import lifecycle, store, suppression
from subscribers.abuse_prevention import rate_limits
from subscribers.models import (
    AddressChange,
    Consent,
    ConsentNetwork,
    LetterState,
    LetterToSend,
    SignUpAsked,
    Standing,
    Subscriber,
    Subscription,
    SuppressionReason,
)
from subscribers.store import Sessions
from subscribers.tokens import Hashes

_AT_ONCE = 500  # rows a transaction: others wait for it


@dataclass(frozen=True, kw_only=True)
class RetentionPeriods:
    """How long things are kept, in days."""

    pending: int = 7  #: a sign-up nobody confirms, letters done with, wishes for another address
    networks: int = 90  #: the network an entry of the consent ledger was made from
    evidence: int = 1_095  #: of who has left: the ledger's entries, and the address with them


KEPT = RetentionPeriods()


class PurgeResult(NamedTuple):
    """What was forgotten."""

    pending: int  #: sign-ups nobody confirmed
    networks: int  #: network addresses beside consent entries
    letters: int  #: letters long done with
    gone: int  #: addresses of readers who left long ago
    evidence: int  #: consent entries of people who have been gone for long


def purge(
    sessions: Sessions, hashes: Hashes, now: datetime, keep: RetentionPeriods = KEPT
) -> PurgeResult:
    """Forget what is older than *keep* says, in many short transactions.

    The evidence of who left or was erased is kept as long as somebody may ask for it. With it goes
    the address: what stays is its keyed hash, so that no import brings it back.
    """
    before = now - timedelta(days=keep.pending)
    network = col(ConsentNetwork.at) < now - timedelta(days=keep.networks)
    long_ago = now - timedelta(days=keep.evidence)
    done = and_(col(LetterToSend.state) != LetterState.WAITING, col(LetterToSend.since) < before)
    letters = _sweep(sessions, LetterToSend, done)
    pending = _sweep(sessions, Subscription, _is_stale(before))
    _sweep(sessions, Subscriber, _is_alone(before))
    networks = _sweep(sessions, ConsentNetwork, network)
    _sweep(sessions, AddressChange, col(AddressChange.asked_at) < before)
    _sweep(sessions, SignUpAsked, col(SignUpAsked.at) < before)
    gone = _forget_leavers(sessions, hashes, long_ago, now)
    evidence = _forget_evidence(sessions, long_ago)
    with sessions.write() as session:
        rate_limits.purge(session, now)
        lifecycle.purge(session, now)
    return PurgeResult(pending, networks, letters, gone, evidence)


def _is_stale(before: datetime) -> ColumnElement[bool]:
    asked_since = exists().where(
        col(LetterToSend.subscriber_id) == col(Subscription.subscriber_id),
        col(LetterToSend.asked_at) >= before,
    )
    return and_(
        col(Subscription.standing) == Standing.PENDING,
        col(Subscription.since) < before,
        ~asked_since,
    )


def _is_alone(before: datetime) -> ColumnElement[bool]:
    """Tell of a reader whether nothing is left but the address."""
    stands = exists().where(col(Subscription.subscriber_id) == col(Subscriber.id))
    return and_(col(Subscriber.created_at) < before, ~stands)


def _forget_evidence(sessions: Sessions, before: datetime) -> int:
    """Delete the ledger's entries of who is gone since a moment; no number is given twice."""
    there = exists().where(col(Subscriber.id) == col(Consent.subscriber_id))
    gone = (
        select(col(Consent.subscriber_id))
        .where(~there)
        .group_by(col(Consent.subscriber_id))
        .having(func.max(col(Consent.at)) < before)
    )
    with sessions.read() as session:
        numbers = session.execute(gone).scalars().all()
    count = 0
    for part in _parts(numbers):
        with sessions.write() as session:
            done: Any = session.execute(delete(Consent).where(col(Consent.subscriber_id).in_(part)))
            count += done.rowcount
    return count


def _forget_leavers(sessions: Sessions, hashes: Hashes, before: datetime, now: datetime) -> int:
    """Forget the addresses of who left everything before a moment."""
    with sessions.read() as session:
        numbers = session.execute(select(col(Subscriber.id)).where(_has_left(before))).scalars()
        parts = list(_parts(numbers.all()))
    return sum(_forget_part(sessions, part, hashes, before, now) for part in parts)


def _forget_part(
    sessions: Sessions, numbers: Sequence[Any], hashes: Hashes, before: datetime, now: datetime
) -> int:
    with sessions.write() as session:
        keys = _still_away(session, numbers, before)
        reasons = dict.fromkeys(keys, SuppressionReason.LEFT)
        suppression.suppress_all(session, reasons, hashes, now)
        session.execute(delete(Subscriber).where(col(Subscriber.address_key).in_(keys)))
    return len(keys)


def _still_away(session: Session, numbers: Sequence[Any], before: datetime) -> list[str]:
    """Look once more, and keep whoever wants to come back meanwhile waiting."""
    found = (
        select(col(Subscriber.address_key))
        .where(col(Subscriber.id).in_(numbers), _has_left(before))
        .with_for_update()
    )
    return list(session.execute(found).scalars())


def _has_left(before: datetime) -> ColumnElement[bool]:
    mine = col(Subscription.subscriber_id) == col(Subscriber.id)
    away = and_(
        col(Subscription.standing) == Standing.UNSUBSCRIBED, col(Subscription.since) < before
    )
    asked = exists().where(col(LetterToSend.subscriber_id) == col(Subscriber.id))
    return and_(exists().where(mine, away), ~exists().where(mine, ~away), ~asked)


def _sweep(sessions: Sessions, model: type[SQLModel], old: ColumnElement[bool]) -> int:
    """Delete the rows of which *old* holds: found in one reading, deleted in short turns."""
    number = store.table(model).c.id
    with sessions.read() as session:
        found = session.execute(select(number).where(old)).scalars().all()
    count = 0
    for part in _parts(found):
        with sessions.write() as session:  # looked at again: it may have changed meanwhile
            done: Any = session.execute(delete(model).where(number.in_(part), old))
            count += done.rowcount
    return count


def _parts(numbers: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(numbers), _AT_ONCE):
        yield numbers[at : at + _AT_ONCE]
