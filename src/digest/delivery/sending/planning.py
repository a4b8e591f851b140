"""Freeze an issue's audience: one delivery per reader, cut into batches, in one transaction.

This module decides how deliveries are numbered: an audience's ids are contiguous, so that a batch
is a range of ids. The first wave comes first, drawn at random from the whole audience; then the
rest. In each, who gets the same mail is together, in the order of the subscribers: first who gets
the edition as it is, then who gets each of its variants. Where mailbox providers have a limit, the
readers of each are together, too, so that no other reader waits for a slow one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, NamedTuple, cast
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    case,
    func,
    insert,
    literal,
    null,
    select,
)
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.pace import UNLIMITED, Pace, domains_of
from digest.delivery.sending.candidates import candidates
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState
from digest.issues.newsletters import require_running
from digest.issues.store import newsletter_of
from subscribers.audience import domain
from subscribers.models import Subscriber, Subscription
from subscribers.sql import dialect, json_rows, json_rows_parameter, table


@dataclass(frozen=True, kw_only=True)
class PlannedAudience:
    """The size of a frozen audience, in readers and in batches."""

    candidates: int
    excluded: int
    batches: int


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Which readers share no batch with others: by the variant they get, and by their provider."""

    seats: Mapping[int, int] = field(default_factory=dict)  #: whose variant a subscriber gets
    pace: Pace = UNLIMITED  #: which mailbox providers have a limit, and of how many at once

    def columns(self, session: Session, subscriber: Any) -> _GroupColumns:
        """Return what tells the groups apart, for rows with the id of a subscriber."""
        joins: list[tuple[FromClause, ColumnElement[bool]]] = []
        seat: ColumnElement[int] = literal(0)
        provider: ColumnElement[str] = literal("")
        if self.seats:
            seated = json_rows(dialect(session), subscriber_id=BigInteger, seat=Integer)
            joins.append((seated, seated.c.subscriber_id == subscriber))
            seat = func.coalesce(seated.c.seat, 0)
        if self.pace.by_scope:
            joins.append((table(Subscriber), col(Subscriber.id) == subscriber))
            at = domain(session.connection().dialect)
            provider = case(
                *((at.in_(domains_of(scope)), literal(scope)) for scope in self.pace.by_scope),
                else_=literal(""),
            )
        return _GroupColumns(seat=seat, provider=provider, joins=joins)

    @property
    def parameters(self) -> dict[str, str]:
        """What binds the columns."""
        return json_rows_parameter(self.seats.items()) if self.seats else {}


EVERYBODY = Grouping()


@dataclass(frozen=True, kw_only=True)
class _GroupColumns:
    seat: ColumnElement[int]
    provider: ColumnElement[str]
    joins: Sequence[tuple[FromClause, ColumnElement[bool]]]

    def join(self, rows: FromClause) -> FromClause:
        """Return *rows* with what the columns are read from."""
        for other, condition in self.joins:
            rows = rows.join(other, condition, isouter=True)
        return rows


class _Range(NamedTuple):
    """The deliveries of readers who may share a batch."""

    seat: int
    provider: str
    first: int
    last: int


#: Advisory lock on PostgreSQL, held from reading the highest delivery id until the commit.
_NUMBERING = 0x6469_6765_7374  # "digest"
_PRIME = 2**31 - 1  #: products of two numbers below it fit into 64 bits on both databases
_WAVE = "wave"  #: the parameter with the subscribers of the first wave
_SPARE = 1_000  #: numbers drawn on top, so that a small wave finds its readers
_NUMBERS = select(func.min(col(Subscriber.id)), func.max(col(Subscriber.id)))


def random_key() -> str:
    """Return a random key of 32 hexadecimal digits, which reveals nothing to the provider."""
    return uuid4().hex


