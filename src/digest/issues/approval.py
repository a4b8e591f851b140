"""Approval of an issue: to what it is bound, and when it is void.

An approval is bound to the fingerprints of the editions, the audience rule and the hash of the
templates; a change in any of the three makes it void.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import orjson
from sqlmodel import Session, col, select

from digest.errors import DigestError, MailUnfit, NotApproved
from digest.issues import store
from digest.issues.models import Approval, Issue, Newsletter
from digest.render.lint import Finding, Severity


@dataclass(frozen=True, kw_only=True)
class ApprovalTerms:
    """What an approval is bound to; a change in any field voids the approval."""

    editions: tuple[str, ...]  #: the fingerprint of each edition that would go out
    audience: str  #: the audience as a rule in words
    templates: str  #: SHA-256 of the templates

    def seal(self) -> str:
        """Return the SHA-256 of all fields, in hexadecimal."""
        return sha256(orjson.dumps([self.editions, self.audience, self.templates])).hexdigest()


@dataclass(frozen=True, kw_only=True)
class ApprovalStatus:
    """The newest approval of an issue; in force while *void* is empty."""

    approval: Approval
    void: tuple[str, ...]


def terms_of(session: Session, issue: Issue, *, templates: str) -> ApprovalTerms:
    """Return the terms that an approval of *issue* given now is bound to."""
    edition = store.edition_of(session, issue)
    newsletter = store.newsletter_of(session, issue)
    return ApprovalTerms(
        editions=(edition.fingerprint,),
        audience=audience_rule(newsletter, edition.slice),
        templates=templates,
    )


def audience_rule(newsletter: Newsletter, part: str = "everyone") -> str:
    """Return the audience of an edition as a rule in words."""
    return f"{part} who confirmed {newsletter.slug}, less who is paused or suppressed"


def approve(
    session: Session,
    issue: Issue,
    *,
    templates: str,
    findings: Sequence[Finding],
    by: str,
    now: datetime,
    despite: Collection[str] | None = (),
) -> Approval:
    """Record that *by* approves the issue as it is; the caller commits.

    *despite* names the rules whose warnings are accepted; ``None`` accepts all. Raises `MailUnfit`
    for an error and `NotApproved` for a warning that isn't accepted.
    """
    refuse_errors(findings)
    warned = _warned_rules(findings)
    open_ = [rule for rule in warned if despite is not None and rule not in despite]
    if open_:
        raise NotApproved(
            f"there are warnings to look at first: {', '.join(open_)}",
            next_step=f"digest check {issue.number}; then digest approve {issue.number} "
            + " ".join(f"--despite {rule}" for rule in open_),
        )
    terms = terms_of(session, issue, templates=templates)
    if issue.id is None:
        raise DigestError("an issue that isn't stored can't be approved")
    approval = Approval(
        issue_id=issue.id,
        seal=terms.seal(),
        editions=list(terms.editions),
        audience=terms.audience,
        templates=terms.templates,
        accepted=warned,
        by=by,
        at=now,
    )
    session.add(approval)
    session.flush()
    return approval


def approval_status(session: Session, issue: Issue, *, templates: str) -> ApprovalStatus | None:
    """Return the newest approval of an issue with what voids it; ``None`` when there is none."""
    approval = latest(session, issue)
    if approval is None:
        return None
    terms = terms_of(session, issue, templates=templates)
    changed = (
        ("the mail", tuple(approval.editions) != terms.editions),
        ("the audience", approval.audience != terms.audience),
        ("the templates", approval.templates != terms.templates),
    )
    return ApprovalStatus(
        approval=approval, void=tuple(part for part, differs in changed if differs)
    )


def require_approved(
    session: Session, issue: Issue, *, templates: str, findings: Sequence[Finding]
) -> Approval | None:
    """Return the approval in force; ``None`` for a clean issue of an unattended newsletter.

    Raises `MailUnfit` for an error, and `NotApproved` when the issue isn't approved, its approval
    is void, or a warning isn't accepted.
    """
    refuse_errors(findings)
    status = approval_status(session, issue, templates=templates)
    if status is None or status.void:
        if store.newsletter_of(session, issue).unattended and not findings:
            return None
        raise NotApproved(_refusal(issue, status), next_step=f"digest approve {issue.number}")
    new = [rule for rule in _warned_rules(findings) if rule not in status.approval.accepted]
    if new:
        raise NotApproved(
            f"issue {issue.number} has a warning nobody has accepted: {', '.join(new)}",
            next_step=f"digest approve {issue.number} "
            + " ".join(f"--despite {rule}" for rule in new),
        )
    return status.approval


def withdraw(session: Session, issue: Issue) -> None:
    """Delete every approval of an issue; the caller commits."""
    for approval in session.exec(select(Approval).where(Approval.issue_id == issue.id)):
        session.delete(approval)
    session.flush()


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise `MailUnfit` when a finding is an error."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        messages = "; ".join(f"{finding.place}: {finding.message}" for finding in errors)
        raise MailUnfit(f"the mail can't go out: {messages}", next_step=errors[0].mend)


def latest(session: Session, issue: Issue) -> Approval | None:
    """Return the newest approval of an issue, in force or void."""
    return session.exec(
        select(Approval)
        .where(Approval.issue_id == issue.id)
        .order_by(col(Approval.id).desc())
        .limit(1)
    ).one_or_none()


def _warned_rules(findings: Sequence[Finding]) -> list[str]:
    return sorted({finding.rule for finding in findings if finding.severity is Severity.WARNING})


def _refusal(issue: Issue, status: ApprovalStatus | None) -> str:
    if status is None:
        return f"issue {issue.number} isn't approved"
    changed = " and ".join(status.void)
    verb = "have" if len(status.void) > 1 or status.void[0] == "the templates" else "has"
    return (
        f"issue {issue.number} was approved by {status.approval.by}, but {changed} {verb} changed"
    )
