"""How long events are kept, and what is left of them: the numbers, and nobody's name.

An edition's numbers are frozen before its events go, so that no count is lost; an event of it that
is told again afterwards is not recorded, so that none is counted twice. What it asks for (a
suppression, a higher standing) is still done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from digest.delivery.cursors import cursor, set_cursor
from digest.delivery.erasure import make_nameless
from digest.delivery.models import (
    Anonymity,
    Batch,
    FrozenNumbers,
    MailEvent,
)
from digest.delivery.reporting.statistics import edition_statistics
from digest.delivery.unit_of_work import UnitOfWork
from digest.issues.models import Edition, Issue
from subscribers.models import Consent, ConsentAct

SLICE = 5000  #: deliveries whose events go in one transaction
_ERASURES = "erasures"


@dataclass(frozen=True, kw_only=True)
class PruneResult:
    """What a pass did."""

    pruned: int = 0  #: editions whose events are gone, their numbers frozen
    forgotten: int = 0  #: deliveries of erased readers that nobody can name any more

    def __str__(self) -> str:
        """Say it in a line; empty when nothing was done."""
        said = []
        if self.pruned:
            said.append(f"pruned the events of {self.pruned} editions")
        if self.forgotten:
            said.append(f"made {self.forgotten} deliveries of erased readers nameless")
        return ", ".join(said)


def prune_events(store: UnitOfWork, *, before: datetime, now: datetime) -> PruneResult:
    """Prune the events of issues sent *before* a moment, and forget erased readers.

    Many short transactions; safe to end and begin again anywhere.
    """
    forgotten = forget_erased_readers(store)
    pruned = 0
    for edition in _old(store, before):
        with store.write() as session:
            freeze_statistics(session, edition, now)
        _drop(store, edition)
        pruned += 1
    return PruneResult(pruned=pruned, forgotten=forgotten)


def freeze_statistics(session: Session, edition_id: int, now: datetime) -> None:
    """Keep an edition's numbers as they are, and cut what ties anonymous events to readers."""
    if session.get(FrozenNumbers, edition_id) is None:
        kept = edition_statistics(session, edition_id).as_dict()
        session.add(FrozenNumbers(edition_id=edition_id, numbers=kept, frozen_at=now))
        session.flush()
    session.connection().execute(delete(Anonymity).where(col(Anonymity.edition_id) == edition_id))


def forget_erased_readers(store: UnitOfWork) -> int:
    """Make the events of erased readers nobody's where that wasn't done; counts deliveries.

    An earlier version erased a reader first, and did this on the next day.
    """
    done = 0
    with store.read() as session:
        reached = cursor(session, _ERASURES)
        newest, erased = _erased(session, reached)
    for reader in erased:
        with store.write() as session:
            done += make_nameless(session, reader)
    if newest > reached:
        with store.write() as session:
            set_cursor(session, _ERASURES, newest)
    return done


def _erased(session: Session, after: int) -> tuple[int, list[int]]:
    """Return the newest erasure, and the readers erased since one."""
    rows: Any = session.connection().execute(
        select(func.max(col(Consent.id)), col(Consent.subscriber_id))
        .where(col(Consent.act) == ConsentAct.ERASED, col(Consent.id) > after)
        .group_by(col(Consent.subscriber_id))
    )
    found = rows.all()
    return max((number for number, _ in found), default=after), [reader for _, reader in found]


def _old(store: UnitOfWork, before: datetime) -> list[int]:
    """Name the editions of issues sent before a moment that have events left."""
    spans = (
        select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.prepared_at) < before)
    )
    with store.read() as session:
        editions = [each or 0 for each in session.connection().execute(spans).scalars()]
        return [each for each in editions if _has_events(session, each)]


def _has_events(session: Session, edition_id: int) -> bool:
    first, last = _span(session, edition_id)
    mine = select(col(MailEvent.delivery_id)).where(
        col(MailEvent.edition_id) == edition_id,
        col(MailEvent.delivery_id).between(first, last) | (col(MailEvent.delivery_id) < 0),
    )
    return session.connection().execute(mine.limit(1)).first() is not None


def _span(session: Session, edition_id: int) -> tuple[int, int]:
    ends = select(func.min(col(Batch.first_delivery)), func.max(col(Batch.last_delivery)))
    found = session.connection().execute(ends.where(col(Batch.edition_id) == edition_id)).one()
    return found[0] or 0, found[1] or 0


def _drop(store: UnitOfWork, edition_id: int) -> None:
    with store.read() as session:
        spans = list(_slices(*_span(session, edition_id)))
    for condition in [*spans, col(MailEvent.delivery_id) < 0]:
        with store.write() as session:
            session.connection().execute(
                delete(MailEvent).where(col(MailEvent.edition_id) == edition_id, condition)
            )


def _slices(first: int, last: int) -> Iterator[Any]:
    for start in range(first, last + 1, SLICE):
        yield col(MailEvent.delivery_id).between(start, min(start + SLICE - 1, last))
