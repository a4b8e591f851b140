"""Sends the letters that wait: each is marked before it goes, so that none goes twice unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple, Protocol

from sqlalchemy import and_, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import lifecycle, store, suppression
from subscribers.address import wire
from subscribers.lifecycle import REJOINABLE, may_be_asked
from subscribers.models import (
    JOINED,
    AddressChange,
    LetterKind,
    LetterState,
    LetterToSend,
    Standing,
    Subscriber,
    Subscription,
)
from subscribers.store import Sessions
from subscribers.tokens import DatedTarget, Hashes, Links, LinkTarget, Unasked

#: A letter that was marked and not settled in this time was cut off; it may have gone out.
CUT_OFF = timedelta(minutes=10)
#: Letters to an address that hasn't agreed to anything yet, and all that a form can cause.
_TO_STRANGERS = (LetterKind.CONFIRM, LetterKind.CHANGE)
_BY_FORM = (*_TO_STRANGERS, LetterKind.ALREADY)


class LetterOutcome(StrEnum):
    """What came of handing a letter over."""

    SENT = "sent"  #: the transport took it
    LATER = "later"  #: certainly not sent, and trying again can help
    UNMADE = "unmade"  #: it can't be made for now, nor any of its kind, newsletter and language
    FAILED = "failed"  #: refused for good
    IN_DOUBT = "in-doubt"  #: it may have gone out; it isn't tried again


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One letter, finished but for its words. Nothing in it was typed by who asked for it."""

    kind: LetterKind
    address: str = field(repr=False)  #: with the domain in ASCII
    newsletter: str  #: the slug
    language: str
    action_url: str = field(repr=False)  #: what its one button opens; "" for a welcome
    unsubscribe_url: str = field(default="", repr=False)
    preferences_url: str = field(default="", repr=False)
    decline_url: str = field(default="", repr=False)  #: for who didn't ask for the letter


class LetterCarrier(Protocol):
    """The way out for letters, which whoever mounts this package brings."""

    def send(self, letter: Letter) -> LetterOutcome:
        """Hand one letter over; never raises for what the network or the provider does."""
        ...


_Sort = tuple[LetterKind, str, str]


class _Waiting(NamedTuple):
    """A letter that may go, with what speaks for and against it."""

    id: int
    subscriber_id: int
    newsletter: str
    kind: LetterKind
    language: str
    change_id: int | None
    asked_at: datetime
    address: str  #: where it goes; empty if the wish it is about was replaced by another
    mailbox: str  #: the keyed hash of its mailbox
    declined: bool  #: whether that mailbox's owner wants no such letters
    held: str | None  #: what is held against that address
    standing: Standing | None
    since: datetime | None  #: when the reader came to that standing

    @property
    def sort(self) -> _Sort:
        """What its words depend on."""
        return (self.kind, self.newsletter, self.language)

    def __repr__(self) -> str:
        """Show no address: what is shown may end up in a log."""
        return f"_Waiting({self.id}, {self.kind})"


def enqueue(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    kind: LetterKind,
    now: datetime,
    *,
    language: str = "en",
    change_id: int | None = None,
    state: LetterState = LetterState.WAITING,
) -> None:
    """Put a letter into the queue, or note that none is sent."""
    row = {
        "subscriber_id": subscriber_id,
        "newsletter": newsletter,
        "kind": kind,
        "state": state,
        "language": language,
        "change_id": change_id,
        "asked_at": now,
        "since": now,
    }
    session.execute(insert(LetterToSend).values(row))


