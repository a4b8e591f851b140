"""Hides how posts wait on a database server: a row each, which any machine may take and apply.

A process takes the oldest rows that no other process holds, and deletes them in the transaction
that applies them: if it dies, the rows are there for the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlmodel import Session, col

from digest.delivery.events.spool import SpoolRecord
from digest.delivery.models import EventPost

AT_ONCE = 8  #: posts in one transaction; a post has up to 2 MB


def add_post(session: Session, body: bytes, received: int, signed: int) -> int:
    """Store a post, and return the id of its row; the caller commits."""
    values = {"body": body, "received": received, "signed": signed}
    row = insert(EventPost).values(values).returning(col(EventPost.id))
    return session.connection().execute(row).scalar_one() or 0


def take_posts(session: Session) -> list[SpoolRecord]:
    """Delete the oldest posts that no other process holds, and return them in order.

    The caller applies them in this transaction, and commits.
    """
    connection = session.connection()
    rows: Sequence[Any] = connection.execute(_OLDEST).all()
    if rows:
        connection.execute(_TAKE, [{"taken": row.id} for row in rows])
    return [SpoolRecord(*row) for row in rows]


def waiting_posts(session: Session) -> tuple[int, int]:
    """Return how many posts wait, and their size in bytes."""
    posts, octets = session.connection().execute(_SIZE).one()
    return posts, int(octets)


_OLDEST = (
    select(col(EventPost.body), col(EventPost.received), col(EventPost.signed), col(EventPost.id))
    .order_by(col(EventPost.id))
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)
_TAKE = delete(EventPost).where(col(EventPost.id) == bindparam("taken"))
_SIZE = select(func.count(), func.coalesce(func.sum(func.octet_length(col(EventPost.body))), 0))
