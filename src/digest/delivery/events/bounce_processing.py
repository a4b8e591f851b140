"""Decides which events suppress an address or unsubscribe a reader.

Only the event's own time counts: an event from before a reader confirmed again suppresses nothing,
in whatever order and however often the events arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

from digest.delivery.events.status_updates import ActionableEvent
from digest.delivery.models import Delivery, ProviderBlock
from digest.mail.provider_events import EventKind
from subscribers.address import parse
from subscribers.announcements import Announcement, announce_all
from subscribers.announcements.models import AnnouncementKind
from subscribers.errors import BadAddress
from subscribers.lifecycle import leave
from subscribers.models import Consent, ConsentAct, Subscriber, SuppressionReason
from subscribers.sql import chunks, upsert
from subscribers.store import Evidence, all_standings
from subscribers.suppression import REJOINABLE, STRICTNESS, suppress_all
from subscribers.tokens import Hashes

_SUPPRESSES = {
    EventKind.BOUNCED: SuppressionReason.HARD_BOUNCE,
    EventKind.COMPLAINED: SuppressionReason.COMPLAINT,
}
#: The provider's reasons for dropping mail that suppress the address; compared in lower case.
_DROPPED_FOR_GOOD = {
    "bounced address": SuppressionReason.HARD_BOUNCE,
    "invalid": SuppressionReason.HARD_BOUNCE,
    "spam reporting address": SuppressionReason.COMPLAINT,
    "unsubscribed address": SuppressionReason.PROVIDER,
}
_ANNOUNCED = {
    SuppressionReason.HARD_BOUNCE: AnnouncementKind.SUBSCRIBER_BOUNCED,
    SuppressionReason.COMPLAINT: AnnouncementKind.SUBSCRIBER_COMPLAINED,
}
#: Kinds that are about the address itself, not about an act of its reader.
_ABOUT_ADDRESS = frozenset({EventKind.BOUNCED, EventKind.DROPPED})
_PROVIDER = Evidence(channel="provider")


class _Reader(NamedTuple):
    """The reader of a delivery, as far as still known."""

    id: int
    key: str | None  #: address key; ``None`` once erased
    suppressed: str | None


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """How many addresses were suppressed, and how many subscriptions ended."""

    suppressed: int
    left: int


def suppression_reason(kind: EventKind, cause: str) -> SuppressionReason | None:
    """Return why an event of this kind and cause suppresses its address, ``None`` if it doesn't."""
    if kind is EventKind.DROPPED:
        return _DROPPED_FOR_GOOD.get(cause.lower())
    return _SUPPRESSES.get(kind)


def apply_consequences(
    session: Session, actionable: Sequence[ActionableEvent], hashes: Hashes, now: datetime
) -> Consequences:
    """Suppress and unsubscribe as the events require; idempotent, and the caller commits."""
    if not actionable:
        return Consequences(suppressed=0, left=0)
    readers = _readers(session, actionable)
    confirmed = _confirmed_again(session, {reader.id for reader in readers.values()})
    reasons: dict[str, SuppressionReason] = {}
    blocks: dict[str, int] = {}
    for event in actionable:
        _add_suppression(event, readers.get(event.reader_ref), confirmed, reasons, blocks)
    _remove_other_readers(session, reasons, {r.key for r in readers.values() if r.key})
    suppress_all(session, reasons, hashes, now)
    _announce(session, reasons, readers.values(), now)
    _note_blocks(session, blocks, hashes)
    return Consequences(suppressed=len(reasons), left=_leave(session, actionable, readers, now))


def _add_suppression(
    event: ActionableEvent,
    reader: _Reader | None,
    confirmed: dict[int, float],
    reasons: dict[str, SuppressionReason],
    blocks: dict[str, int],
) -> None:
    """Add the address an event suppresses to *reasons*, and one the provider blocks to *blocks*."""
    reason = suppression_reason(event.kind, event.cause)
    key = _address_key(event, reader)
    if key is None or (reason is None and event.kind is not EventKind.RESIGNED):
        return
    blocks[key] = max(blocks.get(key, event.at), event.at)
    confirmed_since = (
        reader is not None and key == reader.key and confirmed.get(reader.id, 0) > event.at
    )
    if reason is None or (confirmed_since and reason in REJOINABLE):
        return
    stored = reader.suppressed if reader is not None and key == reader.key else None
    if stored and STRICTNESS[SuppressionReason(stored)] >= STRICTNESS[reason]:
        return
    if key not in reasons or STRICTNESS[reasons[key]] < STRICTNESS[reason]:
        reasons[key] = reason


def _address_key(event: ActionableEvent, reader: _Reader | None) -> str | None:
    """Return the address key an event is about, ``None`` if no address is known.

    A bounce of an old address leaves the new address of a reader who moved alone; an act of the
    reader, such as a complaint, applies to the reader's present address.
    """
    if reader is not None and reader.key is not None:
        if event.address is None or event.address.lower() == reader.key:
            return reader.key
        key = address_key_of(event.address)
        return key if event.kind in _ABOUT_ADDRESS and key else reader.key
    return address_key_of(event.address) if event.address else None