def send_waiting(
    sessions: Sessions,
    post: LetterCarrier,
    links: Links,
    hashes: Hashes,
    clock: Callable[[], datetime],
    *,
    at_most: int = 500,
    hours: int = 48,
) -> Counter[LetterState]:
    """Send what waits, the oldest first; returns how many letters ended in which state.

    Stops where the transport is down, since it is down for the others as well. One that can't be
    made waits with those of its sort, and the others go.
    """
    unmade: set[_Sort] = set()
    done: Counter[LetterState] = Counter()
    with sessions.write() as session:
        now = clock()
        cut_off = col(LetterToSend.since) < now - CUT_OFF
        too_old = col(LetterToSend.asked_at) < now - timedelta(hours=hours)
        doubted = _end(session, LetterState.STARTED, LetterState.IN_DOUBT, cut_off, now)
        given_up = _end(session, LetterState.WAITING, LetterState.FAILED, too_old, now)
        done.update({LetterState.IN_DOUBT: doubted, LetterState.FAILED: given_up})
        waiting = _claim(session, unmade, hashes, now) if at_most > 0 else None
    for sent in range(1, at_most + 1):
        if waiting is None:
            break
        handed = _send(waiting, post, links)
        state = _STATES[handed]
        done[state] += 1
        if handed is LetterOutcome.UNMADE:
            unmade.add(waiting.sort)
        more = sent < at_most and handed is not LetterOutcome.LATER
        with sessions.write() as session:  # one commit a letter: what it settles, it goes on from
            _settle(session, waiting, state, clock())
            waiting = _claim(session, unmade, hashes, clock()) if more else None
    return +done


_STATES = {
    None: LetterState.WITHHELD,
    LetterOutcome.SENT: LetterState.SENT,
    LetterOutcome.LATER: LetterState.WAITING,
    LetterOutcome.UNMADE: LetterState.WAITING,
    LetterOutcome.FAILED: LetterState.FAILED,
    LetterOutcome.IN_DOUBT: LetterState.IN_DOUBT,
}


def _send(waiting: _Waiting, post: LetterCarrier, links: Links) -> LetterOutcome | None:
    return post.send(_letter(waiting, links)) if _is_wanted(waiting) else None


def _is_wanted(waiting: _Waiting) -> bool:
    """Look once more, since a letter may have waited for long."""
    if waiting.declined and waiting.kind in _BY_FORM:
        return False
    if waiting.kind is LetterKind.CONFIRM:
        # A suppressed address may have the one letter whose answer would lift that.
        return _still_asks(waiting) and waiting.held in (None, *REJOINABLE)
    if waiting.kind is LetterKind.CHANGE:
        return bool(waiting.address) and waiting.held is None
    if waiting.kind is LetterKind.MOVED:
        return bool(waiting.address)
    return waiting.standing in JOINED and waiting.held is None


def _still_asks(waiting: _Waiting) -> bool:
    """Tell whether the letter's link would do anything: the reader may have left since."""
    if waiting.standing is not Standing.UNSUBSCRIBED or waiting.since is None:
        return waiting.standing is Standing.PENDING
    return waiting.asked_at > waiting.since


def _letter(waiting: _Waiting, links: Links) -> Letter:
    who = LinkTarget(waiting.subscriber_id, waiting.newsletter)
    action = ""
    if waiting.kind is LetterKind.CONFIRM:
        action = links.confirm(DatedTarget(*who, waiting.asked_at))
    elif waiting.kind is LetterKind.CHANGE and waiting.change_id is not None:
        action = links.change(waiting.change_id, waiting.asked_at)
    elif waiting.kind is LetterKind.ALREADY:
        action = links.preferences(who, waiting.address)
    elif waiting.kind is LetterKind.MOVED:
        action = links.sign_up(waiting.newsletter)
    unasked = Unasked(
        waiting.mailbox,
        waiting.newsletter,
        subscriber_id=0 if waiting.change_id else waiting.subscriber_id,
        change_id=waiting.change_id or 0,
    )
    belongs = waiting.kind in (LetterKind.WELCOME, LetterKind.ALREADY)
    unknown = waiting.kind in _TO_STRANGERS
    own = partial(_in_language, waiting.language)
    return Letter(
        kind=waiting.kind,
        address=wire(waiting.address),
        newsletter=waiting.newsletter,
        language=waiting.language,
        action_url=own(action),
        unsubscribe_url=own(links.unsubscribe(who)) if belongs else "",
        preferences_url=own(links.preferences(who, waiting.address)) if belongs else "",
        decline_url=own(links.decline(unasked)) if unknown else "",
    )


