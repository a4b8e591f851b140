"""Keep a cursor for each pass over a growing table, from one pass to the next.

This module decides where a cursor is stored: one row per name in `event_mark`.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from digest.delivery.models import Cursor
from subscribers.sql import upsert


def cursor(session: Session, name: str) -> int:
    """Return the last row id that the pass *name* has processed; 0 before the first pass."""
    reached = select(col(Cursor.reached)).where(col(Cursor.name) == name)
    return session.connection().execute(reached).scalar() or 0


def set_cursor(session: Session, name: str, reached: int) -> None:
    """Record the last row id that the pass *name* has processed; the caller commits."""
    insert = upsert(session, Cursor).values(name=name, reached=reached)
    session.connection().execute(
        insert.on_conflict_do_update(index_elements=["name"], set_={"reached": reached})
    )


def locked_cursor(session: Session, name: str) -> int:
    """Return what `cursor` does, and let no other pass of that name on before this one commits."""
    insert = upsert(session, Cursor).values(name=name, reached=0)
    locked = insert.on_conflict_do_update(
        index_elements=["name"], set_={"reached": col(Cursor.reached)}
    )
    return int(session.connection().execute(locked.returning(col(Cursor.reached))).scalar_one())
