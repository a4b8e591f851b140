"""Decides how events change a delivery's status: it only rises, and a repeat changes nothing.

Applying the same events in any order and any number of times ends in the same rows. An event is
identified by its content (delivery, kind, second, link); where copies differ, the stored row keeps
the highest or the lowest value of each field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from re import compile as pattern
from typing import Any

from sqlalchemy import bindparam, case, literal_column, or_, update
from sqlmodel import Session, col

from digest.delivery.events.event_privacy import EventOwnership, event_ownership
from digest.delivery.models import Delivery, DeliveryStatus, EventLink, MailEvent
from digest.delivery.sending import (
    KnownAttempt,
    confirm_acceptance,
    known_attempts,
    settle_reported,
)
from digest.delivery.settled_counts import keep_open, reopen
from digest.mail.provider_events import EventKind, ProviderEvent
from subscribers.sql import BulkStatement, Row, upsert_on

#: The status that each kind of event gives a delivery; other kinds give none.
STATUS_BY_KIND = {
    EventKind.PROCESSED: DeliveryStatus.PROCESSED,
    EventKind.DEFERRED: DeliveryStatus.DEFERRED,
    EventKind.DELIVERED: DeliveryStatus.DELIVERED,
    EventKind.DROPPED: DeliveryStatus.DROPPED,
    EventKind.BOUNCED: DeliveryStatus.BOUNCED,
    EventKind.BLOCKED: DeliveryStatus.BLOCKED,
    EventKind.COMPLAINED: DeliveryStatus.COMPLAINED,
}
RANK = {status: rank for rank, status in enumerate(DeliveryStatus)}
#: The rank of a kind's status, and the stored value.
_STATUS = {kind: (RANK[status], status.value) for kind, status in STATUS_BY_KIND.items()}
_STORED_KIND = {kind: kind.value for kind in EventKind}
#: Kinds that may require a suppression or an unsubscription.
ACTIONABLE = frozenset(
    {
        EventKind.BOUNCED,
        EventKind.DROPPED,
        EventKind.COMPLAINED,
        EventKind.UNSUBSCRIBED,
        EventKind.RESIGNED,
    }
)
_WITHOUT_MAIL = frozenset({EventKind.OTHER, EventKind.ACCOUNT})
_ENGAGED = frozenset({EventKind.OPENED, EventKind.CLICKED})
_OWN_LINK = pattern(r"(/[a-z])/[\w-]{20,}")  # a reader's token, or its substitution tag
_MAX_DIGITS = 18


NO_READER = 0  #: the `reader_ref` of an event that is about no reader's address


@dataclass(frozen=True, kw_only=True)
class ActionableEvent:
    """An event that may require a suppression or an unsubscription."""

    kind: EventKind
    at: int  #: seconds since 1970
    #: The delivery's number; without a delivery the reader's number, negated; else `NO_READER`.
    reader_ref: int
    newsletter: str
    address: str | None = field(repr=False)
    cause: str


@dataclass(frozen=True, kw_only=True)
class StatusChanges:
    """What a list of events changed."""

    new: Mapping[tuple[int, str], int]  #: events recorded for the first time, by edition and kind
    unknown: Sequence[ProviderEvent]  #: events that match no delivery
    settled: tuple[int, ...]  #: editions in which a batch in doubt was settled
    actionable: Sequence[ActionableEvent]


@dataclass(kw_only=True)
class _EventGroups:
    """Events grouped by what has to be done with them."""

    rows: dict[Row, Row] = field(default_factory=dict)  #: event row by primary key
    reported: set[int] = field(default_factory=set)  #: editions with a delivery in *best*
    #: Delivery to rank, negated moment and stored value of its highest status.
    best: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    links: dict[int, str] = field(default_factory=dict)
    proofs: dict[str, int] = field(default_factory=dict)  #: attempt to its earliest moment
    actionable: list[ActionableEvent] = field(default_factory=list)
    unknown: list[ProviderEvent] = field(default_factory=list)


def apply_events(session: Session, events: Sequence[ProviderEvent]) -> StatusChanges:
    """Record events and raise delivery statuses; the caller commits, and acts on the result."""
    known = known_attempts(session, {e.attempt for e in events if e.attempt})
    groups = _group(events, known, event_ownership(session, known.values()))
    new = _record_events(session, groups.rows.values())
    _INSERT_LINKS.run(session, list(groups.links.items()))
    raise_statuses(session, groups.best, groups.reported)
    whole = {key: at for key, at in groups.proofs.items() if not known[key].one_by_one}
    return StatusChanges(
        new=new,
        unknown=groups.unknown,
        settled=(
            *confirm_acceptance(session, known, whole),
            *settle_reported(session, groups.proofs.keys() - whole.keys()),
        ),
        actionable=groups.actionable,
    )


def _record_events(session: Session, rows: Iterable[Row]) -> dict[tuple[int, str], int]:
    """Record events; return how many rows that made or changed, by edition and kind."""
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in sorted(rows):  # in primary key order, so that neighbouring rows share a page
        groups.setdefault((row[4], row[1]), []).append(row)
    # In one order, so that no two processes wait for each other.
    return {group: _UPSERT_EVENTS.run(session, groups[group]) for group in sorted(groups)}


def raise_statuses(
    session: Session, best: Mapping[int, tuple[int, int, str]], editions: Collection[int]
) -> None:
    """Raise deliveries to (rank, negated moment, stored value) where their status is lower.

    *editions* are those that they belong to.
    """
    if not best:
        return
    keep_open(session, editions)
    rows = [(status, -at, rank, number) for number, (rank, at, status) in sorted(best.items())]
    if _RAISE_STATUSES.run(session, rows):
        reopen(session, editions)


def status_rank(kind: str) -> tuple[int, str] | None:
    """Return the rank and the stored value of a kind's status, ``None`` if it has none."""
    return _STATUS.get(kind)  # type: ignore[call-overload,no-any-return]  # a StrEnum is a text


