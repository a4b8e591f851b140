"""What an event means: news moves a delivery up only, and an event told again changes nothing.

Applying the same events, in any order and any number of times, ends in the same rows: an event is
known by what it says, and everything kept of it is the highest or the earliest of its copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from re import compile as pattern
from typing import Any

from sqlalchemy import bindparam, case, literal_column, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from digest.delivery.events.bulk_sql import BulkStatement, Row
from digest.delivery.events.event_privacy import EventOwnership, event_ownership
from digest.delivery.models import Delivery, EventLink, MailEvent, News
from digest.delivery.sending import KnownAttempt, confirm_acceptance, known_attempts
from digest.mail.provider_events import EventKind
from digest.mail.provider_events import ProviderEvent as Event

#: What each kind of event says of a delivery's standing; the rest say nothing of it.
NEWS = {
    EventKind.PROCESSED: News.PROCESSED,
    EventKind.DEFERRED: News.DEFERRED,
    EventKind.DELIVERED: News.DELIVERED,
    EventKind.DROPPED: News.DROPPED,
    EventKind.BOUNCED: News.BOUNCED,
    EventKind.BLOCKED: News.BLOCKED,
    EventKind.COMPLAINED: News.COMPLAINED,
}
RANK = {news: rank for rank, news in enumerate(News)}
#: A standing as one number, and the word that is stored for it.
_STANDING = {kind: (RANK[news], news.value) for kind, news in NEWS.items()}
_WORD = {kind: kind.value for kind in EventKind}
#: Kinds that may ask for more than a note: somebody must not be mailed any more.
TELLING = frozenset(
    {
        EventKind.BOUNCED,
        EventKind.DROPPED,
        EventKind.COMPLAINED,
        EventKind.UNSUBSCRIBED,
        EventKind.RESIGNED,
    }
)
_OF_NO_MAIL = frozenset({EventKind.OTHER, EventKind.ACCOUNT})
_ENGAGED = frozenset({EventKind.OPENED, EventKind.CLICKED})
_OWN_LINK = pattern(r"(/[a-z])/[\w-]{20,}")  # a reader's token, or the tag in its place
_MAX_DIGITS = 18


NOBODY = 0  #: whose news it is that comes from an address of no reader


@dataclass(frozen=True, kw_only=True)
class ActionableEvent:
    """An event that may ask for more than a note: somebody must not be mailed any more."""

    kind: EventKind
    at: int
    #: The delivery it is about; below zero, the reader's own number where it has none; or `NOBODY`.
    whose: int
    newsletter: str
    address: str | None = field(repr=False)
    cause: str


@dataclass(frozen=True, kw_only=True)
class StatusChanges:
    """What a batch of events changed."""

    new: int  #: events not heard before
    unknown: Sequence[Event]  #: events of no delivery of ours
    settled: tuple[int, ...]  #: editions in which a doubt was settled
    telling: Sequence[ActionableEvent]


@dataclass(kw_only=True)
class _Sorted:
    """Events by what has to be done with them."""

    rows: dict[Row, Row] = field(default_factory=dict)  #: by key
    best: dict[int, tuple[int, int, str]] = field(default_factory=dict)  #: rank, -moment, word
    links: dict[int, str] = field(default_factory=dict)
    proofs: dict[str, int] = field(default_factory=dict)  #: attempt to its earliest moment
    telling: list[ActionableEvent] = field(default_factory=list)
    unknown: list[Event] = field(default_factory=list)


def apply_events(session: Session, events: Sequence[Event]) -> StatusChanges:
    """Record events and move what they speak of; the caller commits, and acts on the result."""
    known = known_attempts(session, {e.attempt for e in events if e.attempt})
    done = _sort(events, known, event_ownership(session, known.values()))
    # In the order of the table, so that neighbours meet the same page.
    new = _KEEP.run(session, sorted(done.rows.values()))
    _LINK.run(session, list(done.links.items()))
    raise_statuses(session, done.best)
    return StatusChanges(
        new=new,
        unknown=done.unknown,
        settled=confirm_acceptance(session, known, done.proofs),
        telling=done.telling,
    )


def raise_statuses(session: Session, best: Mapping[int, tuple[int, int, str]]) -> None:
    """Move deliveries up to (rank, less its moment, word), those that aren't as high already."""
    rows = [(told, -at, rank, number) for number, (rank, at, told) in sorted(best.items())]
    _MOVE.run(session, rows)