def plan_deliveries(
    session: Session,
    *,
    issue: Issue,
    edition: Edition,
    newsletter: str,
    batch_size: int,
    now: datetime,
    first_wave: int = 0,
    groups: Grouping = EVERYBODY,
) -> PlannedAudience:
    """Write the issue's deliveries and batches and mark it prepared; the caller commits.

    Nothing can be claimed before that commit, so a crash leaves either all rows or none. Of those
    who may be mailed, *first_wave* readers drawn at random are cut into batches of their own, and
    so are those of each group of *groups*. No batch has more readers than may go at once. Raise
    `WrongState` when the audience is frozen already, when the issue is for nobody, or for an
    archived newsletter.
    """
    if issue.state is not IssueState.BUILT:
        raise WrongState(f"issue {issue.number} is {issue.state}: its audience is already frozen")
    require_running(session, newsletter_of(session, issue))
    assert edition.id is not None  # noqa: S101 - a stored edition has an id
    chosen = candidates(session, issue, newsletter=newsletter, now=now)
    wave = _draw(session, chosen, first_wave, edition_id=edition.id) if first_wave else []
    base = last_number(session)
    after_wave = base + len(wave)
    # The many first: SQLite fills an index quicker in the order of its keys.
    last = _write_deliveries(session, edition.id, chosen, groups, after_wave, besides=wave)
    of_wave = _write_deliveries(session, edition.id, chosen, groups, base, among=wave)
    if last == base and issue.corrects_issue_id is not None:
        raise WrongState(f"nobody got the issue that issue {issue.number} corrects")
    if last == base:
        raise WrongState(
            f"nobody is subscribed to {newsletter}, so nobody would get issue {issue.number}",
            next_step="digest subscribers import FILE.csv --consent TEXT",
        )
    rows: list[dict[str, object]] = []
    for low, high in ((base + 1, of_wave), (after_wave + 1, last)):
        for each in _ranges(session, edition.id, low, high, groups):
            size = groups.pace.batch_size(batch_size, each.provider)
            rows += _cut(session, edition.id, each, size, after=len(rows))
    session.connection().execute(insert(Batch), rows)
    _count_rows(session)
    issue.state, issue.prepared_at = IssueState.PREPARED, now
    session.add(issue)
    may_be_mailed = sum(cast(int, row["size"]) for row in rows)
    number = last - after_wave + of_wave - base
    return PlannedAudience(candidates=number, excluded=number - may_be_mailed, batches=len(rows))


def _count_rows(session: Session) -> None:
    """Tell PostgreSQL's planner how large the tables are that a claim reads, from a sample of each.

    By itself it finds out within minutes. Until then it takes them for small, and each claim reads
    the whole list for each of its readers.
    """
    if dialect(session) == "postgresql":
        names = ", ".join(table(model).name for model in (Delivery, Subscription, Subscriber))
        # A table that a vacuum holds is left to it: the plan must not wait for hours.
        session.connection().exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {names}")


def _draw(session: Session, readers: Select[Any], number: int, *, edition_id: int) -> list[int]:
    """Return the ids of *number* subscribers drawn from those who may be mailed; all, if fewer.

    The draw is random over the audience, and the same for an edition whatever the database. Where
    most numbers are readers who may be mailed, numbers are drawn and the readers among them taken;
    only a sparse list is read from end to end.
    """
    random = Random(f"the first wave of edition {edition_id}")  # noqa: S311 - no secret
    rows = readers.subquery()
    eligible = select(rows.c.subscriber_id).where(rows.c.exclusion.is_(None))
    connection = session.connection()
    lowest, highest = connection.execute(_NUMBERS).one()
    numbers = range(lowest or 0, (highest or 0) + 1)
    drawn = random.sample(numbers, min(len(numbers), 3 * number + _SPARE))
    among = eligible.where(rows.c.subscriber_id.in_(_wave_table(session)))
    found = set(connection.execute(among, _wave_parameter(drawn)).scalars())
    if len(found) >= number:
        return [each for each in drawn if each in found][:number]
    factor, shift = random.randrange(1, _PRIME), random.randrange(_PRIME)
    place = (rows.c.subscriber_id % _PRIME * literal(factor, BigInteger) + shift) % _PRIME
    mixed = eligible.order_by(place * place % _PRIME, rows.c.subscriber_id).limit(number)
    return list(connection.execute(mixed).scalars())


def _ranges(
    session: Session, edition_id: int, first: int, last: int, groups: Grouping
) -> list[_Range]:
    """Return the ranges of the deliveries just written, by group; none where there is none."""
    if last < first:
        return []
    if not groups.seats and not groups.pace.by_scope:
        return [_Range(0, "", first, last)]
    columns = groups.columns(session, col(Delivery.subscriber_id))
    rows = session.connection().execute(
        select(
            columns.seat, columns.provider, func.min(col(Delivery.id)), func.max(col(Delivery.id))
        )
        .select_from(columns.join(table(Delivery)))
        .where(col(Delivery.edition_id) == edition_id, col(Delivery.id).between(first, last))
        .group_by(columns.seat, columns.provider)
        .order_by(func.min(col(Delivery.id))),
        groups.parameters,
    )
    return [_Range(seat, provider, low or 0, high or 0) for seat, provider, low, high in rows]


def cut(
    session: Session,
    edition_id: int,
    first: int,
    last: int,
    batch_size: int,
    *,
    seat: int = 0,
    after: int,
) -> list[dict[str, object]]:
    """Return the batch rows for deliveries *first* to *last*, numbered from *after* + 1.

    Their readers get the variant of *seat*, or the edition as it is for 0.
    """
    return _cut(session, edition_id, _Range(seat, "", first, last), batch_size, after=after)


