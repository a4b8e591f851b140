"""Forgets what needn't be kept: sign-ups nobody confirmed, network addresses, old counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import throttle
from subscribers.models import (
    AddressChange,
    ConsentNetwork,
    LetterState,
    LetterToSend,
    Standing,
    Subscriber,
    Subscription,
)


class Purged(NamedTuple):
    """What was forgotten."""

    pending: int  #: sign-ups nobody confirmed
    networks: int  #: network addresses beside consent entries
    letters: int  #: letters long done with


def purge(
    session: Session, now: datetime, *, pending_days: int = 7, network_days: int = 90
) -> Purged:
    """Forget what is older than the settings say."""
    before = now - timedelta(days=pending_days)
    letters = _letters(session, before)
    pending = _pending(session, before)
    networks = _count(
        session,
        delete(ConsentNetwork).where(col(ConsentNetwork.at) < now - timedelta(days=network_days)),
    )
    session.execute(delete(AddressChange).where(col(AddressChange.asked_at) < before))
    throttle.purge(session, now)
    return Purged(pending, networks, letters)


def _letters(session: Session, before: datetime) -> int:
    done = delete(LetterToSend).where(
        col(LetterToSend.state) != LetterState.WAITING, col(LetterToSend.since) < before
    )
    return _count(session, done)


def _pending(session: Session, before: datetime) -> int:
    asked_since = exists().where(
        col(LetterToSend.subscriber_id) == col(Subscription.subscriber_id),
        col(LetterToSend.asked_at) >= before,
    )
    stale = select(col(Subscription.id)).where(
        col(Subscription.standing) == Standing.PENDING,
        col(Subscription.since) < before,
        ~asked_since,
    )
    gone = _count(session, delete(Subscription).where(col(Subscription.id).in_(stale)))
    without = ~exists().where(col(Subscription.subscriber_id) == col(Subscriber.id))
    session.execute(delete(Subscriber).where(without, col(Subscriber.created_at) < before))
    return gone


def _count(session: Session, statement: Any) -> int:
    done: Any = session.execute(statement)
    return int(done.rowcount)
