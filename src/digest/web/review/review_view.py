"""What the template of a review may read, and how it is gathered: in words, and by reading only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.sending import count_audience
from digest.errors import MailUnfit, NotApproved
from digest.issues import approval, provenance, review_code, store
from digest.issues.approval import ApprovalTerms
from digest.issues.calendar.next_issue import leaves_at
from digest.issues.models import (
    Approval,
    ApprovalAct,
    ApprovalChannel,
    Edition,
    Issue,
    IssueState,
    Newsletter,
)
from digest.issues.review_link import ReviewLink
from digest.render.lint import Finding, Severity
from subscribers.models import LetterState


@dataclass(frozen=True, kw_only=True)
class ReviewAnswers:
    """What an editor filled in, to be shown again where it is refused."""

    fault: str = ""  #: why it is refused
    note: str = ""
    ticked: Collection[str] = ()  #: rules whose warnings are accepted


@dataclass(frozen=True, kw_only=True)
class FindingView:
    """One finding of the checks."""

    rule: str
    message: str
    mend: str


@dataclass(frozen=True, kw_only=True)
class CodeView:
    """The code that an editor may decide with."""

    mailed: str  #: when it was asked for
    until: str
    lost: bool  #: its letter can't be sent


@dataclass(frozen=True, kw_only=True)
class ReviewView:
    """An issue as one of its editors sees it."""

    path: str
    newsletter: str
    number: int
    subject: str
    preheader: str
    sender: str
    text: str
    variants: Sequence[str]  #: what leads for readers who agree with a reviewer, a line for each
    fingerprint: str
    standing: str  #: whether it may go, in a sentence
    leaves: str
    audience: str  #: how many would get it, and who they are
    errors: Sequence[FindingView]
    warnings: Sequence[FindingView]
    history: Sequence[str]  #: each decision in a sentence, the oldest first
    changed: bool  #: since the letter with the link was mailed
    decidable: bool
    approved: bool  #: by this editor, as it is now
    code: CodeView | None

    @property
    def version(self) -> str:
        """The first digits of the fingerprint, by which letters and commands name a version."""
        return self.fingerprint[:12]

    @property
    def ticks(self) -> Sequence[tuple[str, str]]:
        """Each rule that warns, with what it says."""
        said: dict[str, list[str]] = {}
        for warning in self.warnings:
            said.setdefault(warning.rule, []).append(warning.message)
        return [(rule, " ".join(messages)) for rule, messages in said.items()]


def review_of(
    session: Session, app: App, issue: Issue, link: ReviewLink, editor: str, path: str
) -> ReviewView:
    """Return what *editor* sees of an issue now; *path* is the page's own."""
    now, edition = app.clock(), store.edition_of(session, issue)
    newsletter = store.newsletter_of(session, issue)
    findings = app.issues.findings(edition)
    templates = provenance.template_hash(app.issues.template_sources())
    terms = approval.terms_of(session, issue, templates=templates)
    standing, may_go = _standing(session, app, issue)
    return ReviewView(
        path=path,
        newsletter=newsletter.name,
        number=issue.number or 0,
        subject=edition.subject,
        preheader=edition.preheader,
        sender=_sender(app, edition),
        text=edition.text,
        variants=[str(note) for note in provenance.variants_of(edition)],
        fingerprint=edition.fingerprint,
        standing=standing,
        leaves=_leaves(session, newsletter, issue, now, may_go=may_go),
        audience=_audience(session, newsletter, issue, edition, now),
        errors=_of_severity(findings, Severity.ERROR),
        warnings=_of_severity(findings, Severity.WARNING),
        history=[_decision(entry, newsletter, terms) for entry in approval.history(session, issue)],
        changed=not edition.fingerprint.startswith(link.seen),
        decidable=issue.state is IssueState.BUILT,
        approved=has_approved(session, issue, editor, terms),
        code=_code(session, issue, link, edition.fingerprint, newsletter, now),
    )


def has_approved(session: Session, issue: Issue, editor: str, terms: ApprovalTerms) -> bool:
    """Return whether *editor* has approved the issue on these terms."""
    given = approval.standing(session, issue)
    in_force = [entry for entry in given if entry.seal == terms.seal()]
    return approval.person(editor) in {approval.person(entry.by) for entry in in_force}


