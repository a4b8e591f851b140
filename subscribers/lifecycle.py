"""Which moves between standings a reader may make: confirm, leave, return, pause, be erased.

Each function changes the standing and writes the consent entry in the caller's transaction. The
module also keeps the mailboxes whose owners declined: who never asked for a letter gets no other.
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

from subscribers import consent, sql, store, suppression
from subscribers.abuse_prevention import rate_limits
from subscribers.address import mailbox
from subscribers.models import JOINED, ConsentAct, DeclinedMailbox, Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.suppression import SuppressionRecord
from subscribers.tokens import DatedTarget, Hashes, LetterCause

LASTING = timedelta(days=365)  # how long a mailbox's refusal of letters counts


def known_by(address_key: str, hashes: Hashes) -> str:
    """Return the keyed hash of an address's mailbox."""
    return hashes.first(_named(address_key))


def decline(session: Session, unasked: LetterCause, evidence: Evidence, now: datetime) -> None:
    """Record that a mailbox wants no letters, and undo what caused the one it got; idempotent.

    A subscriber who never confirmed is deleted; one who did is unsubscribed.
    """
    row = {"mailbox_hash": unasked.mailbox, "at": now}
    insert = sql.upsert(session, DeclinedMailbox).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=["mailbox_hash"], set_={"at": now}))
    if unasked.change_id:
        suppression.forget_move(session, unasked.change_id)
        return
    number = unasked.subscriber_id
    standings = {place.standing for place in store.all_standings(session, number)}
    leave(session, number, unasked.newsletter, replace(evidence, network=None), now)
    if standings == {Standing.PENDING}:
        store.delete_reader(session, number)


def take_back(session: Session, mailbox_hash: str) -> None:
    """Allow letters to a mailbox again, known by its hash."""
    session.execute(
        delete(DeclinedMailbox).where(col(DeclinedMailbox.mailbox_hash) == mailbox_hash)
    )


def lift(session: Session, address_key: str, hashes: Hashes) -> bool:
    """Allow letters to an address's mailbox again; return whether they had been declined."""
    same = col(DeclinedMailbox.mailbox_hash).in_(hashes.every(_named(address_key)))
    result: Any = session.execute(delete(DeclinedMailbox).where(same))
    return bool(result.rowcount)


def find(
    session: Session, keys: Iterable[str], hashes: Hashes, now: datetime
) -> dict[str, datetime]:
    """Return the keys whose mailbox declined within `LASTING`, each with the moment it did."""
    pairs = [(known, key) for key in set(keys) for known in hashes.every(_named(key))]
    rows = session.connection().execute(
        _query(sql.dialect(session)), sql.json_rows_parameter(pairs)
    )
    return {key: at for key, at in rows if at > now - LASTING}


def declined_at(session: Session, mailbox_hash: str, now: datetime) -> datetime | None:
    """Return when a mailbox declined, ``None`` where it didn't within `LASTING`."""
    same = col(DeclinedMailbox.mailbox_hash) == mailbox_hash
    at = session.execute(select(col(DeclinedMailbox.at)).where(same)).scalar_one_or_none()
    return at if at and at > now - LASTING else None


def purge(session: Session, now: datetime) -> None:
    """Delete the refusals older than `LASTING`."""
    session.execute(delete(DeclinedMailbox).where(col(DeclinedMailbox.at) <= now - LASTING))


def _named(address_key: str) -> str:
    return f"declined {mailbox(address_key)}"


@cache
def _query(dialect: str) -> Any:
    pairs = sql.json_rows(dialect, mailbox_hash=Text, key=Text)
    same = pairs.c.mailbox_hash == col(DeclinedMailbox.mailbox_hash)
    return select(pairs.c.key, col(DeclinedMailbox.at)).join_from(
        sql.table(DeclinedMailbox), pairs, same
    )


#: Suppressions that the reader's own confirmation lifts: the address has just answered.
REJOINABLE = (
    SuppressionReason.MOVED,
    SuppressionReason.LEFT,
    SuppressionReason.ERASED,
    SuppressionReason.HARD_BOUNCE,
)


#: How long after a hard bounce no letter is sent: the mailbox hardly exists again any sooner.
BOUNCE_REST = timedelta(days=30)