def status_rank(kind: str) -> tuple[int, str] | None:
    """Return a kind's standing as a rank and a word, ``None`` where it says nothing of it."""
    return _STANDING.get(kind)  # type: ignore[call-overload,no-any-return]  # a StrEnum is a text


def _sort(
    events: Sequence[Event], known: Mapping[str, KnownAttempt], kept: EventOwnership
) -> _Sorted:
    """Sort events; the one loop that runs a million times in a flood."""
    done = _Sorted()
    rows, best, proofs = done.rows, done.best, done.proofs
    for event in events:
        kind, at, delivery, attempt = event[:4]
        mine = known.get(attempt) if attempt else None
        number = _number(delivery)
        if mine is None or not mine.first <= number <= mine.last or kind in _OF_NO_MAIL:
            done.unknown.append(event)
            continue
        if proofs.get(mine.attempt, at) >= at:
            proofs[mine.attempt] = at
        standing = _STANDING.get(kind)
        if standing is not None:
            here = (standing[0], -at, standing[1])
            if number not in best or here > best[number]:
                best[number] = here
        if kind in TELLING:
            done.telling.append(
                ActionableEvent(
                    kind=kind,
                    at=at,
                    whose=number,
                    newsletter=mine.newsletter,
                    address=event.address,
                    cause=event.cause,
                )
            )
        who = kept.who(number, mine, engaged=kind in _ENGAGED)
        if who is not None:
            _keep(rows, done.links, event, mine.edition, who)
    return done


def _keep(
    rows: dict[Row, Row], links: dict[int, str], event: Event, edition: int, who: int
) -> None:
    kind, at, _, _, _, url, machine, cause, detail = event
    link = 0
    if url:
        link, clean = link_key(url)
        links[link] = clean
    key = (who, kind, at, link)
    row = (who, _WORD[kind], at, link, edition, 1 if machine else 0, cause, detail)
    before = rows.get(key)
    if before is not None and before != row:
        row = (*row[:5], min(before[5], row[5]), max(before[6], cause), max(before[7], detail))
    rows[key] = row


def _number(delivery: str | None) -> int:
    """Read a delivery's number; 0 for what is none of ours."""
    if delivery and len(delivery) <= _MAX_DIGITS and delivery.isascii() and delivery.isdigit():
        return int(delivery)
    return 0


@lru_cache(maxsize=4096)
def link_key(url: str) -> tuple[int, str]:
    """Name a link: a number for its address, and the address less a reader's own part."""
    clean = _OWN_LINK.sub(r"\1/…", url)
    return int.from_bytes(blake2b(clean.encode(), digest_size=8).digest(), signed=True), clean


def _insert(dialect: str) -> Any:
    return sqlite.insert if dialect == "sqlite" else postgresql.insert


def _keeping(dialect: str) -> Any:
    """Insert an event; of two copies that differ, keep of each field the lower or the higher."""
    insert = _insert(dialect)(MailEvent)
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


def _moving(_dialect: str) -> Any:
    ranked = case(
        *(
            (col(Delivery.news) == literal_column(f"'{news.value}'"), literal_column(str(rank)))
            for news, rank in RANK.items()
        ),
        else_=literal_column("-1"),
    )
    higher = bindparam("rank") > ranked
    earlier = (bindparam("rank") == ranked) & (col(Delivery.news_at) > bindparam("moment"))
    return (
        update(Delivery)
        .values(news=bindparam("told"), news_at=bindparam("moment"))
        .where(col(Delivery.id) == bindparam("delivery"), or_(higher, earlier))
    )


_KEEP = BulkStatement(
    _keeping,
    ["delivery_id", "kind", "moment", "link", "edition_id", "machine", "cause", "detail"],
)
_LINK = BulkStatement(
    lambda dialect: _insert(dialect)(EventLink).on_conflict_do_nothing(), ["id", "url"]
)
_MOVE = BulkStatement(_moving, ["told", "moment", "rank", "delivery"])
