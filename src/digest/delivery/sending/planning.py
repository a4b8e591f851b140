"""Freeze an issue's audience: one delivery per reader, cut into batches, in one transaction.

This module decides how deliveries are numbered: an audience's ids are contiguous, so that a batch
is a range of ids. Who gets the same mail is together, in the order of the subscribers: first who
gets the edition as it is, then who gets each of its variants.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, cast
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Subquery,
    case,
    func,
    insert,
    literal,
    null,
    select,
)
from sqlmodel import Session, col

from digest.delivery.models import Batch, BatchState, Delivery, DeliveryOutcome
from digest.delivery.sending.candidates import candidates, joined
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState
from digest.issues.newsletters import require_running
from digest.issues.store import newsletter_of
from subscribers.sql import json_rows, json_rows_parameter


@dataclass(frozen=True, kw_only=True)
class PlannedAudience:
    """The size of a frozen audience, in readers and in batches."""

    candidates: int
    excluded: int
    batches: int


@dataclass(frozen=True, kw_only=True)
class ExpectedAudience:
    """How many readers an issue would go to if it left now, and how many it would leave out."""

    readers: int
    excluded: int


class _SeatRange(NamedTuple):
    """The deliveries of readers who get the same mail."""

    seat: int  #: of the variant; 0 for the edition as it is
    first: int
    last: int


_AS_IT_IS: Mapping[int, int] = MappingProxyType({})
#: Advisory lock on PostgreSQL, held from reading the highest delivery id until the commit.
_NUMBERING = 0x6469_6765_7374  # "digest"


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
    seats: Mapping[int, int] = _AS_IT_IS,
) -> PlannedAudience:
    """Write the issue's deliveries and batches and mark it prepared; the caller commits.

    Nothing can be claimed before that commit, so a crash leaves either all rows or none. The first
    *first_wave* readers who may be mailed are cut into batches of their own, and so are those of
    each seat in *seats*, which has the variant of the edition that a subscriber gets. Raise
    `WrongState` when the audience is frozen already, when the issue is for nobody, or for an
    archived newsletter.
    """
    if issue.state is not IssueState.BUILT:
        raise WrongState(f"issue {issue.number} is {issue.state}: its audience is already frozen")
    require_running(session, newsletter_of(session, issue))
    assert edition.id is not None  # noqa: S101 - a stored edition has an id
    chosen = candidates(session, issue, newsletter=newsletter, now=now)
    first, last = _write_deliveries(session, edition.id, chosen, seats)
    if last < first and issue.corrects_issue_id is not None:
        raise WrongState(f"nobody got the issue that issue {issue.number} corrects")
    if last < first:
        raise WrongState(
            f"nobody is subscribed to {newsletter}, so nobody would get issue {issue.number}",
            next_step="digest subscribers import FILE.csv --consent TEXT",
        )
    ranges = _seat_ranges(session, edition.id, first, last, seats)
    rows: list[dict[str, object]] = []
    for seat, start, end in _wave_by_wave(session, edition.id, ranges, first_wave):
        after = len(rows)
        rows += cut(session, edition.id, start, end, batch_size, seat=seat, after=after)
    session.connection().execute(insert(Batch), rows)
    issue.state, issue.prepared_at = IssueState.PREPARED, now
    session.add(issue)
    number = last - first + 1
    may_be_mailed = sum(cast(int, row["size"]) for row in rows)
    return PlannedAudience(candidates=number, excluded=number - may_be_mailed, batches=len(rows))


def _seat_ranges(
    session: Session, edition_id: int, first: int, last: int, seats: Mapping[int, int]
) -> list[_SeatRange]:
    """Return the ranges of the deliveries just written, by seat."""
    if not seats:
        return [_SeatRange(0, first, last)]
    chosen = _seats_table(session)
    seat = func.coalesce(chosen.c.seat, 0)
    rows = session.connection().execute(
        select(seat, func.min(col(Delivery.id)), func.max(col(Delivery.id)))
        .select_from(Delivery)
        .join(chosen, chosen.c.subscriber_id == col(Delivery.subscriber_id), isouter=True)
        .where(col(Delivery.edition_id) == edition_id)
        .group_by(seat)
        .order_by(seat),
        json_rows_parameter(seats.items()),
    )
    return [_SeatRange(*row) for row in rows]


def _wave_by_wave(
    session: Session, edition_id: int, ranges: list[_SeatRange], readers: int
) -> Iterator[_SeatRange]:
    """Yield the parts of the ranges in the first wave of so many readers, then the others."""
    ends = [_end_of_first_wave(session, edition_id, each, readers) for each in ranges]
    parts = zip(ranges, ends, strict=True)
    yield from (each._replace(last=end) for each, end in parts if end >= each.first)
    parts = zip(ranges, ends, strict=True)
    yield from (each._replace(first=end + 1) for each, end in parts if end < each.last)


def _end_of_first_wave(session: Session, edition_id: int, among: _SeatRange, readers: int) -> int:
    """Return the id of the first wave's last delivery in a range; its first - 1 where none is.

    The wave is the first *readers* who may be mailed in the order of the subscribers, whatever
    mail they get.
    """
    if readers < 1:
        return among.first - 1
    of_edition = col(Delivery.edition_id) == edition_id
    last_of_wave = (
        select(col(Delivery.subscriber_id))
        .where(of_edition, col(Delivery.outcome).is_(None))
        .order_by(col(Delivery.subscriber_id))
        .offset(readers - 1)
        .limit(1)
    )
    connection = session.connection()
    subscriber = connection.execute(last_of_wave).scalar()
    if subscriber is None:
        return among.last
    end = connection.execute(
        select(func.max(col(Delivery.id))).where(
            of_edition,
            col(Delivery.id).between(among.first, among.last),
            col(Delivery.subscriber_id) <= subscriber,
        )
    )
    return end.scalar() or among.first - 1


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
    excluded = _excluded_by_batch(session, edition_id, first, last, batch_size)
    starts = range(first, last + 1, batch_size)
    return [
        _batch_row(
            edition_id,
            after + index + 1,
            start,
            min(start + batch_size - 1, last),
            excluded.get(index, 0),
            seat,
        )
        for index, start in enumerate(starts)
    ]


def _batch_row(
    edition_id: int, number: int, first: int, last: int, excluded: int, seat: int
) -> dict[str, object]:
    size, key = last - first + 1 - excluded, random_key()
    return {
        "key": key,
        "root": key,
        "edition_id": edition_id,
        "number": number,
        "first_delivery": first,
        "last_delivery": last,
        "size": size,
        "state": BatchState.PENDING if size else BatchState.EMPTY,
        "attempts": 0,
        "tries": 0,
        "recoveries": 0,
        "note": "",
        "seat": seat,
    }


def expected_audience(
    session: Session, newsletter: str, about: Collection[str] | None, now: datetime
) -> ExpectedAudience:
    """Return the size of the audience of an issue about *about* that left *now*; write nothing."""
    return _size(session, joined(newsletter, about, now))


def count_audience(
    session: Session, issue: Issue, newsletter: str, now: datetime
) -> ExpectedAudience:
    """Return the size of the audience that planning *issue* now would freeze; write nothing.

    Raises `WrongState` for the correction of an issue that is on its way again.
    """
    return _size(session, candidates(session, issue, newsletter=newsletter, now=now))


def _size(session: Session, readers: Select[Any]) -> ExpectedAudience:
    rows = readers.subquery()
    number, excluded = (
        session.connection()
        .execute(select(func.count(), func.count(rows.c.exclusion)).select_from(rows))
        .one()
    )
    return ExpectedAudience(readers=number - excluded, excluded=excluded)


def last_number(session: Session) -> int:
    """Return the highest delivery id; no other transaction adds deliveries until the commit."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":  # SQLite admits one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(_NUMBERING)))
    number: int | None = connection.execute(select(func.max(col(Delivery.id)))).scalar_one()
    return number or 0


