"""A reader's change of address: asked for from the old one, confirmed from the new one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import ledger, letters, store, suppression
from subscribers.address import Address, parse
from subscribers.lifecycle import REJOINABLE
from subscribers.models import AddressChange, ConsentAct, LetterKind, LetterState, LetterToSend
from subscribers.store import Evidence
from subscribers.tokens import Hashes

#: How often a reader may ask for it: each wish is a letter to somebody.
REST = timedelta(minutes=10)


class Moved(StrEnum):
    """What came of confirming a change of address."""

    DONE = "done"  #: mail goes to the new address from now on
    ALREADY = "already"  #: it did before
    TAKEN = "taken"  #: the new address is a reader of its own
    GONE = "gone"  #: the reader was erased, or wished for another address since


def ask(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    address: Address,
    hashes: Hashes,
    now: datetime,
    language: str = "en",
) -> bool:
    """Ask the new address by letter; tells whether one will be sent.

    Not for a suppressed address, nor for somebody else's, nor again within a few minutes; whoever
    asks is told the same each time.
    """
    if store.find_by_id(session, subscriber_id) is None or _recent(session, subscriber_id, now):
        return False
    _drop_earlier(session, subscriber_id)
    values = {
        "subscriber_id": subscriber_id,
        "address": address.text,
        "address_key": address.key,
        "asked_at": now,
    }
    done = session.execute(insert(AddressChange).values(values).returning(col(AddressChange.id)))
    number = done.scalar_one()
    blocked = suppression.find(session, address.key, hashes) or store.find(session, address.key)
    if blocked:
        return False
    letters.ask(
        session,
        subscriber_id,
        newsletter,
        LetterKind.CHANGE,
        now,
        language=language,
        change_id=number,
    )
    return True


def confirm(
    session: Session, change_id: int, evidence: Evidence, hashes: Hashes, now: datetime
) -> Moved:
    """Move the reader to the new address; doing it twice changes nothing.

    What is held against the new address stays, unless its own answer disproves it.
    """
    change = session.execute(
        select(
            col(AddressChange.subscriber_id),
            col(AddressChange.address),
            col(AddressChange.done_at),
        ).where(col(AddressChange.id) == change_id)
    ).one_or_none()
    if change is None:
        return Moved.GONE
    if change.done_at is not None:
        return Moved.ALREADY
    address = parse(change.address, test_names=True)
    if store.find(session, address.key) is not None:
        return Moved.TAKEN
    store.set_address(session, change.subscriber_id, address)
    held = suppression.find(session, address.key, hashes)
    if held and held.reason in REJOINABLE:
        suppression.lift(session, address.key, hashes)
    elif held:
        store.mark_suppressed(session, [address.key], held.reason)
    for place in store.places(session, change.subscriber_id):
        ledger.record(
            session, change.subscriber_id, place.newsletter, ConsentAct.MOVED, evidence, now
        )
    session.execute(
        update(AddressChange).where(col(AddressChange.id) == change_id).values(done_at=now)
    )
    return Moved.DONE


def _drop_earlier(session: Session, subscriber_id: int) -> None:
    """Drop an earlier wish, and its letter if that still waits."""
    session.execute(
        delete(LetterToSend).where(
            col(LetterToSend.subscriber_id) == subscriber_id,
            col(LetterToSend.kind) == LetterKind.CHANGE,
            col(LetterToSend.state) == LetterState.WAITING,
        )
    )
    session.execute(delete(AddressChange).where(col(AddressChange.subscriber_id) == subscriber_id))


def _recent(session: Session, subscriber_id: int, now: datetime) -> bool:
    last: Any = session.execute(
        select(col(AddressChange.asked_at)).where(
            col(AddressChange.subscriber_id) == subscriber_id,
            col(AddressChange.done_at).is_(None),
        )
    ).scalars()
    return any(now - at < REST for at in last)
