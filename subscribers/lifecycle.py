"""What a reader may do: confirm, leave, come back, pause, and be forgotten.

Every act moves the standing and writes its entry of the consent ledger in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import Text, delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent, store, suppression
from subscribers.abuse_prevention import rate_limits
from subscribers.address import mailbox
from subscribers.models import JOINED, ConsentAct, DeclinedMailbox, Standing, SuppressionReason
from subscribers.sql import json_rows, json_rows_parameter
from subscribers.store import Evidence
from subscribers.suppression import SuppressionRecord
from subscribers.tokens import DatedTarget, Hashes, Unasked

LASTING = timedelta(days=365)


def known_by(address_key: str, hashes: Hashes) -> str:
    """Return the keyed hash of an address's mailbox."""
    return hashes.first(_named(address_key))


def decline(session: Session, unasked: Unasked, evidence: Evidence, now: datetime) -> None:
    """Keep letters away from a mailbox, and end what caused the one it got; twice is fine.

    Who had never confirmed isn't kept at all; who had leaves.
    """
    row = {"mailbox_hash": unasked.mailbox, "at": now}
    insert = store.upsert(session, DeclinedMailbox).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=["mailbox_hash"], set_={"at": now}))
    if unasked.change_id:
        suppression.forget_move(session, unasked.change_id)
        return
    number = unasked.subscriber_id
    stood = {place.standing for place in store.all_standings(session, number)}
    leave(session, number, unasked.newsletter, replace(evidence, network=None), now)
    if stood == {Standing.PENDING}:
        store.delete_reader(session, number)


def take_back(session: Session, mailbox_hash: str) -> None:
    """Let letters through to a mailbox again."""
    session.execute(
        delete(DeclinedMailbox).where(col(DeclinedMailbox.mailbox_hash) == mailbox_hash)
    )


def lift(session: Session, address_key: str, hashes: Hashes) -> bool:
    """Do the same for an address's mailbox; tells whether that changed anything."""
    mine = col(DeclinedMailbox.mailbox_hash).in_(hashes.every(_named(address_key)))
    done: Any = session.execute(delete(DeclinedMailbox).where(mine))
    return bool(done.rowcount)


def find(
    session: Session, keys: Iterable[str], hashes: Hashes, now: datetime
) -> dict[str, datetime]:
    """Return which of these addresses are in such a mailbox, each with the moment of its word."""
    told = [(known, key) for key in set(keys) for known in hashes.every(_named(key))]
    found = session.connection().execute(
        _finding(store.dialect(session)), json_rows_parameter(told)
    )
    return {key: at for key, at in found if at > now - LASTING}


def declined_at(session: Session, mailbox_hash: str, now: datetime) -> datetime | None:
    """Tell when a mailbox's owner said so, as long as that counts."""
    mine = col(DeclinedMailbox.mailbox_hash) == mailbox_hash
    found = session.execute(select(col(DeclinedMailbox.at)).where(mine)).scalar_one_or_none()
    return found if found and found > now - LASTING else None


def purge(session: Session, now: datetime) -> None:
    """Forget those whose year is over."""
    session.execute(delete(DeclinedMailbox).where(col(DeclinedMailbox.at) <= now - LASTING))


def _named(address_key: str) -> str:
    return f"declined {mailbox(address_key)}"


@cache
def _finding(dialect: str) -> Any:
    asked = json_rows(dialect, mailbox_hash=Text, key=Text)
    same = asked.c.mailbox_hash == col(DeclinedMailbox.mailbox_hash)
    return select(asked.c.key, col(DeclinedMailbox.at)).join_from(
        store.table(DeclinedMailbox), asked, same
    )


#: What a reader's own confirmation lifts: the address has just answered.
REJOINABLE = (
    SuppressionReason.MOVED,
    SuppressionReason.LEFT,
    SuppressionReason.ERASED,
    SuppressionReason.HARD_BOUNCE,
)


#: A mailbox that didn't exist may exist again after a while; before, asking it only bounces again.
BOUNCE_REST = timedelta(days=30)


def may_be_asked(found: SuppressionRecord, now: datetime) -> bool:
    """Tell whether a suppressed address may have the letter whose answer would lift that."""
    resting = found.reason is SuppressionReason.HARD_BOUNCE and now - found.at < BOUNCE_REST
    return found.reason in REJOINABLE and not resting


class Confirmed(StrEnum):
    """What came of pressing the button behind the confirmation letter's link."""

    DONE = "done"  #: from now on the reader gets mail
    ALREADY = "already"  #: the reader was confirmed before
    LEFT = "left"  #: the reader left since; an old letter brings nobody back
    GONE = "gone"  #: the sign-up was purged or erased
    BARRED = "barred"  #: the address must not be mailed, whatever its reader says


