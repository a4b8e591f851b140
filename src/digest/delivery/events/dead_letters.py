"""Decides what is kept of events that can't be processed: the newest rows, and a count of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select
from sqlmodel import Session, col

from digest.delivery.models import DeadLetter

MAX_ROWS = 1000  #: rows that are kept
UNREADABLE = "not an event"
UNKNOWN = "of no mail of ours"
ACCOUNT = "of the account"


@dataclass(frozen=True, kw_only=True)
class DeadLetterCounts:
    """The dead letters: how many there ever were, how many are kept, and the newest."""

    ever: int
    kept: int
    newest: Sequence[DeadLetter]


def add_dead_letters(session: Session, letters: Sequence[tuple[str, str]], now: datetime) -> None:
    """Store pairs of reason and description, and delete the oldest beyond `MAX_ROWS`.

    The caller commits.
    """
    if not letters:
        return
    # PostgreSQL stores no NUL character in text.
    rows = [
        {"at": now, "why": why, "said": description.replace("\x00", "")}
        for why, description in letters
    ]
    connection = session.connection()
    connection.execute(_INSERT, rows)
    last = connection.execute(_LAST_ID).scalar_one() or 0
    connection.execute(_DELETE_OLD, {"upto": last - MAX_ROWS})


def count_dead_letters(session: Session, newest: int = 10) -> DeadLetterCounts:
    """Return the counts and the *newest* rows."""
    connection = session.connection()
    rows = session.scalars(select(DeadLetter).order_by(col(DeadLetter.id).desc()).limit(newest))
    return DeadLetterCounts(
        ever=connection.execute(_LAST_ID).scalar_one() or 0,
        kept=connection.execute(select(func.count()).select_from(DeadLetter)).scalar_one(),
        newest=rows.all(),
    )


_INSERT = insert(DeadLetter)
_LAST_ID = select(func.max(col(DeadLetter.id)))
_DELETE_OLD = delete(DeadLetter).where(col(DeadLetter.id) <= bindparam("upto"))
