"""How far a pass over a growing table has come, kept from one pass to the next."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from digest.delivery.models import EventMark
from subscribers.store import upsert


def cursor(session: Session, name: str) -> int:
    """Return how far the pass of that name has come, 0 before the first."""
    found = select(col(EventMark.reached)).where(col(EventMark.name) == name)
    return session.connection().execute(found).scalar() or 0


def set_cursor(session: Session, name: str, reached: int) -> None:
    """Note how far the pass of that name has come; the caller commits."""
    insert = upsert(session, EventMark).values(name=name, reached=reached)
    session.connection().execute(
        insert.on_conflict_do_update(index_elements=["name"], set_={"reached": reached})
    )