def _cut(
    session: Session, edition_id: int, among: _Range, batch_size: int, *, after: int
) -> list[dict[str, object]]:
    seat, provider, first, last = among
    excluded = _excluded_by_batch(session, edition_id, first, last, batch_size)
    rows = []
    for index, start in enumerate(range(first, last + 1, batch_size)):
        end = min(start + batch_size - 1, last)
        size = end - start + 1 - excluded.get(index, 0)
        number = after + index + 1
        rows.append(
            batch_row(edition_id, number, start, end, size, seat=seat, mailbox_provider=provider)
        )
    return rows


def batch_row(
    edition_id: int,
    number: int,
    first: int,
    last: int,
    size: int,
    *,
    seat: int,
    mailbox_provider: str = "",
    root: str = "",
) -> dict[str, object]:
    """Return the row of a new batch of deliveries *first* to *last*, *size* of them to be sent.

    *root* is the key of the batch that it is a part of, if it is one.
    """
    key = random_key()
    return {
        "key": key,
        "root": root or key,
        "edition_id": edition_id,
        "number": number,
        "first_delivery": first,
        "last_delivery": last,
        "size": size,
        "state": BatchState.PENDING if size else BatchState.EMPTY,
        "attempt": None,
        "attempts": 0,
        "tries": 0,
        "recoveries": 0,
        "not_before": None,
        "note": "",
        "seat": seat,
        "mailbox_provider": mailbox_provider,
    }


def last_number(session: Session) -> int:
    """Return the highest delivery id; no other transaction adds deliveries until the commit."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":  # SQLite admits one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(_NUMBERING)))
    number: int | None = connection.execute(select(func.max(col(Delivery.id)))).scalar_one()
    return number or 0


def _write_deliveries(
    session: Session,
    edition_id: int,
    readers: Select[Any],
    groups: Grouping,
    after: int,
    *,
    among: Collection[int] | None = None,
    besides: Collection[int] = (),
) -> int:
    """Insert one delivery for each of *readers*, as `candidates` returns them; return the last id.

    The ids begin at *after* + 1. Only the subscribers *among* get one, unless it is ``None``, and
    none of those in *besides*.
    """
    if among is not None and not among:
        return after
    rows = readers.subquery()
    columns = groups.columns(session, rows.c.subscriber_id)
    bound = groups.parameters
    order: list[ColumnElement[Any]] = [rows.c.subscriber_id]
    if groups.pace.by_scope:
        # Under a limit for all mail, those with one of their own begin first: they take longest.
        # Without one they'd only be looked at in vain, while all others leave at full speed.
        first = groups.pace.counts_all
        order.insert(0, columns.provider.desc() if first else columns.provider.asc())
    if groups.seats:
        order.insert(0, columns.seat)
    # The ids are computed here, not by the database, since a batch is a range of ids.
    position = func.row_number().over(order_by=order)
    chosen = select(
        literal(after) + position,
        literal(edition_id),
        rows.c.subscriber_id,
        case((rows.c.exclusion.is_not(None), DeliveryOutcome.EXCLUDED.value), else_=null()),
        rows.c.exclusion,
    ).select_from(columns.join(rows))
    if among is not None or besides:
        is_in_it = rows.c.subscriber_id.in_(_wave_table(session))
        chosen = chosen.where(is_in_it if among else ~is_in_it)
        bound |= _wave_parameter(among or besides)
    names = ["id", "edition_id", "subscriber_id", "outcome", "reason"]
    statement = insert(Delivery).from_select(names, chosen)
    return after + session.connection().execute(statement, bound).rowcount


def _wave_table(session: Session) -> Select[Any]:
    return select(json_rows(dialect(session), _WAVE, subscriber_id=BigInteger).c.subscriber_id)


def _wave_parameter(subscribers: Collection[int]) -> dict[str, str]:
    return json_rows_parameter([(number,) for number in subscribers], _WAVE)


def _excluded_by_batch(
    session: Session, edition_id: int, first: int, last: int, batch_size: int
) -> dict[int, int]:
    """Return the number of excluded deliveries by the batch's index in the range, from 0."""
    index = (col(Delivery.id) - first) // batch_size
    rows = session.connection().execute(
        select(index, func.count())
        .where(
            col(Delivery.edition_id) == edition_id,
            col(Delivery.outcome).is_not(None),
            col(Delivery.id).between(first, last),
        )
        .group_by(index)
    )
    return {int(index or 0): count for index, count in rows}
