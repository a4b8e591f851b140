"""What a recorded sign-up causes: a subscriber, a standing, consent evidence, a letter.

One who asks for a link alone gets that letter, and neither a standing nor evidence.

The database makes these rows itself from the recorded requests, in five statements for up to
`MAX_SIGNUPS` sign-ups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Text, and_, case, delete, insert, literal_column, select
from sqlalchemy.orm import Session
from sqlmodel import col

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


class ProcessedSignups(NamedTuple):
    """What one transaction has processed."""

    processed: int  #: sign-ups; `MAX_SIGNUPS` when more may wait
    letters: int  #: letters added to the queue


class _Request(NamedTuple):
    """What is read of a recorded request."""

    id: int
    address_key: str
    newsletter: str
    wording: str
    at: datetime
    joins: bool


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
    rows = _oldest(session)
    if not rows:
        return ProcessedSignups(0, 0)
    requests = [(row.address_key, row.newsletter, row.at) for row in rows]
    stops = _stops(session, requests, limit, hashes)
    rate_limits.note(session, Counter(stops), rows[-1].at)
    allowed = [row for row, stop in zip(rows, stops, strict=True) if stop is None]
    letters = _write_consequences(session, allowed, hashes) if allowed else 0
    _run(session, _DELETION, ((row.id,) for row in rows))
    return ProcessedSignups(len(rows), letters)


def _oldest(session: Session) -> list[_Request]:
    moment = sql.from_driver(session, sql.table(RecordedSignup).c.at)
    return [
        _Request(number, key, newsletter, wording, moment(at), bool(joins))
        for number, key, newsletter, wording, at, joins in _OLDEST.fetch(session, ())
    ]


def _run(session: Session, statement: sql.BulkStatement, rows: Iterable[Sequence[Any]]) -> None:
    statement.run(session, [tuple(sql.json_rows_parameter(rows).values())])


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


def _write_consequences(session: Session, rows: Sequence[_Request], hashes: Hashes) -> int:
    """Write what each sign-up causes; return how many letters were added to the queue."""
    for text in {row.wording for row in rows if row.joins}:
        consent.keep_wording(session, text)
    suppressed = suppression.find_all(session, sorted({row.address_key for row in rows}), hashes)
    signups = [_signup(row, suppressed.get(row.address_key)) for row in rows]
    for statement in _CONSEQUENCES:
        _run(session, statement, signups)
    withheld = sum(signup.withheld for signup in signups)
    if withheld:
        rate_limits.note(session, Counter({LimitReason.SUPPRESSED: withheld}), rows[-1].at)
    return len(signups) - withheld


def _signup(row: _Request, record: SuppressionRecord | None) -> _Signup:
    withheld = record is not None and not suppression.may_be_asked(record, row.at)
    return _Signup(row.id, record.reason.value if record else None, withheld)


def _oldest_requests(_dialect: str) -> Any:
    return (
        select(*(col(getattr(RecordedSignup, name)) for name in _Request._fields))
        .order_by(col(RecordedSignup.id))
        .limit(literal_column(str(MAX_SIGNUPS)))
        .offset(literal_column("0"))  # SQLite's would be a parameter else
        .with_for_update()  # one process at a time, or two letters may go where the limit is one
    )


def _deletion(dialect: str) -> Any:
    processed = sql.json_rows(dialect, id=BigInteger)
    return delete(RecordedSignup).where(col(RecordedSignup.id).in_(select(processed.c.id)))


def _signups(dialect: str) -> Any:
    """Return the table of `_Signup` rows, which is the only parameter of what they cause."""
    return sql.json_rows(dialect, id=BigInteger, suppressed=Text, withheld=Boolean)


def _subscribers(dialect: str) -> Any:
    """Return the statement that adds the subscribers who aren't known yet."""
    signups = _signups(dialect)
    values = {
        "address": col(RecordedSignup.address),
        "address_key": col(RecordedSignup.address_key),
        "suppressed": signups.c.suppressed,
        "language": col(RecordedSignup.language),
        "created_at": col(RecordedSignup.at),
    }
    rows = _select(values, _requests(signups))
    statement = sql.upsert_on(dialect, Subscriber).from_select(
        list(values), rows, include_defaults=False
    )
    return statement.on_conflict_do_nothing()


