"""Forgets what needn't be kept: sign-ups nobody confirmed, network addresses, old counts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import throttle
from subscribers.models import (
    AddressChange,
    Consent,
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
    evidence: int  #: consent entries of people who have been gone for long


def purge(
    session: Session,
    now: datetime,
    *,
    pending_days: int = 7,
    network_days: int = 90,
    evidence_days: int = 1_095,
) -> Purged:
    """Forget what is older than the settings say.

    The evidence of who left or was erased is kept for *evidence_days* after the last entry: as long
    as somebody may ask for it, and no longer.
    """
    before = now - timedelta(days=pending_days)
    letters = _letters(session, before)
    pending = _pending(session, before)
    networks = _count(
        session,
        delete(ConsentNetwork).where(col(ConsentNetwork.at) < now - timedelta(days=network_days)),
    )
    session.execute(delete(AddressChange).where(col(AddressChange.asked_at) < before))
    throttle.purge(session, now)
    evidence = _evidence(session, now - timedelta(days=evidence_days))
    return Purged(pending, networks, letters, evidence)


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


def _evidence(session: Session, before: datetime) -> int:
    here = exists().where(
        col(Subscription.subscriber_id) == col(Consent.subscriber_id),
        col(Subscription.standing) != Standing.UNSUBSCRIBED,
    )
    old = (
        select(col(Consent.subscriber_id))
        .where(~here)
        .group_by(col(Consent.subscriber_id))
        .having(func.max(col(Consent.at)) < before)
    )
    return _count(session, delete(Consent).where(col(Consent.subscriber_id).in_(old)))


def _count(session: Session, statement: Any) -> int:
    done: Any = session.execute(statement)
    return int(done.rowcount)