def _in_language(language: str, url: str) -> str:
    """Return a link that opens its page in the letter's language, whatever the browser's is."""
    if not url:
        return ""
    return f"{url}{'&' if '?' in url else '?'}lang={language}"


def _claim(session: Session, unmade: set[_Sort], hashes: Hashes, now: datetime) -> _Waiting | None:
    """Mark the oldest waiting letter as started, durably, before anything is connected."""
    row = session.execute(_OLDEST.where(*(~_is_of(sort) for sort in unmade))).one_or_none()
    if row is None:
        return None
    _set(session, row.id, LetterState.STARTED, now)
    facts = dict(row._mapping)
    new, new_key, former = (facts.pop(name) for name in ("new", "new_key", "former"))
    key = (new_key or "") if row.kind is LetterKind.CHANGE else facts["key"]
    del facts["key"]
    facts["mailbox"] = lifecycle.known_by(key, hashes)
    facts["declined"] = bool(lifecycle.find(session, [key], hashes, now))
    if row.kind is LetterKind.CHANGE:
        found = suppression.find(session, new_key, hashes) if new_key else None
        barred = found is not None and not may_be_asked(found, now)
        facts |= {"address": new or "", "held": found.reason if found and barred else None}
    elif row.kind is LetterKind.MOVED:
        facts |= {"address": former or "", "held": None}
    return _Waiting(**facts)


def _is_of(sort: _Sort) -> Any:
    kind, newsletter, language = sort
    return and_(
        col(LetterToSend.kind) == kind,
        col(LetterToSend.newsletter) == newsletter,
        col(LetterToSend.language) == language,
    )


def _settle(session: Session, waiting: _Waiting, state: LetterState, now: datetime) -> None:
    _set(session, waiting.id, state, now)
    if waiting.kind is LetterKind.MOVED and state is not LetterState.WAITING:
        change = col(AddressChange.id) == waiting.change_id
        session.execute(update(AddressChange).where(change).values(former=None))


def _set(session: Session, letter_id: int, state: LetterState, now: datetime) -> None:
    session.execute(
        update(LetterToSend).where(col(LetterToSend.id) == letter_id).values(state=state, since=now)
    )


def _end(session: Session, old: LetterState, new: LetterState, late: Any, now: datetime) -> int:
    done: Any = session.execute(
        update(LetterToSend)
        .where(col(LetterToSend.state) == old, late)
        .values(state=new, since=now)
    )
    return int(done.rowcount)


_OF_LETTER = ("id", "subscriber_id", "newsletter", "kind", "language", "change_id", "asked_at")
_OLDEST = (
    select(
        *(getattr(LetterToSend, name) for name in _OF_LETTER),
        col(AddressChange.address).label("new"),
        col(AddressChange.address_key).label("new_key"),
        col(AddressChange.former),
        col(Subscriber.address),
        col(Subscriber.address_key).label("key"),
        col(Subscriber.suppressed).label("held"),
        col(Subscription.standing),
        col(Subscription.since),
    )
    .join(Subscriber, col(Subscriber.id) == col(LetterToSend.subscriber_id))
    .outerjoin(AddressChange, col(AddressChange.id) == col(LetterToSend.change_id))
    .outerjoin(
        Subscription,
        and_(
            col(Subscription.subscriber_id) == col(LetterToSend.subscriber_id),
            col(Subscription.newsletter) == col(LetterToSend.newsletter),
        ),
    )
    .where(col(LetterToSend.state) == LetterState.WAITING)
    .order_by(col(LetterToSend.id))
    .limit(1)
    .with_for_update(of=store.table(LetterToSend), skip_locked=True)
)
