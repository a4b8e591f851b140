"""Makes an issue: pick, compose, render, check, freeze."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import orjson
from sqlmodel import Session

from digest.comparisons.models import Revision
from digest.comparisons.store import revisions, summaries
from digest.errors import DigestError, IssueFrozen, MailUnfit, NothingToPick
from digest.issues import store
from digest.issues.compose import compose
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Placement
from digest.issues.period import day_of
from digest.issues.pick import Pick, Rule, candidate, pick
from digest.issues.view import IssueView
from digest.render.checks.finding import Finding, Severity
from digest.render.engine import Rendered

Render = Callable[[IssueView], Rendered]
Check = Callable[[IssueView, Rendered], Sequence[Finding]]


@dataclass(frozen=True, kw_only=True)
class Press:
    """What making a mail takes, whatever the issue."""

    base_url: str
    postal_address: str
    render: Render
    check: Check


@dataclass(frozen=True, kw_only=True)
class Proof:
    """An issue as it would go out, not stored yet."""

    view: IssueView
    rendered: Rendered
    findings: Sequence[Finding]
    revisions: Sequence[Revision]

    def fingerprint(self) -> str:
        """SHA-256 of everything a reader gets."""
        return fingerprint(self.rendered, self.view.preheader)


def fingerprint(rendered: Rendered, preheader: str) -> str:
    """SHA-256 of subject, preheader, HTML and text, as hex."""
    parts = [rendered.subject, preheader, rendered.html, rendered.text]
    return sha256(orjson.dumps(parts)).hexdigest()


def choose(session: Session, newsletter: Newsletter, period: str) -> Pick:
    """Say what the issue of *period* would carry and why; changes nothing."""
    return pick(
        [candidate(each) for each in summaries(session)],
        store.history(session, newsletter.id),
        Rule(max_per_issue=newsletter.max_per_issue, no_repeat=newsletter.no_repeat),
        period=period,
        day=day_of(period, newsletter.weekday),
    )


def proof(
    session: Session, newsletter: Newsletter, chosen: Pick, *, number: int, press: Press
) -> Proof:
    """Compose, render and check what was picked; raises `NothingToPick`. Stores nothing."""
    if not chosen.chosen:
        raise NothingToPick(chosen.note, next_step="digest import PATH...")
    known = revisions(session, [one.candidate.revision_id for one in chosen.chosen])
    ordered = [known[one.candidate.revision_id] for one in chosen.chosen]
    view = compose(
        ordered,
        newsletter,
        number=number,
        period=chosen.period,
        on=chosen.day,
        base_url=press.base_url,
        postal_address=press.postal_address,
    )
    rendered = press.render(view)
    return Proof(
        view=view, rendered=rendered, findings=press.check(view, rendered), revisions=ordered
    )


def build(
    session: Session,
    newsletter: Newsletter,
    period: str,
    *,
    now: datetime,
    press: Press,
    again: bool = False,
) -> tuple[Issue, Proof]:
    """Make the issue of *period* and freeze it; the caller commits.

    *again* makes it anew as long as nobody has been chosen to get it; what readers would have got
    before stays on record as an earlier revision. Raises `IssueFrozen`, `NothingToPick`, and
    `MailUnfit` when a check forbids the mail.
    """
    before = _before(session, newsletter, period, again=again)
    number = before.number if before else None
    number = number or store.next_number(session, newsletter.id)
    chosen = choose(session, newsletter, period)
    made = proof(session, newsletter, chosen, number=number, press=press)
    _refuse(made.findings)
    issue = before or Issue(
        newsletter_id=newsletter.id or 0, period=period, state=IssueState.BUILT, built_at=now
    )
    issue.number, issue.state, issue.note = number, IssueState.BUILT, ""
    issue.pick, issue.built_at = chosen.to_dict(), now
    session.add(issue)
    session.flush()
    _place(session, issue, chosen)
    _freeze(session, issue, newsletter, made, now)
    return issue, made


def _before(session: Session, newsletter: Newsletter, period: str, *, again: bool) -> Issue | None:
    issue = store.by_period(session, newsletter.id, period)
    if issue is None or issue.state is IssueState.SKIPPED:
        return issue
    if issue.state is not IssueState.BUILT:
        raise IssueFrozen(f"issue {issue.number} of {period} is {issue.state} and can't change")
    if not again:
        raise IssueFrozen(
            f"issue {issue.number} of {period} is built already",
            next_step=f"digest show {issue.number}, or digest build --again to make it anew",
        )
    return issue


def _refuse(findings: Sequence[Finding]) -> None:
    errors = [each for each in findings if each.severity is Severity.ERROR]
    if errors:
        said = "; ".join(f"{each.place}: {each.message}" for each in errors)
        raise MailUnfit(f"the mail can't go out: {said}", next_step=errors[0].mend)


def _place(session: Session, issue: Issue, chosen: Pick) -> None:
    for old in store.placements(session, issue):
        session.delete(old)
    session.flush()
    if issue.id is None:
        raise DigestError("an issue without an id can't carry anything")
    session.add_all(
        Placement(
            issue_id=issue.id,
            position=one.position,
            comparison_id=one.candidate.comparison_id,
            revision_id=one.candidate.revision_id,
        )
        for one in chosen.chosen
    )


def _freeze(
    session: Session, issue: Issue, newsletter: Newsletter, made: Proof, now: datetime
) -> None:
    session.add(
        Edition(
            issue_id=issue.id or 0,
            revision=len(store.editions(session, issue)) + 1,
            language=newsletter.language,
            subject=made.rendered.subject,
            preheader=made.view.preheader,
            html=made.rendered.html,
            text=made.rendered.text,
            fingerprint=made.fingerprint(),
            frozen_at=now,
        )
    )
    session.flush()
