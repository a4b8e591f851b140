"""How a reader changes address: requested from the old address, confirmed from the new one.

What the request answers and stores is the same for every new address, so that it doesn't reveal who
is on the list.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent, letter_queue, store, suppression
from subscribers.abuse_prevention import RateLimit, RateLimits, rate_limits
from subscribers.address import Address, parse
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

#: The most letters a reader may cause, and in what time: enough to correct a slip.
MOST, WITHIN = 3, timedelta(hours=1)
PER_ADDRESS = RateLimits().address
#: Suppressions of a person rather than a mailbox, which hold at any address.
BARRED = (SuppressionReason.COMPLAINT, SuppressionReason.MANUAL)


class AddressChangeResult(StrEnum):
    """The result of confirming a change of address."""

    DONE = "done"  #: mail goes to the new address from now on
    ALREADY = "already"  #: the change was confirmed before
    TAKEN = "taken"  #: the new address has a subscription of its own
    GONE = "gone"  #: the reader was erased, or asked for another change since
    LEFT = "left"  #: the reader left since, so that the new address would get nothing
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
    """Queue a letter that asks the new address; return its state, or ``None`` past `MOST`.

    The letter is withheld where the new address has a subscription already, is suppressed, declined
    letters, or got too many (*limit*, which sign-ups count towards as well). Whoever asks sees the
    same answer in each case, and the same rows are written: a letter more or less would reveal who
    is on the list. A later request replaces an earlier one.
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
    change = insert(AddressChange).values(values).returning(col(AddressChange.id))
    change_id = session.execute(change).scalar_one()
    request = (address.key, newsletter, now)
    [stopped] = rate_limits.check_addresses(session, [request], limit, hashes)
    record = suppression.find(session, address.key, hashes)
    barred = record is not None and not suppression.may_be_asked(record, now)
    taken = _gets_mail(session, store.find(session, address.key))
    declined = suppression.declined_mailboxes(session, [address.key], hashes, now)
    hindered = stopped or barred or taken or declined
    state = LetterState.WITHHELD if hindered else LetterState.WAITING
    letter_queue.enqueue(
        session,
        subscriber_id,
        newsletter,
        LetterKind.CHANGE,
        now,
        language=reader.language,
        change_id=change_id,
        state=state,
    )
    return state


def confirm_change(
    session: Session, change_id: int, evidence: Evidence, hashes: Hashes, now: datetime
) -> AddressChangeResult:
    """Move the reader to the new address; idempotent.

    A suppression of the new address stays, unless it is one that a confirmation lifts.
    """
    reader, change = _change(session, change_id)
    hindrance = _hindrance(session, reader, change)
    if reader is None or change is None or hindrance is not None:
        return hindrance or AddressChangeResult.GONE
    address = parse(change.address, test_names=True)
    holder = store.find(session, address.key)
    if _gets_mail(session, holder):
        return AddressChangeResult.TAKEN
    if holder is not None:  # a reader who left or never confirmed; the address has answered now
        store.delete_reader(session, holder.id)
    _move(session, reader, address, hashes, now)
    for row in store.all_standings(session, reader.id):
        consent.record(session, reader.id, row.newsletter, ConsentAct.MOVED, evidence, now)
        rate_limits.reset_address(session, address.key, row.newsletter, hashes)
    _update(session, change_id, done_at=now)
    _notify_former(session, reader, change_id, now)
    return AddressChangeResult.DONE


def preview_change(session: Session, change_id: int) -> AddressChangeResult | None:
    """Return why confirming a change would do nothing, ``None`` where it may move the reader."""
    return _hindrance(session, *_change(session, change_id))


def moved_reader(session: Session, change_id: int) -> tuple[LinkTarget, str] | None:
    """Return who moved by a change, with one of their newsletters and the address, or ``None``."""
    reader, change = _change(session, change_id)
    if reader is None or change is None or reader.address != change.address:
        return None
    newsletters = [
        row.newsletter for row in store.all_standings(session, reader.id) if row.standing in JOINED
    ]
    return (LinkTarget(reader.id, newsletters[0]), reader.address) if newsletters else None


def _change(session: Session, change_id: int) -> tuple[Reader | None, Any]:
    """Return the reader who asked for a change, and the change's row; ``None`` for what is gone."""
    names = (AddressChange.subscriber_id, AddressChange.address, AddressChange.done_at)
    row = session.execute(
        select(*(col(name) for name in names)).where(col(AddressChange.id) == change_id)
    ).one_or_none()
    return (store.find_by_id(session, row.subscriber_id) if row else None), row


def _hindrance(session: Session, reader: Reader | None, change: Any) -> AddressChangeResult | None:
    if reader is None or not change.address:
        return AddressChangeResult.GONE
    if change.done_at is not None:
        return AddressChangeResult.ALREADY
    if reader.suppressed in BARRED:
        return AddressChangeResult.BARRED
    return None if _gets_mail(session, reader) else AddressChangeResult.LEFT


def _gets_mail(session: Session, reader: Reader | None) -> bool:
    rows = store.all_standings(session, reader.id) if reader else []
    return any(row.standing in JOINED for row in rows)


def _move(
    session: Session, reader: Reader, address: Address, hashes: Hashes, now: datetime
) -> None:
    store.set_address(session, reader.id, address)
    # The suppression keeps an import from bringing the old address back beside the new one.
    suppression.suppress(session, reader.address_key, SuppressionReason.MOVED, hashes, now)
    suppression.lift(session, address.key, hashes, among=suppression.REJOINABLE)


def _notify_former(session: Session, reader: Reader, change_id: int, now: datetime) -> None:
    """Queue one letter to the old address, whose owner may not have asked for the change."""
    rows = [row for row in store.all_standings(session, reader.id) if row.standing in JOINED]
    if reader.suppressed or not rows:
        return
    _update(session, change_id, former=reader.address)
    letter_queue.enqueue(
        session,
        reader.id,
        rows[0].newsletter,
        LetterKind.MOVED,
        now,
        language=reader.language,
        change_id=change_id,
    )


def _update(session: Session, change_id: int, **values: object) -> None:
    session.execute(update(AddressChange).where(col(AddressChange.id) == change_id).values(values))


def _drop_earlier(session: Session, subscriber_id: int) -> None:
    """Delete an unconfirmed change; its letter isn't sent, but still counts towards `MOST`."""
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