def address_key_of(address: str) -> str | None:
    """Return the key an address is compared by, ``None`` if it isn't an address."""
    try:
        return parse(address).key
    except BadAddress:
        return None


def _remove_other_readers(
    session: Session, reasons: dict[str, SuppressionReason], own: set[str]
) -> None:
    """Remove from *reasons* addresses of readers whom none of these events is about."""
    foreign = [key for key in reasons if key not in own]
    for chunk in chunks(foreign):
        for key in session.connection().execute(_KNOWN_KEYS, {"keys": chunk}).scalars():
            reasons.pop(key, None)


def _announce(
    session: Session,
    reasons: Mapping[str, SuppressionReason],
    readers: Iterable[_Reader],
    now: datetime,
) -> None:
    """Announce the readers whose address was suppressed just now, the first time only."""
    numbers = {reader.key: reader.id for reader in readers}
    for reason, kind in _ANNOUNCED.items():
        told = [
            Announcement(f"subscriber/{number}", {"subscriber": number}, None, number)
            for key, why in reasons.items()
            if why is reason and (number := numbers.get(key))
        ]
        announce_all(session, kind, told, now)


def _leave(
    session: Session,
    actionable: Iterable[ActionableEvent],
    readers: Mapping[int, _Reader],
    now: datetime,
) -> int:
    left = 0
    for event in actionable:
        reader = readers.get(event.reader_ref)
        if reader is None or reader.key is None:
            continue
        for newsletter in _newsletters_left(session, event, reader.id):
            left += leave(session, reader.id, newsletter, _PROVIDER, now)
    return left


def _newsletters_left(session: Session, event: ActionableEvent, reader: int) -> Iterator[str]:
    """Yield the newsletters a reader leaves by an event, except those joined again since."""
    if event.kind not in (EventKind.UNSUBSCRIBED, EventKind.RESIGNED):
        return
    for standing in all_standings(session, reader):
        concerned = event.kind is EventKind.RESIGNED or standing.newsletter == event.newsletter
        if concerned and standing.since.timestamp() <= event.at:
            yield standing.newsletter


def _note_blocks(session: Session, blocks: dict[str, int], hashes: Hashes) -> None:
    rows = [{"address_hash": hashes.first(key), "at": at} for key, at in blocks.items()]
    if not rows:
        return
    insert = upsert(session, ProviderBlock)
    later = insert.on_conflict_do_update(
        index_elements=["address_hash"],
        set_={"at": insert.excluded.at},
        where=insert.excluded.at > col(ProviderBlock.at),
    )
    session.connection().execute(later, rows)


def _readers(session: Session, actionable: Sequence[ActionableEvent]) -> dict[int, _Reader]:
    """Return the readers by `ActionableEvent.reader_ref`."""
    deliveries = sorted({event.reader_ref for event in actionable if event.reader_ref > 0})
    readers = sorted({-event.reader_ref for event in actionable if event.reader_ref < 0})
    readers_by_number: dict[int, _Reader] = {}
    for chunk in chunks(deliveries):
        rows: Any = session.connection().execute(_READERS, {"deliveries": chunk})
        readers_by_number.update({row[0]: _Reader(*row[1:]) for row in rows})
    for chunk in chunks(readers):
        rows = session.connection().execute(_BY_NUMBER, {"readers": chunk})
        readers_by_number.update({-row[0]: _Reader(*row) for row in rows})
    return readers_by_number


def _confirmed_again(session: Session, readers: set[int]) -> dict[int, float]:
    confirmed: dict[int, float] = {}
    for chunk in chunks(sorted(readers)):
        rows: Any = session.connection().execute(_CONFIRMED, {"readers": chunk})
        confirmed.update({reader: at.timestamp() for reader, at in rows})
    return confirmed


_READERS = (
    select(
        col(Delivery.id),
        col(Delivery.subscriber_id),
        col(Subscriber.address_key),
        col(Subscriber.suppressed),
    )
    .join(Subscriber, col(Subscriber.id) == col(Delivery.subscriber_id), isouter=True)
    .where(col(Delivery.id).in_(bindparam("deliveries", expanding=True)))
)
_BY_NUMBER = select(
    col(Subscriber.id), col(Subscriber.address_key), col(Subscriber.suppressed)
).where(col(Subscriber.id).in_(bindparam("readers", expanding=True)))
_CONFIRMED = (
    select(col(Consent.subscriber_id), func.max(col(Consent.at)))
    .where(
        col(Consent.subscriber_id).in_(bindparam("readers", expanding=True)),
        col(Consent.act) == ConsentAct.CONFIRMED,
    )
    .group_by(col(Consent.subscriber_id))
)
_KNOWN_KEYS = select(col(Subscriber.address_key)).where(
    col(Subscriber.address_key).in_(bindparam("keys", expanding=True))
)