def _subscriptions(dialect: str) -> Any:
    """Return the statement that adds pending subscriptions.

    A subscriber who left keeps that standing until the letter is answered. One who asked for a link
    alone gets none.
    """
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "standing": _constant(Standing.PENDING),
        "source": col(RecordedSignup.form),
        "since": col(RecordedSignup.at),
    }
    rows = _select(values, _reader(_signups(dialect))).where(_JOINS)
    statement = sql.upsert_on(dialect, Subscription).from_select(
        list(values), rows, include_defaults=False
    )
    return statement.on_conflict_do_nothing()


def _entries(dialect: str) -> Any:
    """Return the statement that adds the consent entries of those who asked."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "act": _constant(ConsentAct.ASKED),
        "channel": _constant("form"),
        "form": col(RecordedSignup.form),
        "wording_hash": col(Wording.hash),
        "language": col(RecordedSignup.language),
        "at": col(RecordedSignup.at),
    }
    same = col(Wording.text) == col(RecordedSignup.wording)
    rows = _select(values, _reader(_signups(dialect)).join(sql.table(Wording), same)).where(_JOINS)
    return insert(sql.table(Consent)).from_select(list(values), rows, include_defaults=False)


def _networks(dialect: str) -> Any:
    """Return the statement that keeps the network a sign-up came from, where one is kept."""
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "at": col(RecordedSignup.at),
        "network": col(RecordedSignup.seen_from),
    }
    kept = col(RecordedSignup.seen_from).is_not(None)
    rows = _select(values, _reader(_signups(dialect))).where(_JOINS, kept)
    return insert(sql.table(ConsentNetwork)).from_select(list(values), rows, include_defaults=False)


def _letters(dialect: str) -> Any:
    """Return the statement that queues a letter.

    It asks to confirm, says that nothing changed, or brings the link that was asked for, which then
    confirms as well.
    """
    signups = _signups(dialect)
    joined = col(Subscription.standing).in_([_constant(standing) for standing in JOINED])
    asks = col(RecordedSignup.asks_for) != _constant("")
    values = {
        "subscriber_id": col(Subscriber.id),
        "newsletter": col(RecordedSignup.newsletter),
        "kind": case(
            (asks, _constant(LetterKind.VOTE)),
            (joined, _constant(LetterKind.ALREADY)),
            else_=_constant(LetterKind.CONFIRM),
        ),
        "state": case(
            (signups.c.withheld, _constant(LetterState.WITHHELD)),
            else_=_constant(LetterState.WAITING),
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
    return insert(sql.table(LetterToSend)).from_select(
        list(values), _select(values, tables), include_defaults=False
    )


def _requests(signups: Any) -> Any:
    return signups.join(sql.table(RecordedSignup), col(RecordedSignup.id) == signups.c.id)


def _reader(signups: Any) -> Any:
    same = col(Subscriber.address_key) == col(RecordedSignup.address_key)
    return _requests(signups).join(sql.table(Subscriber), same)


def _select(values: dict[str, Any], tables: Any) -> Any:
    return select(*values.values()).select_from(tables).order_by(col(RecordedSignup.id))


#: Of a recorded request: it asks for a subscription, not for a link alone.
_JOINS = col(RecordedSignup.joins)


def _constant(value: str) -> Any:
    """Return one of our own words as it is stored, for a statement that the driver takes."""
    return literal_column(f"'{value}'")


_OLDEST = sql.BulkStatement(_oldest_requests, [])
_DELETION = sql.BulkStatement(_deletion, [sql.PARAMETER])
#: What fresh sign-ups cause, in the order to write it; the database makes the rows out of the
#: recorded requests.
_CONSEQUENCES = [
    sql.BulkStatement(build, [sql.PARAMETER])
    for build in (_subscribers, _subscriptions, _entries, _networks, _letters)
]
