"""The transactional outbox: each mail outside an issue's batches leaves at most once.

A mail is queued in the transaction of what caused it, claimed in a commit before anything is
connected, handed over, and settled. A mail cut off in between ends in doubt and isn't sent again.
Letters to readers wait here for `send_waiting`; `reader_letter` says whether each is still wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, select, text, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import sql, suppression
from subscribers.models import (
    AddressChange,
    LetterKind,
    LetterState,
    LetterToSend,
    SendOutcome,
    Subscriber,
    Subscription,
)
from subscribers.reader_letter import (
    ClaimedLetter,
    FindAskedLink,
    Letter,
    LetterSort,
    letter_of,
    no_asked_link,
)
from subscribers.sql import UnitOfWork
from subscribers.tokens import Hashes, Links

#: A letter claimed and not settled in this time was cut off; it may have gone out.
CUT_OFF = timedelta(minutes=10)
MOST_TRIES = 20  #: of a mail to no reader; a letter to a reader is tried until it is too old


class LetterCarrier(Protocol):
    """The sender of letters, passed in by the caller of this package."""

    def send(self, letter: Letter) -> SendOutcome:
        """Hand one letter over; raise nothing for a fault of the network or the provider.

        `SendOutcome.UNMADE` means that no letter of the same kind, newsletter and language can be
        composed now.
        """
        ...


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
    """Queue a letter to a reader, or record in another *state* that none is sent."""
    row = _row(newsletter, kind, now) | {
        "subscriber_id": subscriber_id,
        "state": state,
        "language": language,
        "change_id": change_id,
    }
    session.execute(insert(_ROWS).values(row))


class ToldLetter(NamedTuple):
    """A letter that tells a reader of something once."""

    subscriber_id: int
    newsletter: str
    kind: LetterKind
    language: str
    about: str  #: what it is sent once for
    asks_for: str  #: what it says, in the application's words


def enqueue_once(session: Session, letter: ToldLetter, now: datetime) -> None:
    """Queue a letter to a reader, unless one about the same was queued; the caller commits."""
    row = _row(letter.newsletter, letter.kind, now) | letter._asdict()
    once = sql.upsert(session, LetterToSend).values(row)
    session.execute(once.on_conflict_do_nothing(**_ONCE))


def narrow(session: Session, row_id: int, asks_for: str) -> None:
    """Record that a claimed letter says less than it was queued for; the caller commits."""
    which = (_ROWS.c.id == row_id, _ROWS.c.state == LetterState.STARTED)
    session.execute(update(_ROWS).where(*which).values(asks_for=asks_for))


def queue_internal(
    session: Session,
    kind: LetterKind,
    newsletter: str,
    now: datetime,
    *,
    about: str | None = None,
    attempt: str | None = None,
) -> int:
    """Queue a mail to no reader, and return the id of its row; the caller commits.

    Mail *about* one thing is one row, however often it is asked for.
    """
    row = _row(newsletter, kind, now) | {"about": about, "attempt": attempt}
    insert_once = (
        sql.upsert(session, LetterToSend)
        .values(row)
        .on_conflict_do_update(**_ONCE, set_={"about": about})
    )
    queued: int = session.execute(insert_once.returning(_ROWS.c.id)).scalar_one()
    return queued


def start(
    session: Session,
    kind: LetterKind,
    newsletter: str,
    now: datetime,
    *,
    about: str | None = None,
    attempt: str | None = None,
) -> int | None:
    """Queue a mail to no reader as `queue_internal` does, claim it, and return the id of its row.

    Return ``None`` where mail *about* the same is sent, under way, in doubt, or was tried
    `MOST_TRIES` times.
    """
    queued = queue_internal(session, kind, newsletter, now, about=about, attempt=attempt)
    return claim(session, now, _ROWS.c.id == queued, _ROWS.c.tries < MOST_TRIES)


def claim(session: Session, now: datetime, *which: ColumnElement[bool]) -> int | None:
    """Mark the oldest waiting mail among *which* as started, and return the id of its row.

    Return ``None`` where none waits, or others are claiming it. The caller commits.
    """
    oldest = (
        select(_ROWS.c.id)
        .where(_ROWS.c.state == LetterState.WAITING, *which)
        .order_by(_ROWS.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .correlate(None)
        .scalar_subquery()
    )
    started = {"state": LetterState.STARTED, "since": now, "tries": _ROWS.c.tries + 1}
    claimed = update(_ROWS).where(_ROWS.c.id == oldest).values(started).returning(_ROWS.c.id)
    return session.execute(claimed).scalar_one_or_none()


def settle(
    session: Session,
    row_id: int,
    outcome: SendOutcome | None,
    now: datetime,
    *,
    again: Collection[SendOutcome] = (),
) -> LetterState:
    """Record what became of a claimed mail, and return its state; the caller commits.

    After an outcome of *again* the mail waits for another try. ``None`` stands for a mail that
    was withheld.
    """
    state = LetterState.WAITING if outcome in again else _STATES.get(outcome, LetterState.FAILED)
    values = {"state": state, "outcome": outcome, "since": now}
    # An erasure deletes a claimed row, and SQLite may give its id to a mail queued since.
    unsettled = _ROWS.c.state.in_((LetterState.STARTED, LetterState.IN_DOUBT))
    session.execute(update(_ROWS).where(_ROWS.c.id == row_id, unsettled).values(values))
    return state


def states(session: Session, kind: LetterKind, newsletter: str) -> dict[str, LetterState]:
    """Return the state of each mail of a kind that is sent once, by what it is about.

    One that was tried `MOST_TRIES` times has failed.
    """
    spent = (_ROWS.c.state == LetterState.WAITING) & (_ROWS.c.tries >= MOST_TRIES)
    of_kind = (_ROWS.c.about.is_not(None), _ROWS.c.kind == kind, _ROWS.c.newsletter == newsletter)
    rows = session.execute(select(_ROWS.c.about, _ROWS.c.state, spent).where(*of_kind))
    return {about: LetterState.FAILED if failed else state for about, state, failed in rows}


def note_events(session: Session, attempts: Collection[str | None], now: datetime) -> set[str]:
    """Record that events name these *attempts*; return those that are of mails in the queue."""
    if not attempts:
        return set()
    heard = (
        update(_ROWS)
        .where(_ROWS.c.attempt.in_(attempts))
        .values(heard_at=func.coalesce(_ROWS.c.heard_at, now))
    )
    return set(session.execute(heard.returning(_ROWS.c.attempt)).scalars())


def _row(newsletter: str, kind: LetterKind, now: datetime) -> dict[str, Any]:
    state = {"state": LetterState.WAITING, "language": "en"}
    return {"newsletter": newsletter, "kind": kind, **state, "asked_at": now, "since": now}


_ROWS = sql.table(LetterToSend)
#: The index by which mail about the same thing is one row.
_ONCE: dict[str, Any] = {"index_elements": ["about"], "index_where": text("about IS NOT NULL")}
_STATES = {
    None: LetterState.WITHHELD,
    SendOutcome.ACCEPTED: LetterState.SENT,
    SendOutcome.IN_DOUBT: LetterState.IN_DOUBT,
}


def send_waiting(
    sessions: UnitOfWork,
    carrier: LetterCarrier,
    links: Links,
    hashes: Hashes,
    clock: Callable[[], datetime],
    *,
    asked: FindAskedLink = no_asked_link,
    at_most: int = 500,
    hours: int = 48,
) -> Counter[LetterState]:
    """Send queued letters, the oldest first; return how many ended in which state.

    *asked* makes the links that only the application can make. *at_most* is a number of letters,
    *hours* the age past which a letter is given up. Stop where the transport is down, since it is
    down for every letter. A letter that can't be composed stays queued with those of its sort, and
    the others are sent.
    """
    unmade: set[LetterSort] = set()
    counts: Counter[LetterState] = Counter()
    with sessions.write() as session:
        now = clock()
        cut_off = col(LetterToSend.since) < now - CUT_OFF
        too_old = _TO_READER & (col(LetterToSend.asked_at) < now - timedelta(hours=hours))
        in_doubt = _end(session, LetterState.STARTED, LetterState.IN_DOUBT, cut_off, now)
        given_up = _end(session, LetterState.WAITING, LetterState.FAILED, too_old, now)
        counts.update({LetterState.IN_DOUBT: in_doubt, LetterState.FAILED: given_up})
        waiting = _claim(session, unmade, hashes, now) if at_most > 0 else None
    for sent in range(1, at_most + 1):
        if waiting is None:
            break
        letter = letter_of(waiting, links, asked)
        outcome = carrier.send(letter) if letter else None
        if outcome is SendOutcome.UNMADE:
            unmade.add(waiting.sort)
        more = sent < at_most and outcome not in _DOWN
        with sessions.write() as session:  # one commit settles this letter and claims the next
            counts[_settle(session, waiting, outcome, clock())] += 1
            waiting = _claim(session, unmade, hashes, clock()) if more else None
    return +counts


_TO_READER = col(LetterToSend.subscriber_id).is_not(None)
#: Outcomes after which a letter waits until it is too old.
_SENT_AGAIN = (SendOutcome.NOT_SENT, SendOutcome.HALTED, SendOutcome.UNMADE)
#: Outcomes that every other letter would meet as well.
_DOWN = (SendOutcome.NOT_SENT, SendOutcome.HALTED)


def _claim(
    session: Session, unmade: set[LetterSort], hashes: Hashes, now: datetime
) -> ClaimedLetter | None:
    """Claim the oldest letter to a reader and return it, ``None`` where no letter is left."""
    claimed = claim(session, now, _TO_READER, *(~_is_of(sort) for sort in unmade))
    if claimed is None:
        return None
    row = session.execute(_LETTER, {"claimed": claimed}).one()
    values = dict(row._mapping)
    new, new_key, former = (values.pop(name) for name in ("new", "new_key", "former"))
    key = (new_key or "") if row.kind is LetterKind.CHANGE else values["key"]
    del values["key"]
    values["mailbox"] = suppression.mailbox_hash(key, hashes)
    values["declined"] = bool(suppression.declined_mailboxes(session, [key], hashes, now))
    if row.kind is LetterKind.CHANGE:
        record = suppression.find(session, new_key, hashes) if new_key else None
        barred = record is not None and not suppression.may_be_asked(record, now)
        values |= {"address": new or "", "held": record.reason if record and barred else None}
    elif row.kind is LetterKind.MOVED:
        values |= {"address": former or "", "held": None}
    return ClaimedLetter(**values)


def _is_of(sort: LetterSort) -> Any:
    kind, newsletter, language = sort
    return and_(
        col(LetterToSend.kind) == kind,
        col(LetterToSend.newsletter) == newsletter,
        col(LetterToSend.language) == language,
    )


def _settle(
    session: Session, waiting: ClaimedLetter, outcome: SendOutcome | None, now: datetime
) -> LetterState:
    state = settle(session, waiting.id, outcome, now, again=_SENT_AGAIN)
    if waiting.kind is LetterKind.MOVED and state is not LetterState.WAITING:
        change = col(AddressChange.id) == waiting.change_id
        session.execute(update(AddressChange).where(change).values(former=None))
    return state


def _end(session: Session, old: LetterState, new: LetterState, late: Any, now: datetime) -> int:
    result: Any = session.execute(
        update(LetterToSend)
        .where(col(LetterToSend.state) == old, late)
        .values(state=new, since=now)
    )
    return int(result.rowcount)


_OF_LETTER = (
    *("id", "subscriber_id", "newsletter", "kind", "language"),
    *("change_id", "asked_at", "asks_for"),
)
_LETTER = (
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
    .where(col(LetterToSend.id) == bindparam("claimed"))
)
