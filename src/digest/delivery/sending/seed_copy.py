"""A watched copy of each issue: when its news arrives, the silence of others can be weighed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from digest.delivery.models import SeedCopy
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.planning import random_key
from digest.mail.mailing import Mailing
from subscribers.store import upsert

CANARY_BATCH = "canary"  # what its events say where others name their batch
NOBODY = 0  # no delivery and no subscriber has this number


def send_seed_copy(sending: EditionSend, address: str) -> bool:
    """Send the issue's copy to *address*, once for each edition; false when that was done before.

    It is recorded before it leaves, and never tried again: a canary that is lost costs a hint.
    """
    attempt = random_key()
    with sending.store.write() as session:
        row = {
            "edition_id": sending.edition_id,
            "attempt": attempt,
            "sent_at": sending.clock(),
            "outcome": "",
        }
        insert = upsert(session, SeedCopy).values(row)
        done = session.connection().execute(
            insert.on_conflict_do_nothing(index_elements=["edition_id"])
        )
        if done.rowcount != 1:
            return False
    mailing = Mailing(
        content=sending.content,
        recipients=[sending.recipient(NOBODY, NOBODY, address)],
        issue=sending.issue,
        batch=CANARY_BATCH,
        attempt=attempt,
    )
    answer = sending.transport.hand_over(sending.transport.prepare(mailing))
    with sending.store.write() as session:
        session.connection().execute(
            update(SeedCopy)
            .where(col(SeedCopy.attempt) == attempt)
            .values(outcome=type(answer).__name__.lower())
        )
    return True


def note_seed_copy_events(
    session: Session, attempts: Collection[str | None], now: datetime
) -> None:
    """Note that news of a canary came in; the caller commits."""
    if not attempts:
        return
    session.connection().execute(
        update(SeedCopy)
        .where(col(SeedCopy.attempt).in_(attempts), col(SeedCopy.heard_at).is_(None))
        .values(heard_at=now)
    )
