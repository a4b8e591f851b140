"""Which reviewer each reader agrees with now, read from the database; nothing of it is stored.

This module decides which votes and calls are compared: every vote of a reader's own that stands,
held ones too, with the calls in the newest revision of its comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.comparisons.models import Call, Revision
from digest.comparisons.store import newest
from digest.issues.content import known_calls, reviewer_names, reviewer_of_seat
from digest.issues.variants.agreement import (
    FEWEST,
    Agreement,
    ComparedTool,
    PanelCalls,
    PanelSeat,
    agreements,
    best,
)
from digest.votes import (
    VoterPreference,
    preference_of,
    set_preference,
    votes_by,
    votes_by_all,
)
from subscribers.models import JOINED, Subscription
from subscribers.sql import chunks


@dataclass(frozen=True, kw_only=True)
class ReviewerMatch:
    """How far one reader agrees with each reviewer."""

    found: tuple[Agreement, ...]  #: the best first
    votes: int  #: that stand
    leads: bool  #: whether the reader's mail is to lead with the reviewer's words
    name: str = ""  #: of the best, where one is published

    @property
    def best(self) -> Agreement | None:
        """The reviewer whom the reader agrees with.

        It is ``None`` while too few votes compare, or where nobody agrees on half of them.
        """
        return best(self.found)

    @property
    def compares(self) -> bool:
        """Whether enough votes can be compared with some reviewer's calls."""
        return self.compared >= FEWEST

    @property
    def compared(self) -> int:
        """The most votes that can be compared with one reviewer's calls."""
        return max((one.compared for one in self.found), default=0)

    def reviewer(self, language: str) -> str:
        """Return what the best reviewer is called; empty for none."""
        found = self.best
        return (self.name or reviewer_of_seat(found.reviewer.seat, language)) if found else ""


def match_of(session: Session, subscriber_id: int) -> ReviewerMatch:
    """Return how far a reader agrees with the reviewers now."""
    votes = votes_by(session, subscriber_id)
    rows = _newest(session, {vote.comparison_id for vote in votes})
    found = agreements(votes, _calls(rows))
    first = best(found)
    return ReviewerMatch(
        found=tuple(found),
        votes=len(votes),
        leads=preference_of(session, subscriber_id).reviewer_since is not None,
        name=_published_name(rows, first.reviewer) if first else "",
    )


def lead_with_reviewer(session: Session, subscriber_id: int, on: bool, now: datetime) -> None:
    """Keep a reader's consent that their mail leads with a reviewer's words, or its end."""
    set_preference(session, subscriber_id, reviewer=on, now=now)


def readers_by_seat(session: Session, newsletter: str, *, seats: int) -> dict[int, int]:
    """Return the seat that each consenting reader of a newsletter agrees with, by subscriber.

    Only those are in it whose reviewer sits on a panel of *seats*.
    """
    return dict(_matched(session, newsletter, seats))


def seats_agreed_with(session: Session, newsletter: str, *, seats: int) -> list[int]:
    """Return the seats that `readers_by_seat` has; no more readers are read than it takes."""
    found: set[int] = set()
    for _, seat in _matched(session, newsletter, seats):
        found.add(seat)
        if len(found) == seats:
            break
    return sorted(found)


def _matched(session: Session, newsletter: str, seats: int) -> Iterator[tuple[int, int]]:
    calls: dict[ComparedTool, Mapping[PanelSeat, Call]] = {}
    known: set[int] = set()
    for part in chunks(_consenting(session, newsletter)):
        votes = votes_by_all(session, part)
        new = {vote.comparison_id for theirs in votes.values() for vote in theirs} - known
        calls |= _calls(_newest(session, new))
        known |= new
        for subscriber_id, theirs in votes.items():
            found = best(agreements(theirs, calls))
            if found is not None and found.reviewer.seats == seats:
                yield subscriber_id, found.reviewer.seat


def match_facts(session: Session, subscriber_id: int) -> dict[str, Any]:
    """Return what a reader's export says of it, as plain values."""
    match, preference = match_of(session, subscriber_id), preference_of(session, subscriber_id)
    return {
        "vote_preferences": {
            "reviewer_since": preference.reviewer_since,
            "changes_since": preference.changes_since,
        },
        "agreement": [
            {
                "panel": one.reviewer.seats,
                "seat": one.reviewer.seat,
                "agreed": one.agreed,
                "compared": one.compared,
            }
            for one in match.found
        ],
    }


def _consenting(session: Session, newsletter: str) -> list[int]:
    joined = exists().where(
        col(Subscription.subscriber_id) == col(VoterPreference.subscriber_id),
        col(Subscription.newsletter) == newsletter,
        col(Subscription.standing).in_(JOINED),
    )
    rows = session.connection().execute(
        select(col(VoterPreference.subscriber_id))
        .where(col(VoterPreference.reviewer_since).is_not(None), joined)
        .order_by(col(VoterPreference.subscriber_id))
    )
    return list(rows.scalars())


def _newest(session: Session, comparison_ids: Collection[int]) -> list[Revision]:
    return [row for part in chunks(sorted(comparison_ids)) for row in newest(session, part)]


def _calls(rows: Iterable[Revision]) -> PanelCalls:
    return {
        ComparedTool(row.comparison_id, side.tool_id): {
            PanelSeat(row.seats, seat): call for seat, call in known_calls(side, row.seats).items()
        }
        for row in rows
        for side in row.contenders
    }


def _published_name(rows: Iterable[Revision], reviewer: PanelSeat) -> str:
    """Return the name that these comparisons give a reviewer; empty where they don't agree."""
    names = {
        name
        for row in rows
        if row.seats == reviewer.seats
        for seat, name in reviewer_names(row.contenders).items()
        if seat == reviewer.seat
    }
    return names.pop() if len(names) == 1 else ""
