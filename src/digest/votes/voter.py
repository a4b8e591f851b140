"""What is known of one voter: their votes, what they want to get for them, and how all of it goes.

What is left of an erased reader is decided here: a vote without a person, or none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.comparisons.models import Call, Comparison, Tool
from digest.votes import store
from digest.votes.models import (
    HeldReason,
    ScannedCopy,
    Vote,
    VoteChange,
    VoteLinkVisit,
    VoterPreference,
)
from subscribers.sql import chunks, upsert


class OwnVote(NamedTuple):
    """One of a reader's votes, not taken back."""

    comparison_id: int
    tool_id: int
    call: Call
    at: datetime
    held: HeldReason | None


def standing_votes(session: Session, subscriber_id: int, comparison_id: int) -> dict[int, Call]:
    """Return a reader's votes on a comparison, by tool id; held ones too."""
    own = votes_by_all(session, [subscriber_id], comparison_id)[subscriber_id]
    return {vote.tool_id: vote.call for vote in own}


def votes_by(session: Session, subscriber_id: int) -> list[OwnVote]:
    """Return a reader's votes, the oldest first; held ones too."""
    return votes_by_all(session, [subscriber_id])[subscriber_id]


def votes_by_all(
    session: Session, subscriber_ids: Iterable[int], comparison_id: int | None = None
) -> Mapping[int, list[OwnVote]]:
    """Return each reader's votes, the oldest first; on one comparison only, if it is given."""
    votes: dict[int, list[OwnVote]] = {number: [] for number in subscriber_ids}
    columns = [getattr(Vote, name) for name in OwnVote._fields]
    statement = select(col(Vote.subscriber_id), *columns).where(col(Vote.call).is_not(None))
    if comparison_id is not None:
        statement = statement.where(col(Vote.comparison_id) == comparison_id)
    for part in chunks(sorted(votes)):
        rows = session.connection().execute(
            statement.where(col(Vote.subscriber_id).in_(part)).order_by(col(Vote.at), col(Vote.id))
        )
        for number, *vote in rows:
            votes[number].append(OwnVote(*vote))
    return votes


def turnout(
    session: Session,
    comparison_ids: Collection[int],
    *,
    edition_ids: Collection[int] | None = None,
) -> int:
    """Return how many readers' votes count on any of some comparisons; it looks at each vote.

    With *edition_ids* only votes by a link in one of these editions are looked at.
    """
    statement = select(func.count(col(Vote.mailbox_hash).distinct())).where(
        col(Vote.comparison_id).in_(sorted(set(comparison_ids))),
        col(Vote.held).is_(None),
        col(Vote.call).is_not(None),
    )
    if edition_ids is not None:
        statement = statement.where(col(Vote.edition_id).in_(edition_ids))
    return session.connection().execute(statement).scalar_one()


def erase_voter(session: Session, subscriber_id: int, *, keep: bool, now: datetime) -> None:
    """Erase a reader from the votes, in the caller's transaction.

    With *keep* their votes stay and count, without a person; the keyed hash of the mailbox stays
    beside them, so that nobody votes twice by coming back. Without it they are taken out of the
    counts and deleted.
    """
    store.one_at_a_time(session)
    connection = session.connection()
    own = col(Vote.subscriber_id) == subscriber_id
    if keep:
        connection.execute(update(Vote).where(own).values(subscriber_id=None, network_hash=None))
    else:
        votes = store.votes_of(session, subscriber_id)
        store.write_counts(session, ((vote, None) for vote in votes), now)
        connection.execute(delete(Vote).where(own))
    for model in (VoteLinkVisit, ScannedCopy, VoterPreference):
        connection.execute(delete(model).where(col(model.subscriber_id) == subscriber_id))


def export_votes(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Return a reader's votes with their history, for the reader's own export."""
    votes = session.connection().execute(
        select(
            col(Vote.id),
            col(Comparison.slug),
            col(Tool.slug),
            col(Vote.call),
            col(Vote.at),
            col(Vote.held),
        )
        .join_from(Vote, Comparison, col(Comparison.id) == col(Vote.comparison_id))
        .join(Tool, col(Tool.id) == col(Vote.tool_id))
        .where(col(Vote.subscriber_id) == subscriber_id)
        .order_by(col(Vote.at), col(Vote.id))
    )
    history = _history(session, subscriber_id)
    return [
        {
            "comparison": comparison,
            "tool": tool,
            "call": call,
            "at": at,
            "not_counted": held,
            "history": history[number or 0],
        }
        for number, comparison, tool, call, at, held in votes
    ]


def _history(session: Session, subscriber_id: int) -> defaultdict[int, list[dict[str, Any]]]:
    rows = session.connection().execute(
        select(col(VoteChange.vote_id), col(VoteChange.call), col(VoteChange.at))
        .join_from(VoteChange, Vote, col(Vote.id) == col(VoteChange.vote_id))
        .where(col(Vote.subscriber_id) == subscriber_id)
        .order_by(col(VoteChange.id))
    )
    history: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for number, call, at in rows:
        history[number].append({"counted_as": call, "at": at})
    return history


def preference_of(session: Session, subscriber_id: int) -> VoterPreference:
    """Return what a reader has chosen to get for their votes; nothing where they never chose."""
    columns = (col(VoterPreference.reviewer_since), col(VoterPreference.changes_since))
    row = (
        session.connection()
        .execute(select(*columns).where(col(VoterPreference.subscriber_id) == subscriber_id))
        .one_or_none()
    )
    reviewer, changes = row or (None, None)
    return VoterPreference(
        subscriber_id=subscriber_id, reviewer_since=reviewer, changes_since=changes
    )


def set_preference(
    session: Session,
    subscriber_id: int,
    *,
    reviewer: bool | None = None,
    changes: bool | None = None,
    now: datetime,
) -> None:
    """Switch on or off what a reader gets for their votes; ``None`` leaves it as it is.

    What was on already keeps its moment.
    """
    before = preference_of(session, subscriber_id)
    values = {
        "reviewer_since": _since(before.reviewer_since, reviewer, now),
        "changes_since": _since(before.changes_since, changes, now),
    }
    statement = upsert(session, VoterPreference).values(subscriber_id=subscriber_id, **values)
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["subscriber_id"], set_=values)
    )


def _since(before: datetime | None, wanted: bool | None, now: datetime) -> datetime | None:
    if wanted is None:
        return before
    return (before or now) if wanted else None


def first_wanted(session: Session) -> datetime | None:
    """Return since when somebody has wanted letters on changes; ``None`` where nobody does."""
    since = func.min(col(VoterPreference.changes_since))
    moment: datetime | None = session.connection().execute(select(since)).scalar()
    return moment.astimezone(UTC) if moment else None


def wanting_changes(
    session: Session, moment: datetime, *, after: int, at_most: int
) -> dict[int, datetime]:
    """Return since when readers have wanted letters on changes, by subscriber id in its order.

    They are the first *at_most* whose id is higher than *after*, of those who have wanted them
    since before *moment*.
    """
    rows = session.connection().execute(
        select(col(VoterPreference.subscriber_id), col(VoterPreference.changes_since))
        .where(
            col(VoterPreference.changes_since) < moment,
            col(VoterPreference.subscriber_id) > after,
        )
        .order_by(col(VoterPreference.subscriber_id))
        .limit(at_most)
    )
    return {number: since for number, since in rows if since is not None}
