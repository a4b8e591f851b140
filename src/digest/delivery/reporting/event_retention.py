"""Decides what is left of events after their retention period: statistics without names.

An edition's statistics are frozen before its events are deleted, so no count is lost. An event
that arrives for a frozen edition isn't recorded, so none is counted twice; its suppression or
higher status still takes effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from digest.delivery.cursors import cursor, set_cursor
from digest.delivery.events import IS_PSEUDONYM, forget_event_counts
from digest.delivery.models import Batch, FrozenNumbers, MailEvent, PseudonymSalt
from digest.delivery.reporting.statistics import edition_statistics
from digest.issues.models import Edition, Issue
from subscribers.models import Consent, ConsentAct
from subscribers.sql import UnitOfWork

SLICE = 5000  #: deliveries whose events go in one transaction
_ERASURES = "erasures"


@dataclass(frozen=True, kw_only=True)
class PruneResult:
    """What one pass pruned and made nameless."""

    pruned: int = 0  #: editions whose statistics were frozen and events deleted
    forgotten: int = 0  #: deliveries of erased readers whose events were made nameless

    def __str__(self) -> str:
        """Return the result as one line, empty when nothing was done."""
        parts = []
        if self.pruned:
            parts.append(f"pruned the events of {self.pruned} editions")
        if self.forgotten:
            parts.append(f"made {self.forgotten} deliveries of erased readers nameless")
        return ", ".join(parts)


def prune_events(store: UnitOfWork, *, before: datetime, now: datetime) -> PruneResult:
    """Prune the events of issues prepared *before* a moment, and forget erased readers.

    The work runs in many short transactions, and an interrupted pass can be repeated.
    """
    forgotten = forget_erased_readers(store)
    pruned = 0
    for edition in _prunable(store, before):
        with store.write() as session:
            freeze_statistics(session, edition, now)
        _delete_events(store, edition)
        pruned += 1
    return PruneResult(pruned=pruned, forgotten=forgotten)


def freeze_statistics(session: Session, edition_id: int, now: datetime) -> None:
    """Store an edition's statistics, and delete the salt that ties pseudonyms to deliveries."""
    if session.get(FrozenNumbers, edition_id) is None:
        numbers = edition_statistics(session, edition_id).as_dict()
        session.add(FrozenNumbers(edition_id=edition_id, numbers=numbers, frozen_at=now))
        session.flush()
    forget_event_counts(session, edition_id)
    session.connection().execute(
        delete(PseudonymSalt).where(col(PseudonymSalt.edition_id) == edition_id)
    )


def forget_erased_readers(store: UnitOfWork) -> int:
    """Make events of erased readers nameless where needed; return the number of deliveries.

    An earlier version erased a reader first, and made the events nameless on the next day.
    """
    from digest.delivery.erasure import make_nameless  # imports all that sends and takes events

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
    """Return the id of the newest erasure, and the readers erased after the one given."""
    rows: Any = session.connection().execute(
        select(func.max(col(Consent.id)), col(Consent.subscriber_id))
        .where(col(Consent.act) == ConsentAct.ERASED, col(Consent.id) > after)
        .group_by(col(Consent.subscriber_id))
    )
    erasures = rows.all()
    return max((number for number, _ in erasures), default=after), [
        reader for _, reader in erasures
    ]


def _prunable(store: UnitOfWork, before: datetime) -> list[int]:
    """Return the editions of issues prepared before a moment that still have events."""
    prepared = (
        select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.prepared_at) < before)
    )
    with store.read() as session:
        editions = [number or 0 for number in session.connection().execute(prepared).scalars()]
        return [number for number in editions if _has_events(session, number)]


def _has_events(session: Session, edition_id: int) -> bool:
    first, last = _span(session, edition_id)
    of_edition = col(MailEvent.edition_id) == edition_id
    events = select(col(MailEvent.delivery_id)).where(
        (of_edition & col(MailEvent.delivery_id).between(first, last)) | (of_edition & IS_PSEUDONYM)
    )
    return session.connection().execute(events.limit(1)).first() is not None


def _span(session: Session, edition_id: int) -> tuple[int, int]:
    ends = select(func.min(col(Batch.first_delivery)), func.max(col(Batch.last_delivery)))
    row = session.connection().execute(ends.where(col(Batch.edition_id) == edition_id)).one()
    return row[0] or 0, row[1] or 0


def _delete_events(store: UnitOfWork, edition_id: int) -> None:
    with store.read() as session:
        slices = list(_slices(*_span(session, edition_id)))
    for condition in [*slices, IS_PSEUDONYM]:
        with store.write() as session:
            session.connection().execute(
                delete(MailEvent).where(col(MailEvent.edition_id) == edition_id, condition)
            )


def _slices(first: int, last: int) -> Iterator[Any]:
    for start in range(first, last + 1, SLICE):
        yield col(MailEvent.delivery_id).between(start, min(start + SLICE - 1, last))
