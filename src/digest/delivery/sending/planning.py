"""Freeze an issue's audience: one delivery per reader, cut into batches, in one transaction.

This module decides how deliveries are numbered: an audience's ids are contiguous and in the order
of its subscribers, so that a batch is a range of ids.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import (
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
from digest.delivery.sending.candidates import candidates, joined
from digest.errors import WrongState
from digest.issues.models import Edition, Issue, IssueState
from digest.issues.newsletters import require_running
from digest.issues.store import newsletter_of


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
    key: Callable[[], str] = random_key,
) -> PlannedAudience:
    """Write the issue's deliveries and batches and mark it prepared; the caller commits.

    Nothing can be claimed before that commit, so a crash leaves either all rows or none. The first
    *first_wave* readers who may be mailed are cut into batches of their own. Raise `WrongState`
    when the audience is frozen already, when the issue is for nobody, or for an archived
    newsletter.
    """
    if issue.state is not IssueState.BUILT:
        raise WrongState(f"issue {issue.number} is {issue.state}: its audience is already frozen")
    require_running(session, newsletter_of(session, issue))
    assert edition.id is not None  # noqa: S101 - a stored edition has an id
    chosen = candidates(session, issue, newsletter=newsletter, now=now)
    first, last = _write_deliveries(session, edition.id, chosen)
    if last < first and issue.corrects_issue_id is not None:
        raise WrongState(f"nobody got the issue that issue {issue.number} corrects")
    if last < first:
        raise WrongState(
            f"nobody is subscribed to {newsletter}, so nobody would get issue {issue.number}",
            next_step="digest subscribers import FILE.csv --consent TEXT",
        )
    second = _end_of_first_wave(session, edition.id, first, first_wave, last) + 1
    rows: list[dict[str, object]] = []
    for start, end in ((first, second - 1), (second, last)):
        rows += cut(session, edition.id, start, end, batch_size, after=len(rows), key=key)
    session.connection().execute(insert(Batch), rows)
    issue.state, issue.prepared_at = IssueState.PREPARED, now
    session.add(issue)
    number = last - first + 1
    may_be_mailed = sum(cast(int, row["size"]) for row in rows)
    return PlannedAudience(candidates=number, excluded=number - may_be_mailed, batches=len(rows))


def _end_of_first_wave(
    session: Session, edition_id: int, first: int, readers: int, last: int
) -> int:
    """Return the id of the first wave's last delivery; *first* - 1 without a first wave."""
    if readers < 1:
        return first - 1
    may_be_mailed = (col(Delivery.edition_id) == edition_id, col(Delivery.outcome).is_(None))
    last_of_wave = session.connection().execute(
        select(col(Delivery.id))
        .where(*may_be_mailed, col(Delivery.id).between(first, last))
        .order_by(col(Delivery.id))
        .offset(readers - 1)
        .limit(1)
    )
    return last_of_wave.scalar() or last


def cut(
    session: Session,
    edition_id: int,
    first: int,
    last: int,
    batch_size: int,
    *,
    after: int,
    key: Callable[[], str],
) -> list[dict[str, object]]:
    """Return the batch rows for deliveries *first* to *last*, numbered from *after* + 1."""
    excluded = _excluded_by_batch(session, edition_id, first, last, batch_size)
    starts = range(first, last + 1, batch_size)
    return [
        _batch_row(
            edition_id,
            after + index + 1,
            start,
            min(start + batch_size - 1, last),
            excluded.get(index, 0),
            key(),
        )
        for index, start in enumerate(starts)
    ]


def _batch_row(
    edition_id: int, number: int, first: int, last: int, excluded: int, key: str
) -> dict[str, object]:
    size = last - first + 1 - excluded
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


def _write_deliveries(session: Session, edition_id: int, readers: Select[Any]) -> tuple[int, int]:
    """Insert one delivery for each of *readers*, as `candidates` returns them.

    Return the first and the last id.
    """
    connection = session.connection()
    base = last_number(session)
    chosen = readers.subquery()
    # The ids are computed here, not by the database, since a batch is a range of ids.
    position = func.row_number().over(order_by=chosen.c.subscriber_id)
    rows = select(
        literal(base) + position,
        literal(edition_id),
        chosen.c.subscriber_id,
        case((chosen.c.exclusion.is_not(None), DeliveryOutcome.EXCLUDED.value), else_=null()),
        chosen.c.exclusion,
    )
    names = ["id", "edition_id", "subscriber_id", "outcome", "reason"]
    written = connection.execute(insert(Delivery).from_select(names, rows)).rowcount
    return base + 1, base + written


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