def may_be_asked(record: SuppressionRecord, now: datetime) -> bool:
    """Return whether a suppressed address may get the letter whose answer lifts the suppression."""
    resting = record.reason is SuppressionReason.HARD_BOUNCE and now - record.at < BOUNCE_REST
    return record.reason in REJOINABLE and not resting


class ConfirmResult(StrEnum):
    """The result of confirming a sign-up on the page behind the letter's link."""

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
) -> ConfirmResult:
    """Turn a pending subscription into a confirmed one; idempotent.

    A reader who left after the letter was asked for stays unsubscribed.
    """
    number, newsletter, asked_at = asked
    if is_barred(session, number, hashes):
        return ConfirmResult.BARRED
    among = [Standing.PENDING, Standing.UNSUBSCRIBED]
    # This statement waits for concurrent changes of the row, so that what follows sees them.
    if not store.move(
        session, number, newsletter, Standing.CONFIRMED, now, among=among, asked_at=asked_at
    ):
        return _unmoved(store.standing_with(session, number, newsletter))
    reader = store.find_by_id(session, number)
    consent.record(session, number, newsletter, ConsentAct.CONFIRMED, evidence, now)
    if reader is not None:
        rate_limits.reset_address(session, reader.address_key, newsletter, hashes)
        suppression.lift(session, reader.address_key, hashes, among=REJOINABLE)
    return ConfirmResult.DONE


def is_barred(session: Session, subscriber_id: int, hashes: Hashes) -> bool:
    """Return whether a reader's address must not be mailed, even if the reader asks for it."""
    reader = store.find_by_id(session, subscriber_id)
    record = suppression.find(session, reader.address_key, hashes) if reader else None
    return record is not None and record.reason not in REJOINABLE


def _unmoved(place: store.NewsletterStanding | None) -> ConfirmResult:
    if place is None:
        return ConfirmResult.GONE
    return ConfirmResult.ALREADY if place.standing in JOINED else ConfirmResult.LEFT


def leave(
    session: Session, subscriber_id: int, newsletter: str, evidence: Evidence, now: datetime
) -> bool:
    """Unsubscribe a reader; return whether that changed anything. Idempotent.

    A reader who left before and signed up again since leaves anew, which voids the link of the
    confirmation letter.
    """
    among = [Standing.PENDING, *JOINED]
    place = store.standing_with(session, subscriber_id, newsletter)
    if place and place.standing is Standing.UNSUBSCRIBED:
        asked = consent.asked_since(session, subscriber_id, newsletter, place.since)
        among = [Standing.UNSUBSCRIBED] if asked else []
    changed = bool(among) and store.leave(session, subscriber_id, newsletter, now, among=among)
    if changed:
        consent.record(session, subscriber_id, newsletter, ConsentAct.WITHDRAWN, evidence, now)
    return changed


def come_back(
    session: Session,
    left: DatedTarget,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
) -> bool:
    """Undo an unsubscription of that moment, to the second; return whether it was undone.

    The caller makes sure that the moment is recent. Nobody comes back who never confirmed, or whose
    address must not be mailed; a pause that isn't over goes on.
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
    """Pause a subscription until a moment, which ends the pause; return whether it was paused."""
    return store.move(
        session, subscriber_id, newsletter, Standing.PAUSED, now, among=JOINED, paused_until=until
    )


def resume(session: Session, subscriber_id: int, newsletter: str, now: datetime) -> bool:
    """End a pause; return whether there was one."""
    return store.move(
        session, subscriber_id, newsletter, Standing.CONFIRMED, now, among=[Standing.PAUSED]
    )


#: Erases a reader, by subscriber id and address, from what the caller's packages store.
Elsewhere = Callable[[Session, int, str], None]


def nothing_elsewhere(_session: Session, _subscriber_id: int, _address: str) -> None:
    """Erase nothing, for a caller that stores nothing else."""


def erase(
    session: Session,
    subscriber_id: int,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
    *,
    elsewhere: Elsewhere = nothing_elsewhere,
) -> bool:
    """Erase a reader (GDPR, article 17); return whether there was one.

    What stays is the consent entries under a subscriber id, and a keyed hash of the address, which
    is suppressed. *elsewhere* erases what other packages store, in the same transaction.
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
