"""Keep the answer to a request with an idempotency key, in the transaction of its work.

This module hides how two processes that get the same key at once don't both do the work: the key is
reserved first, and the other's transaction waits for the first to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.access.models import KeptAnswer
from subscribers.sql import UnitOfWork, upsert
from subscribers.tokens import Hashes

KEPT = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class AnswerKey:
    """A request that may be repeated: by which token, under which key, and what it asks for.

    Both hashes are keyed, since a body may hold an address; each stands under every secret, the one
    to store first.
    """

    token_id: int
    keys: tuple[str, ...]
    requests: tuple[str, ...]

    @classmethod
    def of(cls, token_id: int, key: str, request: str, hashes: Hashes) -> AnswerKey:
        """Return the key of a request, whose method, path and body stand in *request*."""
        return cls(
            token_id=token_id,
            keys=tuple(hashes.every(f"idempotency key {key}")),
            requests=tuple(hashes.every(f"request {request}")),
        )


@dataclass(frozen=True, kw_only=True)
class PriorAnswer:
    """What was answered to an earlier request under the same key."""

    same_request: bool
    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)


def find_answer(session: Session, key: AnswerKey, now: datetime) -> PriorAnswer | None:
    """Return what was answered under *key* already; nothing is reserved."""
    row = session.execute(
        select(KeptAnswer).where(*_mine(key), col(KeptAnswer.at) > now - KEPT)
    ).scalar_one_or_none()
    return None if row is None else _prior_of(row, key)


def reserve(session: Session, key: AnswerKey, now: datetime) -> PriorAnswer | None:
    """Reserve *key* for this transaction; return the earlier answer where there is one.

    Waits while another process works under the same key.
    """
    session.execute(delete(KeptAnswer).where(*_mine(key), col(KeptAnswer.at) <= now - KEPT))
    prior = _prior(session, key)
    if prior is not None:
        return prior
    row = {
        "token_id": key.token_id,
        "key_hash": key.keys[0],
        "request_hash": key.requests[0],
        "status": 0,
        "headers": {},
        "body": "",
        "at": now,
    }
    insert = upsert(session, KeptAnswer).values(row).on_conflict_do_nothing()
    inserted = session.connection().execute(insert)
    return None if inserted.rowcount else _prior(session, key)


def keep_answer(
    session: Session,
    key: AnswerKey,
    *,
    status: int,
    headers: Mapping[str, str],
    body: str,
    subscriber_id: int | None = None,
) -> None:
    """Write the answer under a reserved key; *subscriber_id* is the reader whom it names."""
    session.execute(
        update(KeptAnswer)
        .where(col(KeptAnswer.token_id) == key.token_id, col(KeptAnswer.key_hash) == key.keys[0])
        .values(status=status, headers=dict(headers), body=body, subscriber_id=subscriber_id)
    )


def purge_answers(store: UnitOfWork, now: datetime) -> int:
    """Delete the answers that needn't be kept any longer; return how many."""
    with store.write() as session:
        old = delete(KeptAnswer).where(col(KeptAnswer.at) <= now - KEPT)
        return session.connection().execute(old).rowcount


def _prior(session: Session, key: AnswerKey) -> PriorAnswer | None:
    row = session.execute(select(KeptAnswer).where(*_mine(key))).scalar_one_or_none()
    if row is None:
        return None
    return _prior_of(row, key)


def _prior_of(row: KeptAnswer, key: AnswerKey) -> PriorAnswer:
    return PriorAnswer(
        same_request=row.request_hash in key.requests,
        status=row.status,
        headers=row.headers,
        body=row.body,
    )


def _mine(key: AnswerKey) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(KeptAnswer.token_id) == key.token_id, col(KeptAnswer.key_hash).in_(key.keys)
