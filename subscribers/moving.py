"""A reader's change of address: asked for from the old one, confirmed from the new one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import ledger, letters, store, suppression, throttle
from subscribers.address import Address, parse
from subscribers.lifecycle import REJOINABLE
from subscribers.links import Who
from subscribers.models import (
    JOINED,
    AddressChange,
    ConsentAct,
    LetterKind,
    LetterState,
    LetterToSend,
    SuppressionReason,
)
from subscribers.store import Evidence
from subscribers.throttle import Limit, Limits
from subscribers.tokens import Hashes

#: How many letters a reader may have sent for it: a slip is mended at once, nobody is flooded.
MOST, WITHIN = 3, timedelta(hours=1)
PER_ADDRESS = Limits().address
#: What follows a reader to another address: it is about the person, not the mailbox.
_STAYS = (SuppressionReason.COMPLAINT, SuppressionReason.MANUAL)


class Moved(StrEnum):
    """What came of confirming a change of address."""

    DONE = "done"  #: mail goes to the new address from now on
    ALREADY = "already"  #: it did before
    TAKEN = "taken"  #: the new address is a reader of its own
    GONE = "gone"  #: the reader was erased, or wished for another address since
    LEFT = "left"  #: the reader left since, so that nothing would come to the new address


def ask(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    address: Address,
    hashes: Hashes,
    now: datetime,
    language: str = "en",
    limit: Limit = PER_ADDRESS,
) -> bool:
    """Ask the new address by letter; tells whether one will be sent.

    Not for a suppressed address, nor for the reader's own or somebody else's, nor after a few in an
    hour, nor one that was written to too often (*limit*, which sign-ups count for as well). Whoever
    asks is told the same each time, and the same is written down: a letter more or less would tell
    who is on the list. A later wish takes the place of an earlier one.
    """
    if store.find_by_id(session, subscriber_id) is None or _too_many(session, subscriber_id, now):
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
    asked = [(address.key, newsletter, now)]
    [stopped] = throttle.weigh_addresses(session, asked, limit, hashes)
    held = suppression.find(session, address.key, hashes)
    # An address somebody moved away from may be moved to: its reader may want it back.
    barred = held is not None and held.reason is not SuppressionReason.MOVED
    taken = store.find(session, address.key) is not None
    state = LetterState.WITHHELD if stopped or barred or taken else LetterState.WAITING
    letters.ask(
        session,
        subscriber_id,
        newsletter,
        LetterKind.CHANGE,
        now,
        language=language,
        change_id=number,
        state=state,
    )
    return state is LetterState.WAITING


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
    reader = store.find_by_id(session, change.subscriber_id)
    if reader is None:
        return Moved.GONE
    if not any(place.standing in JOINED for place in store.places(session, reader.id)):
        return Moved.LEFT
    if store.find(session, address.key) is not None:
        return Moved.TAKEN
    _move(session, reader, address, hashes, now)
    for place in store.places(session, reader.id):
        ledger.record(session, reader.id, place.newsletter, ConsentAct.MOVED, evidence, now)
    _update(session, change_id, done_at=now)
    _tell_former(session, reader, change_id, now)
    return Moved.DONE


def is_done(session: Session, change_id: int) -> bool:
    """Tell whether a change was confirmed before."""
    done_at = select(col(AddressChange.done_at)).where(col(AddressChange.id) == change_id)
    return session.execute(done_at).scalar() is not None


def whose(session: Session, change_id: int) -> tuple[Who, str] | None:
    """Tell who moved by a change, one newsletter they get, and the address they are at now."""
    number = session.execute(
        select(col(AddressChange.subscriber_id)).where(col(AddressChange.id) == change_id)
    ).scalar()
    reader = store.find_by_id(session, number) if number else None
    places = store.places(session, reader.id) if reader else []
    got = [place.newsletter for place in places if place.standing in JOINED]
    return (Who(reader.id, got[0]), reader.address) if reader and got else None


def _move(
    session: Session, reader: store.Reader, address: Address, hashes: Hashes, now: datetime
) -> None:
    store.set_address(session, reader.id, address)
    if reader.suppressed in _STAYS:
        reason = SuppressionReason(reader.suppressed)
        suppression.suppress(session, address.key, reason, hashes, now)
    # No import brings the old address back beside the new one.
    suppression.suppress(session, reader.address_key, SuppressionReason.MOVED, hashes, now)
    suppression.lift(session, address.key, hashes, among=REJOINABLE)


def _tell_former(session: Session, reader: store.Reader, change_id: int, now: datetime) -> None:
    """Tell the old address, once, that it was given up: it may not have been its owner's wish."""
    places = [one for one in store.places(session, reader.id) if one.standing in JOINED]
    if reader.suppressed or not places:
        return
    _update(session, change_id, former=reader.address)
    letters.ask(
        session,
        reader.id,
        places[0].newsletter,
        LetterKind.MOVED,
        now,
        language=reader.language,
        change_id=change_id,
    )


def _update(session: Session, change_id: int, **values: object) -> None:
    session.execute(update(AddressChange).where(col(AddressChange.id) == change_id).values(values))


def _drop_earlier(session: Session, subscriber_id: int) -> None:
    """Drop an earlier wish; a letter that still waits for it counts, but doesn't go."""
    session.execute(
        update(LetterToSend)
        .where(
            col(LetterToSend.subscriber_id) == subscriber_id,
            col(LetterToSend.kind) == LetterKind.CHANGE,
            col(LetterToSend.state) == LetterState.WAITING,
        )
        .values(state=LetterState.WITHHELD)
    )
    session.execute(
        delete(AddressChange).where(
            col(AddressChange.subscriber_id) == subscriber_id, col(AddressChange.done_at).is_(None)
        )
    )


def _too_many(session: Session, subscriber_id: int, now: datetime) -> bool:
    lately = select(func.count()).where(
        col(LetterToSend.subscriber_id) == subscriber_id,
        col(LetterToSend.kind) == LetterKind.CHANGE,
        col(LetterToSend.asked_at) > now - WITHIN,
    )
    return session.execute(lately).scalar_one() >= MOST