def confirm(
    session: Session,
    asked: DatedTarget,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
) -> Confirmed:
    """Turn a sign-up into a subscription; doing it twice changes nothing.

    Who left since the letter was asked for stays away.
    """
    number, newsletter, asked_at = asked
    if is_barred(session, number, hashes):
        return Confirmed.BARRED
    among = [Standing.PENDING, Standing.UNSUBSCRIBED]
    # Whatever happens beside this is waited for here, and looked at before anything else is done.
    if not store.move(
        session, number, newsletter, Standing.CONFIRMED, now, among=among, asked_at=asked_at
    ):
        return _unmoved(store.standing_with(session, number, newsletter))
    reader = store.find_by_id(session, number)
    consent.record(session, number, newsletter, ConsentAct.CONFIRMED, evidence, now)
    if reader is not None:
        rate_limits.reset_address(session, reader.address_key, newsletter, hashes)
        suppression.lift(session, reader.address_key, hashes, among=REJOINABLE)
    return Confirmed.DONE


def is_barred(session: Session, subscriber_id: int, hashes: Hashes) -> bool:
    """Tell whether a reader's address must not be mailed, even if the reader asks for it."""
    reader = store.find_by_id(session, subscriber_id)
    found = suppression.find(session, reader.address_key, hashes) if reader else None
    return found is not None and found.reason not in REJOINABLE


def _unmoved(place: store.NewsletterStanding | None) -> Confirmed:
    if place is None:
        return Confirmed.GONE
    return Confirmed.ALREADY if place.standing in JOINED else Confirmed.LEFT


def leave(
    session: Session, subscriber_id: int, newsletter: str, evidence: Evidence, now: datetime
) -> bool:
    """Unsubscribe; tells whether the reader was still there. Twice is fine.

    Who left before and asked to come back since leaves again: that letter's link ends with it.
    """
    among = [Standing.PENDING, *JOINED]
    place = store.standing_with(session, subscriber_id, newsletter)
    if place and place.standing is Standing.UNSUBSCRIBED:
        asked = consent.asked_since(session, subscriber_id, newsletter, place.since)
        among = [Standing.UNSUBSCRIBED] if asked else []
    left = bool(among) and store.leave(session, subscriber_id, newsletter, now, among=among)
    if left:
        consent.record(session, subscriber_id, newsletter, ConsentAct.WITHDRAWN, evidence, now)
    return left


def come_back(
    session: Session,
    left: DatedTarget,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
) -> bool:
    """Take back having left at that moment; the caller makes sure that it was a moment ago.

    Who had never confirmed doesn't become a reader that way, nor who must not be mailed; who had a
    pause still has it.
    """
    subscriber_id, newsletter, at = left
    place = store.standing_with(session, subscriber_id, newsletter)
    if place is None or int(place.since.timestamp()) != int(at.timestamp()):
        return False
    if is_barred(session, subscriber_id, hashes):
        return False
    until = place.paused_until
    paused = until is not None and until > now
    back = consent.ever_agreed(session, subscriber_id, newsletter) and store.move(
        session,
        subscriber_id,
        newsletter,
        Standing.PAUSED if paused else Standing.CONFIRMED,
        now,
        among=[Standing.UNSUBSCRIBED],
        paused_until=until if paused else None,
    )
    if back:
        consent.record(session, subscriber_id, newsletter, ConsentAct.RETURNED, evidence, now)
    return back


def pause(
    session: Session, subscriber_id: int, newsletter: str, until: datetime, now: datetime
) -> bool:
    """Send nothing until a moment; a paused reader is mailed again by itself from then on."""
    return store.move(
        session, subscriber_id, newsletter, Standing.PAUSED, now, among=JOINED, paused_until=until
    )


def resume(session: Session, subscriber_id: int, newsletter: str, now: datetime) -> bool:
    """End a pause."""
    return store.move(
        session, subscriber_id, newsletter, Standing.CONFIRMED, now, among=[Standing.PAUSED]
    )


#: Forgets a reader, by number and address, in what the rest of the house keeps.
Elsewhere = Callable[[Session, int, str], None]


def nothing_elsewhere(_session: Session, _subscriber_id: int, _address: str) -> None:
    """Do nothing: nothing is kept elsewhere."""


def erase(
    session: Session,
    subscriber_id: int,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
    *,
    elsewhere: Elsewhere = nothing_elsewhere,
) -> bool:
    """Forget a reader; what stays is the ledger under a number, and a keyed hash of the address.

    *elsewhere* forgets what others keep, in the same transaction. Tells whether there was anybody
    to forget.
    """
    reader = store.find_by_id(session, subscriber_id)
    if reader is None:
        return False
    elsewhere(session, subscriber_id, reader.address)
    unseen = replace(evidence, network=None)
    for place in store.all_standings(session, subscriber_id):
        consent.record(session, subscriber_id, place.newsletter, ConsentAct.ERASED, unseen, now)
    consent.forget_networks(session, subscriber_id)
    suppression.suppress(session, reader.address_key, SuppressionReason.ERASED, hashes, now)
    store.delete_reader(session, subscriber_id)
    suppression.forget_wishes(session, reader.address_key)
    return True
