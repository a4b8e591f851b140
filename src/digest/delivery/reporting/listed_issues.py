"""Decides which issues a list of them shows: the newest, and each older one that isn't over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from digest.delivery.models import Batch, BatchState
from digest.issues.models import Edition, Issue, IssueState

NEWEST = 5  #: that are listed unless more are asked for
_OVER = (IssueState.SENT, IssueState.CANCELLED, IssueState.SKIPPED)
#: States of a batch in which something of it is still to come.
UNSETTLED = (
    *(BatchState.PENDING, BatchState.CLAIMED, BatchState.STARTED),
    *(BatchState.IN_DOUBT, BatchState.PARKED),
)


@dataclass(frozen=True, kw_only=True)
class ListedIssues:
    """The issues that a list shows, the oldest first, and how many earlier ones it leaves out."""

    issues: Sequence[Issue]
    earlier: int


def listed_issues(
    session: Session, newsletter_id: int | None, newest: int = NEWEST
) -> ListedIssues:
    """Return the *newest* issues of a newsletter, and every earlier one that isn't over.

    An issue is over when it was sent or cancelled and no batch of it waits or is in doubt.
    """
    numbered = (Issue.newsletter_id == newsletter_id, col(Issue.number).is_not(None))
    latest = (
        select(Issue.id)
        .where(*numbered)
        .order_by(col(Issue.period).desc(), col(Issue.number).desc())
        .limit(newest)
    )
    # Not as EXISTS, for which PostgreSQL would read every batch there is, once for all issues.
    unsettled = (
        select(Batch.id)
        .join(Edition, col(Edition.id) == col(Batch.edition_id))
        .where(col(Edition.issue_id) == col(Issue.id), col(Batch.state).in_(UNSETTLED))
        .limit(1)
        .correlate(Issue)
        .scalar_subquery()
    )
    is_open = col(Issue.state).not_in(_OVER) | unsettled.is_not(None)
    open_ = select(Issue.id).where(*numbered, is_open)
    ids = {*session.exec(latest), *session.exec(open_)}
    chosen = select(Issue).where(col(Issue.id).in_(ids))
    every = session.exec(select(func.count()).select_from(Issue).where(*numbered)).one()
    return ListedIssues(
        issues=session.exec(chosen.order_by(col(Issue.period), col(Issue.number))).all(),
        earlier=every - len(ids),
    )