def _write_deliveries(
    session: Session, edition_id: int, readers: Select[Any], seats: Mapping[int, int]
) -> tuple[int, int]:
    """Insert one delivery for each of *readers*, as `candidates` returns them.

    Return the first and the last id.
    """
    connection = session.connection()
    base = last_number(session)
    chosen = readers.subquery()
    source: FromClause = chosen
    order: list[ColumnElement[int]] = [chosen.c.subscriber_id]
    if seats:
        seated = _seats_table(session)
        same = seated.c.subscriber_id == chosen.c.subscriber_id
        source = chosen.join(seated, same, isouter=True)
        order.insert(0, func.coalesce(seated.c.seat, 0))
    # The ids are computed here, not by the database, since a batch is a range of ids.
    position = func.row_number().over(order_by=order)
    rows = select(
        literal(base) + position,
        literal(edition_id),
        chosen.c.subscriber_id,
        case((chosen.c.exclusion.is_not(None), DeliveryOutcome.EXCLUDED.value), else_=null()),
        chosen.c.exclusion,
    ).select_from(source)
    names = ["id", "edition_id", "subscriber_id", "outcome", "reason"]
    statement = insert(Delivery).from_select(names, rows)
    bound = json_rows_parameter(seats.items()) if seats else {}
    written = connection.execute(statement, bound).rowcount
    return base + 1, base + written


def _seats_table(session: Session) -> Subquery:
    dialect = session.connection().dialect.name
    return json_rows(dialect, subscriber_id=BigInteger, seat=Integer)


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
