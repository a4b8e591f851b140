"""Which readers want a letter when a verdict changes, and since when each has known the old one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.votes.models import Vote, VoterPreference


def first_wanted(session: Session) -> datetime | None:
    """Return since when somebody has wanted letters on changes; ``None`` where nobody does."""
    since = func.min(col(VoterPreference.changes_since))
    moment: datetime | None = session.connection().execute(select(since)).scalar()
    return moment.astimezone(UTC) if moment else None


def wanting_changes(
    session: Session, moment: datetime, *, after: int, at_most: int
) -> Sequence[int]:
    """Return readers who wanted letters on changes before *moment*, by subscriber id.

    They are the first *at_most* whose id is higher than *after*.
    """
    rows = session.connection().execute(
        select(col(VoterPreference.subscriber_id))
        .where(
            col(VoterPreference.changes_since) < moment,
            col(VoterPreference.subscriber_id) > after,
        )
        .order_by(col(VoterPreference.subscriber_id))
        .limit(at_most)
    )
    return rows.scalars().all()


def wants_changes(session: Session, subscriber_id: int) -> bool:
    """Return whether a reader wants letters on changes."""
    row = session.get(VoterPreference, subscriber_id)
    return row is not None and row.changes_since is not None


def last_voted(
    session: Session, comparison_id: int, subscriber_ids: Collection[int]
) -> dict[int, datetime]:
    """Return when some readers last voted on a comparison, without votes taken back."""
    rows = session.connection().execute(
        select(col(Vote.subscriber_id), func.max(col(Vote.at)))
        .where(
            col(Vote.comparison_id) == comparison_id,
            col(Vote.subscriber_id).in_(subscriber_ids),
            col(Vote.call).is_not(None),
        )
        .group_by(col(Vote.subscriber_id))
    )
    return {reader: at.astimezone(UTC) for reader, at in rows if reader is not None}
