"""A reader's change of address: asked for from the old one, confirmed from the new one."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent, letter_queue, lifecycle, store, suppression
from subscribers.abuse_prevention import RateLimit, RateLimits, rate_limits
from subscribers.address import Address, parse
from subscribers.lifecycle import REJOINABLE, may_be_asked
from subscribers.models import (
    JOINED,
    AddressChange,
    ConsentAct,
    LetterKind,
    LetterState,
    LetterToSend,
    SuppressionReason,
)
from subscribers.store import Evidence, Reader
from subscribers.tokens import Hashes, LinkTarget

#: How many letters a reader may have sent for it: a slip is mended at once, nobody is flooded.
MOST, WITHIN = 3, timedelta(hours=1)
PER_ADDRESS = RateLimits().address
#: What is held against a person, not a mailbox: another address doesn't change it.
BARRED = (SuppressionReason.COMPLAINT, SuppressionReason.MANUAL)


class AddressChangeResult(StrEnum):
    """What came of confirming a change of address."""

    DONE = "done"  #: mail goes to the new address from now on
    ALREADY = "already"  #: it did before
    TAKEN = "taken"  #: the new address gets mail of its own
    GONE = "gone"  #: the reader was erased, or wished for another address since
    LEFT = "left"  #: the reader left since, so that nothing would come to the new address
    BARRED = "barred"  #: the reader must not be mailed, whatever the address


def request_change(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    address: Address,
    hashes: Hashes,
    now: datetime,
    limit: RateLimit = PER_ADDRESS,
) -> LetterState | None:
    """Ask the new address by letter: waiting, or withheld; ``None`` after a few in an hour.

    Withheld where somebody gets mail already, where no mail may go, and where too many letters went
    (*limit*, which sign-ups count for as well). Whoever asks is told the same each time, and the
    same is written down: a letter more or less would tell who is on the list. A later wish takes
    the place of an earlier one.
    """
    reader = store.find_by_id(session, subscriber_id)
    if reader is None or _too_many(session, subscriber_id, now):
        return None
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
    [stopped] = rate_limits.check_addresses(session, asked, limit, hashes)
    held = suppression.find(session, address.key, hashes)
    barred = held is not None and not may_be_asked(held, now)
    taken = _gets_mail(session, store.find(session, address.key))
    declined = lifecycle.find(session, [address.key], hashes, now)
    hindered = stopped or barred or taken or declined
    state = LetterState.WITHHELD if hindered else LetterState.WAITING
    letter_queue.enqueue(
        session,
        subscriber_id,
        newsletter,
        LetterKind.CHANGE,
        now,
        language=reader.language,
        change_id=number,
        state=state,
    )
    return state


def confirm_change(
    session: Session, change_id: int, evidence: Evidence, hashes: Hashes, now: datetime
) -> AddressChangeResult:
    """Move the reader to the new address; doing it twice changes nothing.

    What is held against the new address stays, unless its own answer disproves it.
    """
    reader, change = _change(session, change_id)
    hindrance = _hindrance(session, reader, change)
    if reader is None or change is None or hindrance is not None:
        return hindrance or AddressChangeResult.GONE
    address = parse(change.address, test_names=True)
    other = store.find(session, address.key)
    if _gets_mail(session, other):
        return AddressChangeResult.TAKEN
    if other is not None:  # who left, or never confirmed; the address itself has answered now
        store.delete_reader(session, other.id)
    _move(session, reader, address, hashes, now)
    for place in store.all_standings(session, reader.id):
        consent.record(session, reader.id, place.newsletter, ConsentAct.MOVED, evidence, now)
        rate_limits.reset_address(session, address.key, place.newsletter, hashes)
    _update(session, change_id, done_at=now)
    _tell_former(session, reader, change_id, now)
    return AddressChangeResult.DONE


def preview_change(session: Session, change_id: int) -> AddressChangeResult | None:
    """Tell what confirming a change would come to before anything is pressed; ``None`` for more."""
    return _hindrance(session, *_change(session, change_id))


def whose(session: Session, change_id: int) -> tuple[LinkTarget, str] | None:
    """Tell who moved by a change and is at that address now, with a newsletter they get."""
    reader, change = _change(session, change_id)
    if reader is None or change is None or reader.address != change.address:
        return None
    got = [
        one.newsletter for one in store.all_standings(session, reader.id) if one.standing in JOINED
    ]
    return (LinkTarget(reader.id, got[0]), reader.address) if got else None


def _change(session: Session, change_id: int) -> tuple[Reader | None, Any]:
    """Return a wish that is kept, and whose it is."""
    names = (AddressChange.subscriber_id, AddressChange.address, AddressChange.done_at)
    found = session.execute(
        select(*(col(name) for name in names)).where(col(AddressChange.id) == change_id)
    ).one_or_none()
    return (store.find_by_id(session, found.subscriber_id) if found else None), found


def _hindrance(session: Session, reader: Reader | None, change: Any) -> AddressChangeResult | None:
    if reader is None or not change.address:
        return AddressChangeResult.GONE
    if change.done_at is not None:
        return AddressChangeResult.ALREADY
    if reader.suppressed in BARRED:
        return AddressChangeResult.BARRED
    return None if _gets_mail(session, reader) else AddressChangeResult.LEFT


def _gets_mail(session: Session, reader: Reader | None) -> bool:
    places = store.all_standings(session, reader.id) if reader else []
    return any(place.standing in JOINED for place in places)


def _move(
    session: Session, reader: Reader, address: Address, hashes: Hashes, now: datetime
) -> None:
    store.set_address(session, reader.id, address)
    # No import brings the old address back beside the new one.
    suppression.suppress(session, reader.address_key, SuppressionReason.MOVED, hashes, now)
    suppression.lift(session, address.key, hashes, among=REJOINABLE)


def _tell_former(session: Session, reader: Reader, change_id: int, now: datetime) -> None:
    """Tell the old address, once, that it was given up: it may not have been its owner's wish."""
    places = [one for one in store.all_standings(session, reader.id) if one.standing in JOINED]
    if reader.suppressed or not places:
        return
    _update(session, change_id, former=reader.address)
    letter_queue.enqueue(
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
