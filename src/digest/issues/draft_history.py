"""How an issue's draft is stored: one row for each change, and a pointer that undo moves back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from digest.errors import IssueFrozen
from digest.issues import provenance, store
from digest.issues.models import Draft, DraftStep, Issue, IssueState, Newsletter
from digest.issues.picking import Decisions

_EDITABLE = (IssueState.BUILT, IssueState.SKIPPED)


def current(session: Session, newsletter: Newsletter, period: str) -> Decisions:
    """Return the editors' decisions about the issue of *period*."""
    draft = _draft(session, newsletter, period)
    step = _step(session, newsletter, period, draft.step) if draft else None
    return Decisions.from_dict(step.decisions) if step else Decisions()


def went_on(session: Session, issue: Issue) -> bool:
    """Return whether the draft of an issue was changed after its newest edition was built."""
    if issue.state is not IssueState.BUILT or issue.corrects_issue_id is not None:
        return False
    built_from = provenance.decisions_of(store.edition_of(session, issue))
    now = current(session, store.newsletter_of(session, issue), issue.period)
    return built_from is not None and built_from != now


def decide(
    session: Session,
    newsletter: Newsletter,
    period: str,
    decisions: Decisions,
    *,
    summary: str,
    now: datetime,
) -> None:
    """Store *decisions* as the next step and delete undone steps; the caller commits.

    Raises `IssueFrozen` once the issue's audience is frozen.
    """
    _refuse_frozen(session, newsletter, period)
    draft = _draft(session, newsletter, period)
    draft = draft or Draft(newsletter_id=newsletter.id or 0, period=period)
    _delete_steps_after(session, newsletter, period, draft.step)
    draft.step += 1
    session.add(draft)
    session.add(
        DraftStep(
            newsletter_id=newsletter.id or 0,
            period=period,
            number=draft.step,
            what=summary[:200],
            decisions=decisions.to_dict(),
            at=now,
        )
    )
    session.flush()


def undo(session: Session, newsletter: Newsletter, period: str) -> str | None:
    """Move back one step and return its description; ``None`` when there is nothing to undo.

    Raises `IssueFrozen` once the issue's audience is frozen.
    """
    _refuse_frozen(session, newsletter, period)
    draft = _draft(session, newsletter, period)
    step = _step(session, newsletter, period, draft.step) if draft else None
    if draft is None or step is None:
        return None
    draft.step -= 1
    session.add(draft)
    return step.what


def redo(session: Session, newsletter: Newsletter, period: str) -> str | None:
    """Move forward one step and return its description; ``None`` when nothing was undone.

    Raises `IssueFrozen` once the issue's audience is frozen.
    """
    _refuse_frozen(session, newsletter, period)
    draft = _draft(session, newsletter, period)
    step = _step(session, newsletter, period, draft.step + 1) if draft else None
    if draft is None or step is None:
        return None
    draft.step += 1
    session.add(draft)
    return step.what


def around(session: Session, newsletter: Newsletter, period: str) -> tuple[str, str]:
    """Return the descriptions of the steps that undo and redo would move; empty for no step."""
    draft = _draft(session, newsletter, period)
    if draft is None:
        return "", ""
    behind = _step(session, newsletter, period, draft.step)
    ahead = _step(session, newsletter, period, draft.step + 1)
    return (behind.what if behind else "", ahead.what if ahead else "")


def steps(session: Session, newsletter: Newsletter, period: str) -> Sequence[DraftStep]:
    """Return every step of a draft, undone steps included, the oldest first."""
    chosen = select(DraftStep).where(
        DraftStep.newsletter_id == newsletter.id, DraftStep.period == period
    )
    return session.exec(chosen.order_by(col(DraftStep.number))).all()


def _refuse_frozen(session: Session, newsletter: Newsletter, period: str) -> None:
    issue = store.by_period(session, newsletter.id, period)
    if issue is not None and issue.state not in _EDITABLE:
        raise IssueFrozen(f"issue {issue.number} of {period} is {issue.state} and can't change")


def _draft(session: Session, newsletter: Newsletter, period: str) -> Draft | None:
    return session.get(Draft, (newsletter.id, period))


def _step(session: Session, newsletter: Newsletter, period: str, number: int) -> DraftStep | None:
    return session.exec(
        select(DraftStep).where(
            DraftStep.newsletter_id == newsletter.id,
            DraftStep.period == period,
            DraftStep.number == number,
        )
    ).one_or_none()


def _delete_steps_after(session: Session, newsletter: Newsletter, period: str, number: int) -> None:
    session.connection().execute(
        delete(DraftStep).where(
            col(DraftStep.newsletter_id) == newsletter.id,
            col(DraftStep.period) == period,
            col(DraftStep.number) > number,
        )
    )
