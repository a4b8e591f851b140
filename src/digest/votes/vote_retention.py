"""How long what identifies voters is kept: looks for days, networks for a setting's time.

A subscriber whom the purge of readers has deleted leaves votes without a person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, exists, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.votes import store
from digest.votes.models import ScannedCopy, Vote, VoteLinkVisit, VoterPreference
from subscribers.models import Subscriber
from subscribers.sql import UnitOfWork, chunks

LOOKS_KEPT = timedelta(days=3)
_PART = 100  # seconds of looks, votes or readers a transaction


def purge_votes(sessions: UnitOfWork, now: datetime, *, network_days: int) -> int:
    """Delete what is older, in short transactions; return how many voters became nobody."""
    moment, network = col(VoteLinkVisit.moment), col(Vote.network_hash)
    before = now - timedelta(days=network_days)
    _in_parts(
        sessions,
        select(moment).distinct().where(moment < int((now - LOOKS_KEPT).timestamp())),
        lambda session, part: session.execute(delete(VoteLinkVisit).where(moment.in_(part))),
    )
    _in_parts(
        sessions,
        select(col(Vote.id)).where(network.is_not(None), col(Vote.at) < before),
        lambda session, part: session.execute(
            update(Vote).where(col(Vote.id).in_(part)).values(network_hash=None)
        ),
    )
    for model in (ScannedCopy, VoterPreference):
        _in_parts(sessions, _without_reader(col(model.subscriber_id)), _deletion(model))
    return _in_parts(sessions, _without_reader(col(Vote.subscriber_id)), _forget)


def _without_reader(column: Any) -> Select[Any]:
    """Return the query of the numbers in a column that are no subscriber's any more."""
    known = exists().where(col(Subscriber.id) == column)
    return select(column).distinct().where(column.is_not(None), ~known)


def _deletion(model: Any) -> Callable[[Session, list[Any]], object]:
    return lambda session, part: session.execute(delete(model).where(model.subscriber_id.in_(part)))


def _forget(session: Session, part: list[Any]) -> None:
    store.one_at_a_time(session)
    own = col(Vote.subscriber_id).in_(part)
    session.execute(update(Vote).where(own).values(subscriber_id=None, network_hash=None))


def _in_parts(
    sessions: UnitOfWork, query: Select[Any], change: Callable[[Session, list[Any]], object]
) -> int:
    """Change what a query finds, some at a time; return how much it found."""
    with sessions.read() as session:
        found = session.execute(query).scalars().all()
    for part in chunks(found, _PART):
        with sessions.write() as session:
            change(session, part)
    return len(found)
