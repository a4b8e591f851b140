"""Decides how events without custom arguments are matched: to a reader, by address.

A bounce that arrives by mail days later has neither a message id nor custom arguments. It may
suppress an address; it raises no delivery status, settles no batch in doubt, and proves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from digest.delivery.events.bounce_processing import address_key_of
from digest.delivery.events.status_updates import NO_READER, ActionableEvent
from digest.delivery.models import Delivery, MailEvent
from digest.delivery.sent_copies import of_reader
from digest.issues.models import Edition, Issue, Newsletter
from digest.mail.provider_events import EventKind, ProviderEvent
from subscribers.models import READERS_LETTERS, Subscriber
from subscribers.sql import chunks, upsert

LATE_BOUNCE = (
    "late-bounce"  #: the kind such a bounce is stored as, with the reader's latest delivery
)
_LETTERS = frozenset(READERS_LETTERS)
#: Kinds that may suppress an address even if it belongs to no reader.
_ABOUT_ADDRESS = (EventKind.BOUNCED, EventKind.DROPPED, EventKind.COMPLAINED)


@dataclass(frozen=True, kw_only=True)
class UnmatchedEvents:
    """Events that were matched by address, and those that weren't."""

    actionable: Sequence[ActionableEvent]
    unknown: Sequence[ProviderEvent]
    new: Mapping[tuple[int, str], int]  #: events recorded for the first time, by edition and kind


class _Latest(NamedTuple):
    delivery: int
    edition: int
    newsletter: str


def match_by_address(session: Session, events: Sequence[ProviderEvent]) -> UnmatchedEvents:
    """Match events without an attempt by address; events with an unknown attempt stay unknown."""
    addresses = {e.address for e in events if e.attempt is None and e.address}
    readers = _readers(
        session, {address: key for address in addresses if (key := address_key_of(address))}
    )
    actionable: list[ActionableEvent] = []
    unknown: list[ProviderEvent] = []
    new: Counter[tuple[int, str]] = Counter()
    for event in events:
        reader = readers.get(event.address or "") if event.attempt is None else None
        if reader is not None and event.kind is not EventKind.OTHER:
            actionable.append(_actionable(session, event, reader, new))
        elif event.address and _is_of_letter(event):
            actionable.append(_of_no_reader(event))
        else:
            unknown.append(event)
    return UnmatchedEvents(actionable=actionable, unknown=unknown, new=new)


def _is_of_letter(event: ProviderEvent) -> bool:
    """Return whether this event is about a letter to an address of no reader."""
    kind = (event.delivery or "").rpartition("-")[0]  # a kind may have a hyphen, a key has none
    return event.attempt is None and kind in _LETTERS and event.kind in _ABOUT_ADDRESS


def _of_no_reader(event: ProviderEvent) -> ActionableEvent:
    return ActionableEvent(
        kind=event.kind,
        at=event.at,
        reader_ref=NO_READER,
        newsletter="",
        address=event.address,
        cause=event.cause,
    )


def _actionable(
    session: Session, event: ProviderEvent, reader: int, new: Counter[tuple[int, str]]
) -> ActionableEvent:
    """Return what an event asks for; record a bounce, and add it to *new*."""
    latest = _latest(session, event.at, reader)
    if latest is not None and event.kind is EventKind.BOUNCED:
        row = {
            "delivery_id": latest.delivery,
            "kind": LATE_BOUNCE,
            "moment": event.at,
            "edition_id": latest.edition,
        }
        insert = upsert(session, MailEvent).values(link=0, machine=0, cause="", detail="", **row)
        done = session.connection().execute(insert.on_conflict_do_nothing())
        new[latest.edition, LATE_BOUNCE] += done.rowcount
    return ActionableEvent(
        kind=event.kind,
        at=event.at,
        reader_ref=-reader,
        newsletter=latest.newsletter if latest else "",
        address=event.address,
        cause=event.cause,
    )


def _latest(session: Session, at: int, reader: int) -> _Latest | None:
    """Return a reader's latest delivery whose issue was prepared at a moment, in seconds."""
    rows: Any = session.connection().execute(_LATEST, {"reader": reader})
    for delivery, edition, newsletter, prepared in rows:
        if prepared.timestamp() <= at:
            return _Latest(delivery, edition, newsletter)
    return None


def _readers(session: Session, keys: dict[str, str]) -> dict[str, int]:
    readers: dict[str, int] = {}
    for chunk in chunks(sorted(set(keys.values()))):
        rows: Any = session.connection().execute(_READERS, {"keys": chunk})
        readers.update(dict(rows.all()))
    return {address: readers[key] for address, key in keys.items() if key in readers}


_READERS = select(col(Subscriber.address_key), col(Subscriber.id)).where(
    col(Subscriber.address_key).in_(bindparam("keys", expanding=True))
)
_LATEST = (
    select(col(Delivery.id), col(Edition.id), col(Newsletter.slug), col(Issue.prepared_at))
    .select_from(Edition)
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
    .join(Delivery, col(Delivery.edition_id) == col(Edition.id))
    .where(of_reader(bindparam("reader")), col(Issue.prepared_at).is_not(None))
    .order_by(col(Issue.prepared_at).desc())
)
