"""Keep how many events of each kind there are, so that nobody has to count them.

This module decides when a count changes: along with the events, in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from digest.delivery.models import EventCount
from subscribers.sql import BulkStatement, upsert_on


def count_events(session: Session, new: Iterable[Mapping[tuple[int, str], int]]) -> None:
    """Add the numbers of new events, by edition and kind; the caller commits."""
    total: Counter[tuple[int, str]] = Counter()
    for numbers in new:
        total.update(numbers)
    rows = [(*group, number) for group, number in sorted(total.items()) if number]
    _ADD.run(session, rows)


def forget_event_counts(session: Session, edition_id: int) -> None:
    """Delete the counts of an edition whose events are deleted; the caller commits."""
    session.connection().execute(delete(EventCount).where(col(EventCount.edition_id) == edition_id))


def events_by_kind(session: Session) -> dict[str, int]:
    """Return how many events are kept, by kind."""
    rows = session.connection().execute(
        select(col(EventCount.kind), func.sum(col(EventCount.number))).group_by(
            col(EventCount.kind)
        )
    )
    return {kind: int(number) for kind, number in rows}


def _add(dialect: str) -> Any:
    insert = upsert_on(dialect, EventCount)
    return insert.on_conflict_do_update(
        index_elements=["edition_id", "kind"],
        set_={"number": col(EventCount.number) + insert.excluded.number},
    )


_ADD = BulkStatement(_add, ["edition_id", "kind", "number"])
