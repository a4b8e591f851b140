"""Decides how an audience is counted, without reading all of it.

Who joined is counted by an index. Who of them is left out is asked about the few for whom there may
be a reason, by the expression that a plan freezes. Where a reason comes from the copies of another
issue, each of its readers is asked about.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import Session, col

from digest.delivery.sending.candidates import candidates, is_for_all
from digest.issues import store
from digest.issues.models import Issue
from subscribers.audience import possible_exclusions
from subscribers.models import JOINED, Subscription


@dataclass(frozen=True, kw_only=True)
class ExpectedAudience:
    """How many readers an issue would go to if it left now, and how many it would leave out."""

    readers: int
    excluded: int


def expected_audience(
    session: Session, newsletter: str, about: Collection[str] | None, now: datetime
) -> ExpectedAudience:
    """Return the size of the audience of an issue about *about* that left *now*; write nothing."""
    everybody = select(func.count()).where(
        col(Subscription.newsletter) == newsletter, col(Subscription.standing).in_(JOINED)
    )
    few = possible_exclusions(newsletter, now, about=about).subquery()
    [exclusion] = few.c
    left_out = select(func.count(exclusion))
    # In one statement, so that both are counted at one moment.
    both = select(everybody.scalar_subquery(), left_out.scalar_subquery())
    number, excluded = session.connection().execute(both).one()
    return ExpectedAudience(readers=number - excluded, excluded=excluded)


def count_audience(
    session: Session, issue: Issue, newsletter: str, now: datetime
) -> ExpectedAudience:
    """Return the size of the audience that planning *issue* now would freeze; write nothing.

    Raises `WrongState` for the correction of an issue that is on its way again.
    """
    if is_for_all(session, issue):
        return expected_audience(session, newsletter, store.topics(session, issue), now)
    return _counted(session, candidates(session, issue, newsletter=newsletter, now=now))


def _counted(session: Session, readers: Select[Any]) -> ExpectedAudience:
    rows = readers.subquery()
    number, excluded = (
        session.connection()
        .execute(select(func.count(), func.count(rows.c.exclusion)).select_from(rows))
        .one()
    )
    return ExpectedAudience(readers=number - excluded, excluded=excluded)
