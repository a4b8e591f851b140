"""Send one watched copy of each edition: its events show whether the webhook works.

This module decides how a seed copy is told from a delivery: by its batch name, and by number 0 in
place of a delivery and of a subscriber.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from digest.delivery.models import SeedCopy
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.planning import random_key
from digest.mail.mailing import Mailing
from subscribers.sql import upsert

CANARY_BATCH = "canary"  # stands in its events where a delivery's events name the batch
NOBODY = 0  # the id of no delivery and of no subscriber


def send_seed_copy(sending: EditionSend, address: str) -> bool:
    """Send the edition's seed copy to *address*; return ``False`` when it was sent before.

    The seed copy is recorded before it leaves, and never sent again: losing one loses no mail.
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
        inserted = session.connection().execute(
            insert.on_conflict_do_nothing(index_elements=["edition_id"])
        )
        if inserted.rowcount != 1:
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
            update(SeedCopy).where(col(SeedCopy.attempt) == attempt).values(outcome=answer.outcome)
        )
    return True


def note_seed_copy_events(
    session: Session, attempts: Collection[str | None], now: datetime
) -> None:
    """Record when the first event of each seed copy in *attempts* came in; the caller commits."""
    if not attempts:
        return
    session.connection().execute(
        update(SeedCopy)
        .where(col(SeedCopy.attempt).in_(attempts), col(SeedCopy.heard_at).is_(None))
        .values(heard_at=now)
    )
