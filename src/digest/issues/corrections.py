"""The order in which an issue that went out wrong is corrected: compare, compose, check, freeze.

This module decides which issues can be corrected, and what a correction is stored as: an issue of
its own, with a number and a period outside the calendar, so that neither the pick nor a slot
counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from digest.comparisons.store import ComparisonSummary, revisions, summaries
from digest.errors import NotFound, WrongState
from digest.issues import provenance, store
from digest.issues.build import BuiltIssue, IssueBuilder, draft_issue, freeze_edition, rule_of
from digest.issues.content import Correction, difference
from digest.issues.issue_commands import build_again, named
from digest.issues.models import CORRECTION_STEP, Issue, IssueState, Newsletter
from digest.issues.newsletters import require_running
from digest.issues.picking import (
    Decisions,
    Pick,
    PickedComparison,
    Score,
    about_comparisons,
    candidate,
)


class NothingDiffers(WrongState):
    """What the issue carried is still what is published."""


@dataclass(frozen=True, kw_only=True)
class CorrectionDraft:
    """The correction of an issue, before it is stored."""

    number: int
    correction: Correction
    chosen: Pick
    built: BuiltIssue


def draft_correction(
    session: Session,
    wrong: Issue,
    *,
    now: datetime,
    issue_builder: IssueBuilder,
    why: str = "",
) -> CorrectionDraft:
    """Compose, render and check the correction of an issue; store nothing.

    It carries the same comparisons as *wrong*, each in its newest revision, with the editors' notes
    on them and the quotes they chose. *why* is the editor's
    own words. Raises `WrongState` where the issue can't be corrected, and `NothingDiffers` where
    nothing would be said.
    """
    newsletter = store.newsletter_of(session, wrong)
    before = _unsent_correction(session, wrong)
    number = (before.number if before else None) or _free_number(session, wrong)
    period = f"{wrong.period[:_WEEK]}-{number}"
    chosen = _same_comparisons(session, wrong, newsletter, period=period, now=now)
    decisions = _kept_decisions(session, wrong)
    correction = _compare(
        session, wrong, chosen, newsletter, decisions, why=why or _why(session, before)
    )
    built = draft_issue(
        session,
        newsletter,
        chosen,
        number=number,
        issue_builder=issue_builder,
        correction=correction,
        decisions=decisions,
    )
    return CorrectionDraft(number=number, correction=correction, chosen=chosen, built=built)


def build_correction(
    session: Session,
    wrong: Issue,
    *,
    now: datetime,
    issue_builder: IssueBuilder,
    why: str = "",
    again: bool = False,
) -> tuple[Issue, CorrectionDraft]:
    """Build the correction of an issue and freeze its edition; the caller commits.

    The caller holds the lock of *wrong*, so that of two calls at once the second finds the first
    one's correction. *again* builds a correction anew that isn't sent. Raises what
    `draft_correction` raises, and `MailUnfit` when a check forbids the mail.
    """
    require_running(session, store.newsletter_of(session, wrong))
    before = _unsent_correction(session, wrong)
    if before is not None and not again:
        raise WrongState(
            f"issue {wrong.number} has a correction already: issue {before.number}",
            next_step=f"digest show {named(before)}; to make it anew: {build_again(before)}",
        )
    draft = draft_correction(session, wrong, now=now, issue_builder=issue_builder, why=why)
    issue = before or Issue(
        newsletter_id=wrong.newsletter_id,
        number=draft.number,
        period=draft.chosen.period,
        corrects_issue_id=wrong.id,
        state=IssueState.BUILT,
        built_at=now,
    )
    freeze_edition(
        session,
        issue,
        draft.chosen,
        draft.built,
        now=now,
        issue_builder=issue_builder,
        part=f"readers of issue {wrong.number}",
    )
    return issue, draft


def require_at_rest(wrong: Issue) -> None:
    """Raise `WrongState` unless an issue went out to somebody and nothing more of it will.

    Who gets a correction is who got the issue: that must not grow once the correction is planned.
    """
    if wrong.state is IssueState.BUILT:
        raise WrongState(
            f"issue {wrong.number} isn't sent yet, so nobody got it",
            next_step=build_again(wrong),
        )
    if wrong.prepared_at is None:
        raise WrongState(f"issue {wrong.number} was never sent, so nobody got it")
    if wrong.state not in _AT_REST:
        raise WrongState(
            f"issue {wrong.number} is still on its way ({wrong.state})",
            next_step=(
                f"let it finish, or digest cancel {named(wrong)} so that nobody else gets it;"
                f" then: digest correct {named(wrong)}"
            ),
        )


_AT_REST = (IssueState.SENT, IssueState.CANCELLED)
_WEEK = len("2026-W48")


def _unsent_correction(session: Session, wrong: Issue) -> Issue | None:
    """Return the correction of *wrong* that may be built anew; raises `WrongState` for a sent one.

    ``None`` where there is none, or only cancelled ones.
    """
    require_at_rest(wrong)
    existing = store.correction_of(session, wrong)
    if existing is not None and existing.state is not IssueState.BUILT:
        raise WrongState(
            f"issue {wrong.number} was corrected by issue {existing.number}",
            next_step=f"where that one is wrong too: digest correct {existing.number}",
        )
    return existing


def _free_number(session: Session, wrong: Issue) -> int:
    taken = {issue.number for issue in store.issues(session, wrong.newsletter_id)}
    number = (wrong.number or 0) + CORRECTION_STEP
    while number in taken:
        number += CORRECTION_STEP
    return number


def _same_comparisons(
    session: Session, wrong: Issue, newsletter: Newsletter, *, period: str, now: datetime
) -> Pick:
    """Return the comparisons of *wrong*, in its order, each in its newest revision.

    Those that were withdrawn since are left out.
    """
    newest = {
        summary.comparison_id: summary for summary in summaries(session) if not summary.withdrawn
    }
    left = [row for row in store.placements(session, wrong) if row.comparison_id in newest]
    chosen = tuple(
        _picked(position, newest[entry.comparison_id], entry.revision_id)
        for position, entry in enumerate(left, start=1)
    )
    return Pick(
        period=period,
        day=now.astimezone(ZoneInfo(newsletter.timezone)).date(),
        rule=rule_of(newsletter),
        chosen=chosen,
        left_out=(),
        note=f"what issue {wrong.number} carried, as it is now",
    )


def _picked(position: int, summary: ComparisonSummary, was: int) -> PickedComparison:
    same = summary.revision_id == was
    return PickedComparison(
        position=position,
        candidate=candidate(summary),
        score=Score(weight=0, freshness=0, split=0),
        reason="as it was" if same else f"changed since: revision {summary.revision}",
    )


def _compare(
    session: Session,
    wrong: Issue,
    chosen: Pick,
    newsletter: Newsletter,
    decisions: Decisions,
    *,
    why: str,
) -> Correction:
    placed = store.placements(session, wrong)
    kept = {entry.candidate.comparison_id: entry.candidate.revision_id for entry in chosen.chosen}
    rows = revisions(session, {*(entry.revision_id for entry in placed), *kept.values()})
    changes = difference(
        [rows[entry.revision_id] for entry in placed],
        [
            rows[kept[entry.comparison_id]] if entry.comparison_id in kept else None
            for entry in placed
        ],
        decisions.quotes,
    )
    if not changes and not why.strip():
        raise NothingDiffers(
            f"nothing differs: what issue {wrong.number} carried is what is stored now",
            next_step=(
                "import what is right first: digest import PATH...; where the mistake was in the"
                f" mail's own words: digest correct {named(wrong)} --why TEXT"
            ),
        )
    return Correction(
        number=wrong.corrected_number or wrong.number or 0,
        day=store.dated(wrong, newsletter),
        again=wrong.corrects_issue_id is not None,
        why=why.strip(),
        changes=changes,
    )


def _kept_decisions(session: Session, wrong: Issue) -> Decisions:
    """Return what editors decided about the single comparisons of *wrong*."""
    kept = provenance.decisions_of(store.edition_of(session, wrong))
    return about_comparisons(kept) if kept else Decisions()


def _why(session: Session, before: Issue | None) -> str:
    """Return the editor's words of the correction that is built anew, else nothing."""
    if before is None:
        return ""
    try:
        kept = provenance.correction_of(store.edition_of(session, before))
    except NotFound:
        return ""
    return kept.why if kept else ""
