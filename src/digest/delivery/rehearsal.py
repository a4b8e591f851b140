"""An issue that went into the outbox folder reached nobody, and may still go to its readers."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from digest.delivery.models import Attempt, Batch, BatchState
from digest.issues.models import Issue, IssueState
from digest.mail.outbox import PROVIDER


def rehearsed(session: Session, edition_id: int) -> int:
    """Return how many readers' copies lie in the outbox folder and went nowhere else."""
    total = select(func.coalesce(func.sum(col(Batch.size)), 0)).where(
        col(Batch.edition_id) == edition_id,
        col(Batch.state) == BatchState.ACCEPTED,
        col(Batch.attempt).in_(_IN_FOLDER),
    )
    return session.connection().execute(total).scalar_one()


def take_back(session: Session, issue: Issue, edition_id: int) -> None:
    """Let what went into the folder be sent to its readers; the caller commits.

    Nobody can get it twice by this: a copy in the folder was never handed to anybody.
    """
    session.connection().execute(
        update(Batch)
        .where(
            col(Batch.edition_id) == edition_id,
            col(Batch.state) == BatchState.ACCEPTED,
            col(Batch.attempt).in_(_IN_FOLDER),
        )
        .values(state=BatchState.PENDING, attempt=None, note="")
    )
    if issue.state is IssueState.SENT:
        issue.state, issue.sent_at = IssueState.PREPARED, None
        session.add(issue)


_IN_FOLDER = select(col(Attempt.key)).where(col(Attempt.provider_id).startswith(PROVIDER))
