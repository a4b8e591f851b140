"""What a recorded sign-up causes: a subscriber, a standing, consent evidence, a letter.

One who asks for a link alone gets that letter, and neither a standing nor evidence.

The database makes these rows itself from the recorded requests, in five statements for up to
`MAX_SIGNUPS` sign-ups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Text, and_, case, delete, insert, literal, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers import consent, sql, suppression
from subscribers.abuse_prevention import LimitReason, RateLimit, RateLimits, rate_limits
from subscribers.models import (
    JOINED,
    Consent,
    ConsentAct,
    ConsentNetwork,
    LetterKind,
    LetterState,
    LetterToSend,
    RecordedSignup,
    Standing,
    Subscriber,
    Subscription,
    Wording,
)
from subscribers.sql import UnitOfWork
from subscribers.suppression import SuppressionRecord
from subscribers.tokens import Hashes

PER_ADDRESS = RateLimits().address
MAX_SIGNUPS = 128  # sign-ups a transaction, which stays short since other writers wait for it

_OLDEST = (
    select(
        *(
            getattr(RecordedSignup, name)
            for name in ("id", "address_key", "newsletter", "wording", "at", "joins")
        )
    )
    .order_by(col(RecordedSignup.id))
    .limit(MAX_SIGNUPS)
    .with_for_update()  # one process at a time, or two letters may go where the limit is one
)


class ProcessedSignups(NamedTuple):
    """What one transaction has processed."""

    processed: int  #: sign-ups; `MAX_SIGNUPS` when more may wait
    letters: int  #: letters added to the queue


class _Signup(NamedTuple):
    """One sign-up within the limits, with the suppression of its address."""

    id: int
    suppressed: str | None  #: the suppression's reason
    withheld: bool  #: whether no letter may be sent


def process_all(sessions: UnitOfWork, hashes: Hashes, limit: RateLimit = PER_ADDRESS) -> int:
    """Process every recorded sign-up, in short transactions; return how many there were."""
    count, processed = 0, MAX_SIGNUPS
    while processed == MAX_SIGNUPS:
        with sessions.write() as session:
            processed, _ = process_oldest(session, hashes, limit)
        count += processed
    return count


def process_oldest(
    session: Session, hashes: Hashes, limit: RateLimit = PER_ADDRESS
) -> ProcessedSignups:
    """Process the oldest recorded sign-ups, at most `MAX_SIGNUPS`, in the caller's transaction.

    *limit* holds for each mailbox. A sign-up past the limit, or for a mailbox whose owner declined,
    is only counted. The requests' rows are deleted.
    """
    rows = session.connection().execute(_OLDEST).all()
    if not rows:
        return ProcessedSignups(0, 0)
    requests = [(row.address_key, row.newsletter, row.at) for row in rows]
    stops = _stops(session, requests, limit, hashes)
    rate_limits.note(session, Counter(stops), rows[-1].at)
    allowed = [row for row, stop in zip(rows, stops, strict=True) if stop is None]
    letters = _write_consequences(session, allowed, hashes) if allowed else 0
    processed = sql.json_rows_parameter((row.id,) for row in rows)
    session.connection().execute(_deletion(sql.dialect(session)), processed)
    return ProcessedSignups(len(rows), letters)


def _stops(
    session: Session,
    requests: Sequence[tuple[str, str, datetime]],
    limit: RateLimit,
    hashes: Hashes,
) -> list[LimitReason | None]:
    stops = rate_limits.check_addresses(session, requests, limit, hashes)
    declined = suppression.declined_mailboxes(
        session, [key for key, *_ in requests], hashes, requests[-1][-1]
    )
    return [
        stop or (LimitReason.DECLINED if key in declined else None)
        for stop, (key, *_) in zip(stops, requests, strict=True)
    ]


def _write_consequences(session: Session, rows: Sequence[Any], hashes: Hashes) -> int:
    """Write what each sign-up causes; return how many letters were added to the queue."""
    for text in {row.wording for row in rows if row.joins}:
        consent.keep_wording(session, text)
    suppressed = suppression.find_all(session, sorted({row.address_key for row in rows}), hashes)
    signups = [_signup(row, suppressed.get(row.address_key)) for row in rows]
    parameter = sql.json_rows_parameter(signups)
    for statement in _consequences(sql.dialect(session)):
        session.connection().execute(statement, parameter)
    withheld = sum(signup.withheld for signup in signups)
    if withheld:
        rate_limits.note(session, Counter({LimitReason.SUPPRESSED: withheld}), rows[-1].at)
    return len(signups) - withheld


def _signup(row: Any, record: SuppressionRecord | None) -> _Signup:
    withheld = record is not None and not suppression.may_be_asked(record, row.at)
    return _Signup(row.id, record.reason.value if record else None, withheld)


@cache
def _deletion(dialect: str) -> Any:
    processed = sql.json_rows(dialect, id=BigInteger)
    return delete(RecordedSignup).where(col(RecordedSignup.id).in_(select(processed.c.id)))


@cache
def _consequences(dialect: str) -> list[Any]:
    """Return the statements that write what fresh sign-ups cause, in the order to run them.

    The database makes the rows out of the recorded requests; its only parameter is the `_Signup`
    rows as JSON.
    """
    signups = sql.json_rows(dialect, id=BigInteger, suppressed=Text, withheld=Boolean)
    return [
        _subscribers(dialect, signups),
        _subscriptions(dialect, signups),
        _entries(signups),
        _networks(signups),
        _letters(signups),
    ]


def _subscribers(dialect: str, signups: Any) -> Any:
    """Return the statement that adds the subscribers who aren't known yet."""
    values = {
        "address": col(RecordedSignup.address),
        "address_key": col(RecordedSignup.address_key),
        "suppressed": signups.c.suppressed,
        "language": col(RecordedSignup.language),
        "created_at": col(RecordedSignup.at),
    }
    rows = _select(values, _requests(signups))
    statement = sql.upsert_on(dialect, Subscriber).from_select(list(values), rows)
    return statement.on_conflict_do_nothing()


