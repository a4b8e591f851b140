"""Writes what follows from sign-ups that were asked for: standing, evidence, a letter to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Text, and_, case, delete, insert, literal, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers import consent, lifecycle, store, suppression
from subscribers.abuse_prevention import LimitReason, RateLimit, RateLimits, rate_limits
from subscribers.lifecycle import may_be_asked
from subscribers.models import (
    JOINED,
    Consent,
    ConsentAct,
    ConsentNetwork,
    LetterKind,
    LetterState,
    LetterToSend,
    SignUpAsked,
    Standing,
    Subscriber,
    Subscription,
    Wording,
)
from subscribers.sql import json_rows, json_rows_parameter
from subscribers.store import Sessions
from subscribers.suppression import SuppressionRecord
from subscribers.tokens import Hashes

PER_ADDRESS = RateLimits().address
AT_ONCE = 128  # sign-ups a transaction: a short one, since others wait for it

_ASKED = (
    select(
        *(
            getattr(SignUpAsked, name)
            for name in ("id", "address_key", "newsletter", "wording", "at")
        )
    )
    .order_by(col(SignUpAsked.id))
    .limit(AT_ONCE)
    .with_for_update()  # one takes in at a time, or two letters may go where one is the most
)


class ProcessedSignups(NamedTuple):
    """What was written."""

    asked: int  #: sign-ups done with; `AT_ONCE` when more may wait
    letters: int  #: letters that wait now


class _Fresh(NamedTuple):
    """One sign-up that didn't come too soon, with what is held against its address."""

    id: int
    suppressed: str | None
    withheld: bool


def process_all(sessions: Sessions, hashes: Hashes, limit: RateLimit = PER_ADDRESS) -> int:
    """Take in whatever was asked for, in short transactions; returns how many sign-ups that was."""
    count, asked = 0, AT_ONCE
    while asked == AT_ONCE:
        with sessions.write() as session:
            asked, _ = process_oldest(session, hashes, limit)
        count += asked
    return count


def process_oldest(
    session: Session, hashes: Hashes, limit: RateLimit = PER_ADDRESS
) -> ProcessedSignups:
    """Take in the oldest sign-ups that were asked for, each once; *limit* is an address's.

    One that comes too soon after another is only counted, and so is one whose mailbox declined.
    """
    asked = session.connection().execute(_ASKED).all()
    if not asked:
        return ProcessedSignups(0, 0)
    times = [(row.address_key, row.newsletter, row.at) for row in asked]
    stops = _stops(session, times, limit, hashes)
    rate_limits.note(session, Counter(stops), asked[-1].at)
    fresh = [row for row, stop in zip(asked, stops, strict=True) if stop is None]
    letters = _take(session, fresh, hashes) if fresh else 0
    done = json_rows_parameter((row.id,) for row in asked)
    session.connection().execute(_forgetting(store.dialect(session)), done)
    return ProcessedSignups(len(asked), letters)


def _stops(
    session: Session, times: Sequence[tuple[str, str, datetime]], limit: RateLimit, hashes: Hashes
) -> list[LimitReason | None]:
    stops = rate_limits.check_addresses(session, times, limit, hashes)
    declined = lifecycle.find(session, [key for key, *_ in times], hashes, times[-1][-1])
    return [
        stop or (LimitReason.DECLINED if key in declined else None)
        for stop, (key, *_) in zip(stops, times, strict=True)
    ]


def _take(session: Session, asked: Sequence[Any], hashes: Hashes) -> int:
    """Write what each ask causes; returns how many letters wait now."""
    for text in {row.wording for row in asked}:
        consent.keep_wording(session, text)
    suppressed = suppression.find_all(session, sorted({row.address_key for row in asked}), hashes)
    fresh = [_fresh(row, suppressed.get(row.address_key)) for row in asked]
    told = json_rows_parameter(fresh)
    for statement in _consequences(store.dialect(session)):
        session.connection().execute(statement, told)
    withheld = sum(one.withheld for one in fresh)
    if withheld:
        rate_limits.note(session, Counter({LimitReason.SUPPRESSED: withheld}), asked[-1].at)
    return len(fresh) - withheld


def _fresh(row: Any, found: SuppressionRecord | None) -> _Fresh:
    withheld = found is not None and not may_be_asked(found, row.at)
    return _Fresh(row.id, found.reason.value if found else None, withheld)


