"""What news of a delivery asks for beyond the ledger: an address or a reader not to mail again.

Only an event's own time counts: news from before a reader confirmed again takes nothing back, in
whatever order, and however often, it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

from digest.delivery.events.status_updates import ActionableEvent
from digest.delivery.models import Delivery, ProviderBlock
from digest.mail.provider_events import EventKind
from subscribers.address import parse
from subscribers.errors import BadAddress
from subscribers.lifecycle import REJOINABLE, leave
from subscribers.models import Consent, ConsentAct, Subscriber, SuppressionReason
from subscribers.store import Evidence, all_standings, upsert
from subscribers.suppression import suppress_all
from subscribers.tokens import Hashes

_T = TypeVar("_T")
_AT_ONCE = 400
_STRICTNESS = {reason: rank for rank, reason in enumerate(SuppressionReason)}
_SUPPRESSES = {
    EventKind.BOUNCED: SuppressionReason.HARD_BOUNCE,
    EventKind.COMPLAINED: SuppressionReason.COMPLAINT,
}
#: Reasons for which the provider drops mail that say something of the address for good.
_DROPPED_FOR_GOOD = {
    "bounced address": SuppressionReason.HARD_BOUNCE,
    "invalid": SuppressionReason.HARD_BOUNCE,
    "spam reporting address": SuppressionReason.COMPLAINT,
    "unsubscribed address": SuppressionReason.PROVIDER,
}
#: Where the address itself is the news, not what its reader did.
_OF_THE_ADDRESS = frozenset({EventKind.BOUNCED, EventKind.DROPPED})
_PROVIDER = Evidence(channel="provider")


class _Reader(NamedTuple):
    """Who a delivery was for, as far as that is still known."""

    id: int
    key: str | None  #: ``None`` once erased
    suppressed: str | None


@dataclass(frozen=True, kw_only=True)
class Consequences:
    """What was done."""

    suppressed: int
    left: int


def suppression_reason(kind: EventKind, cause: str) -> SuppressionReason | None:
    """Say why an address must not be mailed any more after such news; ``None`` if it may be."""
    if kind is EventKind.DROPPED:
        return _DROPPED_FOR_GOOD.get(cause.lower())
    return _SUPPRESSES.get(kind)


def apply_consequences(
    session: Session, telling: Sequence[ActionableEvent], hashes: Hashes, now: datetime
) -> Consequences:
    """Suppress and unsubscribe as the events ask, the same however often; the caller commits."""
    if not telling:
        return Consequences(suppressed=0, left=0)
    readers = _readers(session, telling)
    back = _confirmed_again(session, {reader.id for reader in readers.values()})
    reasons: dict[str, SuppressionReason] = {}
    blocks: dict[str, int] = {}
    for told in telling:
        _weigh(told, readers.get(told.whose), back, reasons, blocks)
    _leave_out_others(session, reasons, {r.key for r in readers.values() if r.key})
    suppress_all(session, reasons, hashes, now)
    _note_blocks(session, blocks, hashes)
    return Consequences(suppressed=len(reasons), left=_leave(session, telling, readers, now))


def _weigh(
    told: ActionableEvent,
    reader: _Reader | None,
    back: dict[int, float],
    reasons: dict[str, SuppressionReason],
    blocks: dict[str, int],
) -> None:
    """Put the address an event makes unfit among *reasons*, and what the provider now blocks."""
    reason = suppression_reason(told.kind, told.cause)
    key = _address(told, reader)
    if key is None or (reason is None and told.kind is not EventKind.RESIGNED):
        return
    blocks[key] = max(blocks.get(key, told.at), told.at)
    again = reader is not None and key == reader.key and back.get(reader.id, 0) > told.at
    if reason is None or (again and reason in REJOINABLE):
        return
    known = reader.suppressed if reader is not None and key == reader.key else None
    if known and _STRICTNESS[SuppressionReason(known)] >= _STRICTNESS[reason]:
        return
    if key not in reasons or _STRICTNESS[reasons[key]] < _STRICTNESS[reason]:
        reasons[key] = reason


def _address(told: ActionableEvent, reader: _Reader | None) -> str | None:
    """Return which address an event is about, in the form it is compared by.

    A reader who moved keeps the new address whatever is heard of the old one; what a reader did,
    such as complaining, goes with the reader.
    """
    if reader is not None and reader.key is not None:
        if told.address is None or told.address.lower() == reader.key:
            return reader.key
        said = address_key_of(told.address)
        return said if told.kind in _OF_THE_ADDRESS and said else reader.key
    return address_key_of(told.address) if told.address else None


def address_key_of(address: str) -> str | None:
    """Return the form an address is compared by, ``None`` for what is no address."""
    try:
        return parse(address).key
    except BadAddress:
        return None


def _leave_out_others(
    session: Session, reasons: dict[str, SuppressionReason], own: set[str]
) -> None:
    """Leave out addresses that belong to readers of whom these events don't speak."""
    strange = [key for key in reasons if key not in own]
    for part in _parts(strange):
        for key in session.connection().execute(_TAKEN, {"keys": part}).scalars():
            reasons.pop(key, None)


def _leave(
    session: Session,
    telling: Iterable[ActionableEvent],
    readers: Mapping[int, _Reader],
    now: datetime,
) -> int:
    left = 0
    for told in telling:
        reader = readers.get(told.whose)
        if reader is None or reader.key is None:
            continue
        for place in _left(session, told, reader.id):
            left += leave(session, reader.id, place, _PROVIDER, now)
    return left


def _left(session: Session, told: ActionableEvent, reader: int) -> Iterator[str]:
    """Name the newsletters an event makes its reader leave; joined again since, they stay."""
    if told.kind not in (EventKind.UNSUBSCRIBED, EventKind.RESIGNED):
        return
    for place in all_standings(session, reader):
        mine = told.kind is EventKind.RESIGNED or place.newsletter == told.newsletter
        if mine and place.since.timestamp() <= told.at:
            yield place.newsletter


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


def _readers(session: Session, telling: Sequence[ActionableEvent]) -> dict[int, _Reader]:
    """Return each event's reader under what `Told.whose` says: a delivery, or less than zero."""
    deliveries = sorted({told.whose for told in telling if told.whose > 0})
    readers = sorted({-told.whose for told in telling if told.whose < 0})
    found: dict[int, _Reader] = {}
    for part in _parts(deliveries):
        rows: Any = session.connection().execute(_READERS, {"deliveries": part})
        found.update({row[0]: _Reader(*row[1:]) for row in rows})
    for part in _parts(readers):
        rows = session.connection().execute(_BY_NUMBER, {"readers": part})
        found.update({-row[0]: _Reader(*row) for row in rows})
    return found


def _confirmed_again(session: Session, readers: set[int]) -> dict[int, float]:
    found: dict[int, float] = {}
    for part in _parts(sorted(readers)):
        rows: Any = session.connection().execute(_CONFIRMED, {"readers": part})
        found.update({reader: at.timestamp() for reader, at in rows})
    return found


def _parts(values: list[_T]) -> Iterator[list[_T]]:
    for at in range(0, len(values), _AT_ONCE):
        yield values[at : at + _AT_ONCE]


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
_TAKEN = select(col(Subscriber.address_key)).where(
    col(Subscriber.address_key).in_(bindparam("keys", expanding=True))
)