_OVER = {
    IssueState.PREPARED: "on its way",
    IssueState.PAUSED: "on its way, and paused",
    IssueState.SENT: "sent",
    IssueState.CANCELLED: "cancelled",
    IssueState.SKIPPED: "skipped",
}


def _standing(session: Session, app: App, issue: Issue) -> tuple[str, bool]:
    """Return in a sentence whether an issue may go, and whether it may."""
    if issue.state is not IssueState.BUILT:
        return f"This issue is {_OVER[issue.state]}: there’s nothing left to decide.", False
    try:
        approved = app.issues.require_approved(session, issue)
    except MailUnfit:
        return "This issue can’t go out as it is: a check found an error.", False
    except NotApproved as fault:
        words = str(fault)
        end = "" if words.endswith((".", "!", "?")) else "."
        return f"{words[:1].upper()}{words[1:]}{end}", False
    if approved is None:
        return "This issue needs no approval: the checks found nothing.", True
    return f"This issue is approved by {approval.approvers(session, issue)}.", True


def _sender(app: App, edition: Edition) -> str:
    return provenance.settings_of(edition).get("sender", "") or app.settings.sender


def _leaves(
    session: Session, newsletter: Newsletter, issue: Issue, now: datetime, *, may_go: bool
) -> str:
    if issue.state is not IssueState.BUILT:
        return "—"
    correction = issue.corrects_issue_id is not None  # outside of the calendar
    leaves = None if correction else leaves_at(session, newsletter, issue.period, now)
    if leaves is None:
        return "Not automatically: someone has to send it."
    once = "" if may_go else ", once it is approved"
    if leaves <= now:
        return f"Within a minute{once}"
    return f"{_moment(leaves, newsletter)}{once}"


def _moment(at: datetime, newsletter: Newsletter) -> str:
    local = newsletter.cadence().local(at)
    return f"{local:%A, %-d %B %Y, %H:%M} ({newsletter.timezone})"


def _audience(
    session: Session, newsletter: Newsletter, issue: Issue, edition: Edition, now: datetime
) -> str:
    size = count_audience(session, issue, newsletter.slug, now)
    number = "1 reader" if size.readers == 1 else f"{size.readers:,} readers"
    correction = issue.corrects_issue_id is not None
    who = f"the {edition.slice}" if correction else "everyone who has confirmed"
    left_out = (
        f", except {size.excluded:,} who paused, chose other topics or can’t be emailed"
        if size.excluded
        else ""
    )
    return f"{number} of {newsletter.name}: {who}{left_out}"


def _of_severity(findings: Sequence[Finding], severity: Severity) -> list[FindingView]:
    return [
        FindingView(rule=finding.rule, message=_sentence(finding), mend=finding.mend)
        for finding in findings
        if finding.severity is severity
    ]


def _sentence(finding: Finding) -> str:
    words = finding.message
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")


_BY_WAY = {
    ApprovalChannel.COMMAND: ", on the command line",
    ApprovalChannel.DESK: ", at the desk",
    ApprovalChannel.LINK: ", on this page",
    ApprovalChannel.API: ", through the API",
    None: "",
}


def _decision(entry: Approval, newsletter: Newsletter, terms: ApprovalTerms) -> str:
    at = f"{_moment(entry.at, newsletter)}{_BY_WAY[entry.channel]}"
    if entry.act is ApprovalAct.SENT_BACK:
        return f"Sent back by {entry.by} on {at}: {entry.note}"
    if entry.act is ApprovalAct.WITHDRAWN:
        return f"Approvals withdrawn on {at}: {entry.note}."
    changed = " and ".join(approval.changed_since(entry, terms))
    void = f" Void: {changed} changed since." if changed else ""
    return f"Approved by {entry.by} on {at}.{void}"


def _code(
    session: Session,
    issue: Issue,
    link: ReviewLink,
    fingerprint: str,
    newsletter: Newsletter,
    now: datetime,
) -> CodeView | None:
    code = review_code.usable(session, issue.id or 0, link.editor, now)
    if code is None or code.fingerprint != fingerprint:
        return None
    local = newsletter.cadence().local
    state = review_code.letter_state(session, code)
    return CodeView(
        mailed=f"{local(code.asked_at):%H:%M}",
        until=f"{local(code.asked_at + review_code.LASTS):%H:%M} ({newsletter.timezone})",
        lost=state in (LetterState.FAILED, LetterState.IN_DOUBT, LetterState.WITHHELD),
    )
