"""What an event means: news moves a delivery up only, and any proof settles its attempt's doubt.

Applying the same events again, in any order, ends in the same state: an event is known by what it
says, not by the provider's id for it, which changes when it is told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import bindparam, case, func, or_, select, update
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState, Decision, Delivery, MailEvent, News
from digest.mail.events import EventKind
from digest.mail.events import MailEvent as Event
from subscribers.models import SuppressionReason
from subscribers.store import upsert

MAX_DELIVERY = 2**63 - 1

#: What each kind of event says of a delivery's standing; the rest say nothing of it.
NEWS = {
    EventKind.PROCESSED: News.PROCESSED,
    EventKind.DEFERRED: News.DEFERRED,
    EventKind.DELIVERED: News.DELIVERED,
    EventKind.DROPPED: News.DROPPED,
    EventKind.BOUNCED: News.BOUNCED,
    EventKind.BLOCKED: News.BOUNCED,
    EventKind.COMPLAINED: News.COMPLAINED,
}
RANK = {news: rank for rank, news in enumerate(News)}
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


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """What a batch of events changed."""

    new: int  #: events not heard before
    unknown: int  #: events of no delivery of ours
    settled: tuple[int, ...]  #: editions in which a doubt was settled
    suppress: dict[int, SuppressionReason]  #: subscriber to the reason they must not be mailed
    unsubscribe: tuple[tuple[int, int], ...]  #: (edition, subscriber) who left by its own link


def track(session: Session, events: Sequence[Event], now: datetime) -> Tracked:
    """Record events and move what they speak of; the caller commits, and acts on the result."""
    known, unknown = _known(session, events)
    new = _record(session, known, now)
    _move(session, known)
    settled = _settle(session, {e.attempt for e in known if e.attempt})
    readers = _subscribers(session, known)
    suppress: dict[int, SuppressionReason] = {}
    for event in known:
        reason = _reason(event)
        if reason is not None:
            suppress.setdefault(readers[_number(event)][1], reason)
    left = {readers[_number(e)] for e in known if e.kind is EventKind.UNSUBSCRIBED}
    return Tracked(
        new=new,
        unknown=unknown,
        settled=tuple(sorted(settled)),
        suppress=suppress,
        unsubscribe=tuple(sorted(left)),
    )


def event_key(event: Event) -> str:
    """Name an event by what it says: delivery, kind, moment, link; 64 hex digits."""
    said = [event.attempt, event.delivery, event.kind, int(event.at.timestamp()), event.url]
    return sha256(orjson.dumps(said)).hexdigest()


def _known(session: Session, events: Sequence[Event]) -> tuple[list[Event], int]:
    """Keep the events whose attempt and delivery are ours and belong together."""
    attempts = {e.attempt for e in events if e.attempt}
    rows = session.connection().execute(
        select(col(Attempt.key), col(Batch.first_delivery), col(Batch.last_delivery))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(col(Attempt.key).in_(attempts))
    )
    ranges = {key: (first, last) for key, first, last in rows}
    known = [e for e in events if _belongs(e, ranges)]
    return known, len(events) - len(known)


def _belongs(event: Event, ranges: dict[str, tuple[int, int]]) -> bool:
    first, last = ranges.get(event.attempt or "", (1, 0))
    number = event.delivery or ""
    return number.isascii() and number.isdigit() and first <= int(number) <= last


def _number(event: Event) -> int:
    return int(event.delivery or 0)


def _record(session: Session, events: Iterable[Event], now: datetime) -> int:
    rows = {
        event_key(e): {
            "key": event_key(e),
            "kind": e.kind,
            "delivery_id": _number(e),
            "occurred_at": e.at,
            "received_at": now,
            "detail": e.url or e.detail,
        }
        for e in events
    }
    if not rows:
        return 0
    connection = session.connection()
    count = select(func.count()).select_from(MailEvent).where(col(MailEvent.key).in_(rows))
    before = connection.execute(count).scalar_one()
    insert = upsert(session, MailEvent).on_conflict_do_nothing(index_elements=["key"])
    connection.execute(insert, list(rows.values()))
    return len(rows) - before


def _move(session: Session, events: Iterable[Event]) -> None:
    best: dict[int, tuple[News, datetime]] = {}
    for event in events:
        news = NEWS.get(event.kind)
        if news is None:
            continue
        now_best = best.get(_number(event))
        if now_best is None or _better(news, event.at, now_best):
            best[_number(event)] = (news, event.at)
    if best:
        rows = [
            {"delivery": number, "told": news, "moment": at, "rank": RANK[news]}
            for number, (news, at) in best.items()
        ]
        session.connection().execute(_MOVE, rows)


def _better(news: News, at: datetime, than: tuple[News, datetime]) -> bool:
    """Higher wins; of the same, the earlier moment stays."""
    return RANK[news] > RANK[than[0]] or (news is than[0] and at < than[1])


def _settle(session: Session, attempts: set[str]) -> set[int]:
    """Take every attempt that any event speaks of as accepted: requests are taken whole."""
    connection = session.connection()
    doubtful = and_in_doubt(attempts)
    editions = set(connection.execute(select(col(Batch.edition_id)).where(*doubtful)).scalars())
    connection.execute(
        update(Batch).where(*doubtful).values(state=BatchState.ACCEPTED, note="proved by an event")
    )
    _contradict(session, attempts)
    return editions


def and_in_doubt(attempts: set[str]) -> tuple[Any, ...]:
    """Return the conditions for batches whose doubt one of these attempts settles."""
    return (col(Batch.attempt).in_(attempts), col(Batch.state) == BatchState.IN_DOUBT)


def _contradict(session: Session, attempts: set[str]) -> None:
    """Raise the alarm where a person had decided that an attempt was never taken."""
    session.connection().execute(
        update(Decision)
        .where(
            col(Decision.attempt_key).in_(attempts),
            col(Decision.verdict) == "unsent",
            col(Decision.contradicted).is_(None),
        )
        .values(
            contradicted=select(col(Batch.size))
            .where(col(Batch.id) == col(Decision.batch_id))
            .scalar_subquery()
        )
    )


def _subscribers(session: Session, events: Iterable[Event]) -> dict[int, tuple[int, int]]:
    """Edition and subscriber of each delivery whose event says something of its reader."""
    telling = [
        _number(e) for e in events if _reason(e) is not None or e.kind is EventKind.UNSUBSCRIBED
    ]
    rows = session.connection().execute(
        select(col(Delivery.id), col(Delivery.edition_id), col(Delivery.subscriber_id)).where(
            col(Delivery.id).in_(telling)
        )
    )
    return {number or 0: (edition, subscriber) for number, edition, subscriber in rows}


def _reason(event: Event) -> SuppressionReason | None:
    if event.kind is EventKind.DROPPED:
        return _DROPPED_FOR_GOOD.get(event.detail.lower())
    return _SUPPRESSES.get(event.kind)


_RANKED = case({news.value: rank for news, rank in RANK.items()}, value=col(Delivery.news))
_MOVE = (
    update(Delivery)
    .where(
        col(Delivery.id) == bindparam("delivery"),
        or_(
            col(Delivery.news).is_(None),
            bindparam("rank") > _RANKED,
            (bindparam("rank") == _RANKED) & (col(Delivery.news_at) > bindparam("moment")),
        ),
    )
    .values(news=bindparam("told"), news_at=bindparam("moment"))
)
