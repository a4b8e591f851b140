"""Which moves between standings a reader may make: confirm, leave, return, pause, be erased.

Each function changes the standing, writes the consent entry and announces what happened, in the
caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from subscribers import consent, store, suppression
from subscribers.abuse_prevention import rate_limits
from subscribers.announcements import announce
from subscribers.announcements.models import AnnouncementKind
from subscribers.models import JOINED, ConsentAct, Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import DatedTarget, Hashes, LetterCause

#: Erases a reader, by subscriber id and address, from what the caller's packages store.
EraseElsewhere = Callable[[Session, int, str], None]


def nothing_elsewhere(_session: Session, _subscriber_id: int, _address: str) -> None:
    """Erase nothing, for a caller that stores nothing else."""


def decline(
    session: Session,
    unasked: LetterCause,
    evidence: Evidence,
    now: datetime,
    *,
    elsewhere: EraseElsewhere = nothing_elsewhere,
) -> None:
    """Record that a mailbox wants no letters, and undo what caused the one it got; idempotent.

    A subscriber who never confirmed is deleted, by *elsewhere* from other packages too; one who did
    is unsubscribed.
    """
    suppression.decline_mailbox(session, unasked.mailbox, now)
    if unasked.change_id:
        store.clear_address_change(session, unasked.change_id)
        return
    number = unasked.subscriber_id
    standings = {subscription.standing for subscription in store.all_standings(session, number)}
    leave(session, number, unasked.newsletter, replace(evidence, network=None), now)
    reader = store.find_by_id(session, number)
    if reader and standings <= {Standing.PENDING}:
        elsewhere(session, number, reader.address)
        store.delete_reader(session, number)


class ConfirmResult(StrEnum):
    """The result of confirming a sign-up on the page behind the letter's link."""

    DONE = "done"  #: from now on the reader gets mail
    ALREADY = "already"  #: the reader was confirmed before
    LEFT = "left"  #: the reader left since; an old letter brings nobody back
    GONE = "gone"  #: the sign-up was purged or erased
    BARRED = "barred"  #: the address must not be mailed, whatever its reader says
    LATE = "late"  #: the letter is too old


def foresee(session: Session, target: DatedTarget, now: datetime, *, hours: int) -> ConfirmResult:
    """Return what confirming would come to, as far as the standing tells; it changes nothing.

    A letter's link may be used for so many *hours*.
    """
    number, newsletter, asked_at = target
    subscription = store.standing_with(session, number, newsletter)
    if subscription and subscription.standing in JOINED:
        return ConfirmResult.ALREADY
    if now - asked_at > timedelta(hours=hours):
        return ConfirmResult.LATE
    if subscription is None:
        return ConfirmResult.GONE
    left = subscription.standing is Standing.UNSUBSCRIBED and asked_at <= subscription.since
    return ConfirmResult.LEFT if left else ConfirmResult.DONE


def confirm(
    session: Session,
    target: DatedTarget,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
) -> ConfirmResult:
    """Turn a pending subscription into a confirmed one; idempotent.

    A reader who left after the letter was asked for stays unsubscribed.
    """
    number, newsletter, asked_at = target
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
    _tell(session, AnnouncementKind.SUBSCRIBER_CONFIRMED, number, newsletter, evidence, now)
    if reader is not None:
        rate_limits.reset_address(session, reader.address_key, newsletter, hashes)
        suppression.lift(session, reader.address_key, hashes, among=suppression.REJOINABLE)
    return ConfirmResult.DONE


def is_barred(session: Session, subscriber_id: int, hashes: Hashes) -> bool:
    """Return whether a reader's address must not be mailed, even if the reader asks for it."""
    reader = store.find_by_id(session, subscriber_id)
    record = suppression.find(session, reader.address_key, hashes) if reader else None
    return record is not None and record.reason not in suppression.REJOINABLE


def _unmoved(subscription: store.NewsletterStanding | None) -> ConfirmResult:
    if subscription is None:
        return ConfirmResult.GONE
    return ConfirmResult.ALREADY if subscription.standing in JOINED else ConfirmResult.LEFT


def leave(
    session: Session, subscriber_id: int, newsletter: str, evidence: Evidence, now: datetime
) -> bool:
    """Unsubscribe a reader; return whether that changed anything. Idempotent.

    A reader who left before and signed up again since leaves anew, which voids the link of the
    confirmation letter.
    """
    among = [Standing.PENDING, *JOINED]
    subscription = store.standing_with(session, subscriber_id, newsletter)
    if subscription and subscription.standing is Standing.UNSUBSCRIBED:
        asked = consent.asked_since(session, subscriber_id, newsletter, subscription.since)
        among = [Standing.UNSUBSCRIBED] if asked else []
    changed = bool(among) and store.leave(session, subscriber_id, newsletter, now, among=among)
    if changed:
        consent.record(session, subscriber_id, newsletter, ConsentAct.WITHDRAWN, evidence, now)
    if changed and subscription and subscription.standing in JOINED:
        _tell(session, AnnouncementKind.SUBSCRIBER_LEFT, subscriber_id, newsletter, evidence, now)
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
    subscription = store.standing_with(session, subscriber_id, newsletter)
    if subscription is None or int(subscription.since.timestamp()) != int(at.timestamp()):
        return False
    if is_barred(session, subscriber_id, hashes):
        return False
    until = subscription.paused_until
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
        confirmed = AnnouncementKind.SUBSCRIBER_CONFIRMED
        _tell(session, confirmed, subscriber_id, newsletter, evidence, now, returned=True)
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


def erase(
    session: Session,
    subscriber_id: int,
    evidence: Evidence,
    hashes: Hashes,
    now: datetime,
    *,
    elsewhere: EraseElsewhere = nothing_elsewhere,
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
    for subscription in store.all_standings(session, subscriber_id):
        newsletter = subscription.newsletter
        consent.record(session, subscriber_id, newsletter, ConsentAct.ERASED, unseen, now)
        if subscription.standing in JOINED:
            left = AnnouncementKind.SUBSCRIBER_LEFT
            _tell(session, left, subscriber_id, newsletter, evidence, now, erased=True)
    consent.forget_networks(session, subscriber_id)
    suppression.suppress(session, reader.address_key, SuppressionReason.ERASED, hashes, now)
    store.delete_reader(session, subscriber_id)
    store.delete_requests(session, reader.address_key)
    return True


def _tell(
    session: Session,
    kind: AnnouncementKind,
    subscriber_id: int,
    newsletter: str,
    evidence: Evidence,
    now: datetime,
    **more: bool,
) -> None:
    facts = {"subscriber": subscriber_id, "newsletter": newsletter, "channel": evidence.channel}
    announce(
        session,
        kind,
        f"subscriber/{subscriber_id}",
        {**facts, **more},
        now,
        newsletter=newsletter,
        subscriber_id=subscriber_id,
    )
