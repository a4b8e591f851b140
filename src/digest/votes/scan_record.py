"""How looks at vote links are kept, and which copies a program has gone through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.votes.models import BY_LETTER, ScannedCopy, ScanSign, VoteLinkVisit
from digest.votes.scan_rules import Look, link_number, look_of
from digest.votes.terms import Copy
from subscribers import sql


def add_looks(session: Session, copies: Iterable[tuple[Copy, Look, bool]]) -> None:
    """Keep looks, each with its copy and whether a machine's."""
    rows = [
        {
            "subscriber_id": copy.subscriber_id,
            "edition_id": copy.edition_id,
            "moment": look.moment,
            "link": link_number(look),
            "machine": int(machine),
        }
        for copy, look, machine in copies
    ]
    statement = sql.upsert(session, VoteLinkVisit).on_conflict_do_nothing()
    session.connection().execute(statement, rows)


def looks_at(session: Session, copies: Iterable[Copy], since: int) -> dict[Copy, list[Look]]:
    """Return the looks at some copies' links from a moment on, in seconds since 1970."""
    looks: dict[Copy, list[Look]] = {}
    parameters: dict[str, Any] = {**sql.json_rows_parameter(copies), "since": since}
    rows = session.connection().execute(_looks(sql.dialect(session)), parameters)
    for edition_id, subscriber_id, moment, link in rows:
        looks.setdefault(Copy(edition_id, subscriber_id), []).append(look_of(moment, link))
    return looks


@cache
def _looks(dialect: str) -> Any:
    given = sql.json_rows(dialect, edition=Integer, subscriber=BigInteger)
    same = and_(
        col(VoteLinkVisit.subscriber_id) == given.c.subscriber,
        col(VoteLinkVisit.edition_id) == given.c.edition,
        col(VoteLinkVisit.moment) >= bindparam("since"),
    )
    return select(
        col(VoteLinkVisit.edition_id),
        col(VoteLinkVisit.subscriber_id),
        col(VoteLinkVisit.moment),
        col(VoteLinkVisit.link),
    ).join_from(sql.table(VoteLinkVisit), given, same)


class Scan(NamedTuple):
    """What has shown that a program followed a copy's links."""

    sign: ScanSign
    pressed: bool = False  #: it pressed the button


def mark_scanned(session: Session, scans: Mapping[Copy, Scan], now: datetime) -> None:
    """Mark copies as scanned; the first sign of each stays."""
    if not scans:
        return
    rows = [{**copy._asdict(), **scan._asdict(), "at": now} for copy, scan in scans.items()]
    session.connection().execute(_mark_scanned(sql.dialect(session)), rows)


@cache
def _mark_scanned(dialect: str) -> Any:
    statement = sql.upsert_on(dialect, ScannedCopy)
    pressed = or_(col(ScannedCopy.pressed), statement.excluded.pressed)
    return statement.on_conflict_do_update(
        index_elements=["subscriber_id", "edition_id"], set_={"pressed": pressed}
    )


def unscanned_looks(
    session: Session, since: int, until: int, at_most: int
) -> list[tuple[Copy, datetime]]:
    """Return the first look at each copy of an issue in a time, if nothing showed a scanner yet.

    The times are in seconds since 1970.
    """
    bounds = {"since": since, "until": until, "at_most": at_most}
    rows = session.connection().execute(_UNSCANNED, bounds)
    return [(Copy(row[0], row[1]), datetime.fromtimestamp(row[2], UTC)) for row in rows]


_UNSCANNED = (
    select(
        col(VoteLinkVisit.edition_id),
        col(VoteLinkVisit.subscriber_id),
        func.min(col(VoteLinkVisit.moment)),
    )
    .where(
        col(VoteLinkVisit.moment) >= bindparam("since"),
        col(VoteLinkVisit.moment) < bindparam("until"),
        col(VoteLinkVisit.edition_id) != BY_LETTER,
        ~exists().where(
            col(ScannedCopy.subscriber_id) == col(VoteLinkVisit.subscriber_id),
            col(ScannedCopy.edition_id) == col(VoteLinkVisit.edition_id),
        ),
    )
    .group_by(col(VoteLinkVisit.edition_id), col(VoteLinkVisit.subscriber_id))
    .limit(bindparam("at_most"))
)
