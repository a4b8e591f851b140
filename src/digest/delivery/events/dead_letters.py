"""Keeps a little of what the provider told and nobody could use, and counts all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select
from sqlmodel import Session, col

from digest.delivery.models import Quarantined

MOST = 1000  #: rows that are kept
UNREADABLE = "not an event"
UNKNOWN = "of no mail of ours"
ACCOUNT = "of the account"


@dataclass(frozen=True, kw_only=True)
class DeadLetterCounts:
    """How much could not be used."""

    ever: int
    kept: int
    newest: Sequence[Quarantined]


def add_dead_letters(session: Session, found: Sequence[tuple[str, str]], now: datetime) -> None:
    """Set aside (why, what was said), and drop the oldest beyond the bound; the caller commits."""
    if not found:
        return
    # PostgreSQL takes no NUL in a text.
    rows = [{"at": now, "why": why, "said": said.replace("\x00", "")} for why, said in found]
    connection = session.connection()
    connection.execute(_INSERT, rows)
    last = connection.execute(_LAST).scalar_one() or 0
    connection.execute(_DROP, {"upto": last - MOST})


def count_dead_letters(session: Session, newest: int = 10) -> DeadLetterCounts:
    """Say how much could not be used, and show the newest of it."""
    connection = session.connection()
    rows = session.scalars(select(Quarantined).order_by(col(Quarantined.id).desc()).limit(newest))
    return DeadLetterCounts(
        ever=connection.execute(_LAST).scalar_one() or 0,
        kept=connection.execute(select(func.count()).select_from(Quarantined)).scalar_one(),
        newest=rows.all(),
    )


_INSERT = insert(Quarantined)
_LAST = select(func.max(col(Quarantined.id)))
_DROP = delete(Quarantined).where(col(Quarantined.id) <= bindparam("upto"))