def _subscriptions(dialect: str, signups: Any) -> Any:
    """Return the statement that adds pending subscriptions.

    A subscriber who left keeps that standing until the letter is answered. One who asked for a link
    alone gets none.
    """
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "standing": _constant(Subscription, "standing", Standing.PENDING),
        "source": col(RecordedSignup.form),
        "since": col(RecordedSignup.at),
    }
    rows = _select(values, _reader(signups)).where(_JOINS)
    statement = sql.upsert_on(dialect, Subscription).from_select(list(values), rows)
    return statement.on_conflict_do_nothing()


def _entries(signups: Any) -> Any:
    """Return the statement that adds the consent entries of those who asked."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "act": _constant(Consent, "act", ConsentAct.ASKED),
        "channel": _constant(Consent, "channel", "form"),
        "form": col(RecordedSignup.form),
        "wording_hash": col(Wording.hash),
        "language": col(RecordedSignup.language),
        "at": col(RecordedSignup.at),
    }
    same = col(Wording.text) == col(RecordedSignup.wording)
    rows = _select(values, _reader(signups).join(sql.table(Wording), same)).where(_JOINS)
    return insert(sql.table(Consent)).from_select(list(values), rows)


def _networks(signups: Any) -> Any:
    """Return the statement that keeps the network a sign-up came from, where one is kept."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "at": col(RecordedSignup.at),
        "network": col(RecordedSignup.seen_from),
    }
    kept = col(RecordedSignup.seen_from).is_not(None)
    rows = _select(values, _reader(signups)).where(_JOINS, kept)
    return insert(sql.table(ConsentNetwork)).from_select(list(values), rows)


def _letters(signups: Any) -> Any:
    """Return the statement that queues a letter.

    It asks to confirm, says that nothing changed, or brings the link that was asked for, which then
    confirms as well.
    """
    joined = col(Subscription.standing).in_(JOINED)
    asks = col(RecordedSignup.asks_for) != ""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "kind": case(
            (asks, _constant(LetterToSend, "kind", LetterKind.VOTE)),
            (joined, _constant(LetterToSend, "kind", LetterKind.ALREADY)),
            else_=_constant(LetterToSend, "kind", LetterKind.CONFIRM),
        ),
        "state": case(
            (signups.c.withheld, _constant(LetterToSend, "state", LetterState.WITHHELD)),
            else_=_constant(LetterToSend, "state", LetterState.WAITING),
        ),
        "language": col(RecordedSignup.language),
        "asked_at": col(RecordedSignup.at),
        "since": col(RecordedSignup.at),
        "asks_for": col(RecordedSignup.asks_for),
    }
    same = and_(
        col(Subscription.subscriber_id) == col(Subscriber.id),
        col(Subscription.newsletter) == col(RecordedSignup.newsletter),
    )
    tables = _reader(signups).outerjoin(sql.table(Subscription), same)
    return insert(sql.table(LetterToSend)).from_select(list(values), _select(values, tables))


def _requests(signups: Any) -> Any:
    return signups.join(sql.table(RecordedSignup), col(RecordedSignup.id) == signups.c.id)


def _reader(signups: Any) -> Any:
    same = col(Subscriber.address_key) == col(RecordedSignup.address_key)
    return _requests(signups).join(sql.table(Subscriber), same)


def _select(values: dict[str, Any], tables: Any) -> Any:
    return select(*values.values()).select_from(tables).order_by(col(RecordedSignup.id))


#: Of a recorded request: it asks for a subscription, not for a link alone.
_JOINS = col(RecordedSignup.joins)


def _constant(model: type[SQLModel], name: str, value: Any) -> Any:
    return literal(value, sql.table(model).c[name].type)