@cache
def _forgetting(dialect: str) -> Any:
    done = json_rows(dialect, id=BigInteger)
    return delete(SignUpAsked).where(col(SignUpAsked.id).in_(select(done.c.id)))


@cache
def _consequences(dialect: str) -> list[Any]:
    """Return the statements that write what fresh sign-ups cause, in this order.

    The database itself makes the rows out of what was asked; all it is given is `_Fresh`.
    """
    fresh = json_rows(dialect, id=BigInteger, suppressed=Text, withheld=Boolean)
    return [
        _readers(dialect, fresh),
        _places(dialect, fresh),
        _entries(fresh),
        _networks(fresh),
        _letters(fresh),
    ]


def _readers(dialect: str, fresh: Any) -> Any:
    """Add the readers who aren't there yet."""
    values = {
        "address": col(SignUpAsked.address),
        "address_key": col(SignUpAsked.address_key),
        "suppressed": fresh.c.suppressed,
        "language": col(SignUpAsked.language),
        "created_at": col(SignUpAsked.at),
    }
    found = _select(values, _asked(fresh))
    statement = store.upsert_on(dialect, Subscriber).from_select(list(values), found)
    return statement.on_conflict_do_nothing()


def _places(dialect: str, fresh: Any) -> Any:
    """Make a standing for who has none; who left stays so until the letter is answered."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(SignUpAsked.newsletter),
        "standing": _constant(Subscription, "standing", Standing.PENDING),
        "source": col(SignUpAsked.form),
        "since": col(SignUpAsked.at),
    }
    found = _select(values, _reader(fresh))
    statement = store.upsert_on(dialect, Subscription).from_select(list(values), found)
    return statement.on_conflict_do_nothing()


def _entries(fresh: Any) -> Any:
    """Note in the ledger that somebody asked."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(SignUpAsked.newsletter),
        "act": _constant(Consent, "act", ConsentAct.ASKED),
        "channel": _constant(Consent, "channel", "form"),
        "form": col(SignUpAsked.form),
        "wording_hash": col(Wording.hash),
        "language": col(SignUpAsked.language),
        "at": col(SignUpAsked.at),
    }
    there = _reader(fresh).join(store.table(Wording), col(Wording.text) == col(SignUpAsked.wording))
    return insert(store.table(Consent)).from_select(list(values), _select(values, there))


def _networks(fresh: Any) -> Any:
    """Keep where from, as far as it may be kept."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(SignUpAsked.newsletter),
        "at": col(SignUpAsked.at),
        "network": col(SignUpAsked.seen_from),
    }
    found = _select(values, _reader(fresh)).where(col(SignUpAsked.seen_from).is_not(None))
    return insert(store.table(ConsentNetwork)).from_select(list(values), found)


def _letters(fresh: Any) -> Any:
    """Put a letter into the queue: to confirm, or to say that nothing changed."""
    joined = col(Subscription.standing).in_(JOINED)
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(SignUpAsked.newsletter),
        "kind": case(
            (joined, _constant(LetterToSend, "kind", LetterKind.ALREADY)),
            else_=_constant(LetterToSend, "kind", LetterKind.CONFIRM),
        ),
        "state": case(
            (fresh.c.withheld, _constant(LetterToSend, "state", LetterState.WITHHELD)),
            else_=_constant(LetterToSend, "state", LetterState.WAITING),
        ),
        "language": col(SignUpAsked.language),
        "asked_at": col(SignUpAsked.at),
        "since": col(SignUpAsked.at),
    }
    place = and_(
        col(Subscription.subscriber_id) == col(Subscriber.id),
        col(Subscription.newsletter) == col(SignUpAsked.newsletter),
    )
    there = _reader(fresh).join(store.table(Subscription), place)
    return insert(store.table(LetterToSend)).from_select(list(values), _select(values, there))


def _asked(fresh: Any) -> Any:
    return fresh.join(store.table(SignUpAsked), col(SignUpAsked.id) == fresh.c.id)


def _reader(fresh: Any) -> Any:
    same = col(Subscriber.address_key) == col(SignUpAsked.address_key)
    return _asked(fresh).join(store.table(Subscriber), same)


def _select(values: dict[str, Any], there: Any) -> Any:
    return select(*values.values()).select_from(there).order_by(col(SignUpAsked.id))


def _constant(model: type[SQLModel], name: str, value: Any) -> Any:
    return literal(value, store.table(model).c[name].type)