def _group(
    events: Sequence[ProviderEvent], known: Mapping[str, KnownAttempt], numbering: EventOwnership
) -> _EventGroups:
    """Group events by what they change; the loop that runs a million times in a flood."""
    groups = _EventGroups()
    rows, best, proofs = groups.rows, groups.best, groups.proofs
    for event in events:
        kind, at, delivery, attempt = event[:4]
        known_attempt = known.get(attempt) if attempt else None
        number = _delivery_number(delivery)
        if (
            known_attempt is None
            or not known_attempt.first <= number <= known_attempt.last
            or kind in _WITHOUT_MAIL
        ):
            groups.unknown.append(event)
            continue
        if proofs.get(known_attempt.attempt, at) >= at:
            proofs[known_attempt.attempt] = at
        status = _STATUS.get(kind)
        if status is not None:
            candidate = (status[0], -at, status[1])
            groups.reported.add(known_attempt.edition)
            if number not in best or candidate > best[number]:
                best[number] = candidate
        if kind in ACTIONABLE:
            groups.actionable.append(
                ActionableEvent(
                    kind=kind,
                    at=at,
                    reader_ref=number,
                    newsletter=known_attempt.newsletter,
                    address=event.address,
                    cause=event.cause,
                )
            )
        stored_as = numbering.stored_number(number, known_attempt, engaged=kind in _ENGAGED)
        if stored_as is not None:
            _add_row(rows, groups.links, event, known_attempt.edition, stored_as)
    return groups


def _add_row(
    rows: dict[Row, Row], links: dict[int, str], event: ProviderEvent, edition: int, stored_as: int
) -> None:
    kind, at, _, _, _, url, machine, cause, detail = event
    link = 0
    if url:
        link, clean_url = link_key(url)
        links[link] = clean_url
    key = (stored_as, kind, at, link)
    row = (stored_as, _STORED_KIND[kind], at, link, edition, 1 if machine else 0, cause, detail)
    stored = rows.get(key)
    if stored is not None and stored != row:
        row = (*row[:5], min(stored[5], row[5]), max(stored[6], cause), max(stored[7], detail))
    rows[key] = row


def _delivery_number(delivery: str | None) -> int:
    """Return a delivery's number, 0 if the id isn't a delivery's."""
    if delivery and len(delivery) <= _MAX_DIGITS and delivery.isascii() and delivery.isdigit():
        return int(delivery)
    return 0


@lru_cache(maxsize=4096)
def link_key(url: str) -> tuple[int, str]:
    """Return a link's key, a signed 64-bit hash, and its URL without a reader's token."""
    clean = _OWN_LINK.sub(r"\1/…", url)
    return int.from_bytes(blake2b(clean.encode(), digest_size=8).digest(), signed=True), clean


def _event_upsert(dialect: str) -> Any:
    """Return an upsert of an event that keeps the lower or higher value of each field."""
    insert = upsert_on(dialect, MailEvent)
    new, old = insert.excluded, MailEvent
    return insert.on_conflict_do_update(
        index_elements=["delivery_id", "kind", "moment", "link"],
        set_={
            "machine": case((new.machine < col(old.machine), new.machine), else_=col(old.machine)),
            "cause": case((new.cause > col(old.cause), new.cause), else_=col(old.cause)),
            "detail": case((new.detail > col(old.detail), new.detail), else_=col(old.detail)),
        },
        where=or_(
            new.machine < col(old.machine),
            new.cause > col(old.cause),
            new.detail > col(old.detail),
        ),
    )


def _status_update(_dialect: str) -> Any:
    ranked = case(
        *(
            (col(Delivery.news) == literal_column(f"'{status.value}'"), literal_column(str(rank)))
            for status, rank in RANK.items()
        ),
        else_=literal_column("-1"),
    )
    higher = bindparam("rank") > ranked
    earlier = (bindparam("rank") == ranked) & (col(Delivery.news_at) > bindparam("moment"))
    return (
        update(Delivery)
        .values(news=bindparam("status"), news_at=bindparam("moment"))
        .where(col(Delivery.id) == bindparam("delivery"), or_(higher, earlier))
    )


_UPSERT_EVENTS = BulkStatement(
    _event_upsert,
    ["delivery_id", "kind", "moment", "link", "edition_id", "machine", "cause", "detail"],
)
_INSERT_LINKS = BulkStatement(
    lambda dialect: upsert_on(dialect, EventLink).on_conflict_do_nothing(), ["id", "url"]
)
_RAISE_STATUSES = BulkStatement(_status_update, ["status", "moment", "rank", "delivery"])
