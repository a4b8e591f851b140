"""Decide on an issue by the page: in which order what is wrong is told, and what counts as a try.

Everything else is looked at before the code, so that a code isn't spent on a form that is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from digest.app.installation import App
from digest.errors import DigestError, WrongState
from digest.issues import approval, provenance, review_code, store
from digest.issues.models import ApprovalChannel, Issue, IssueState
from digest.issues.review_code import ReviewSubject
from digest.issues.review_link import ReviewLink
from digest.render.lint import Finding, Severity
from digest.web.review.review_view import has_approved

CHANGED = "The issue has changed since you opened this page. This is the current version."
UNDECIDED = "Press one of the two buttons: approve this version, or send it back."
NOTED = "Your note says what needs to change: send the issue back, or clear the note to approve it."
OVER = "There’s nothing left to decide on this issue."


class ReviewAct(StrEnum):
    """What the form's two buttons do."""

    APPROVE = "approve"
    SEND_BACK = "send-back"


@dataclass(frozen=True, kw_only=True)
class ReviewOrder:
    """What an editor orders by the form."""

    act: ReviewAct | None  #: ``None`` where the form names neither button
    seen: str  #: the fingerprint of the mail that the page showed
    code: str
    note: str = ""
    accepted: Collection[str] = ()  #: rules whose warnings are accepted


def ask_for_code(app: App, link: ReviewLink, seen: str) -> str:
    """Queue a letter with a code to the link's editor; return why not, empty where it is queued."""
    with app.database.write() as session:
        issue = store.by_id(session, link.issue_id, lock=True)
        fault = _stale(session, issue, seen)
        if fault or issue is None:
            return fault
        newsletter = store.newsletter_of(session, issue).slug
        subject = _subject(link, seen)
        try:
            review_code.ask(session, subject, newsletter, app.clock())
        except WrongState as refusal:
            return str(refusal)
    return ""


def decide(app: App, link: ReviewLink, editor: str, order: ReviewOrder) -> str:
    """Record an editor's decision; return why it is refused, empty where it is recorded.

    A wrong code is counted, and nothing else is changed.
    """
    try:
        with app.database.write() as session:
            issue = store.by_id(session, link.issue_id, lock=True)
            fault = _stale(session, issue, order.seen)
            if fault or issue is None:
                return fault
            if order.act is ReviewAct.APPROVE:
                return _approve(session, app, issue, link, editor, order)
            if order.act is ReviewAct.SEND_BACK:
                return _send_back(session, app, issue, link, editor, order)
            return UNDECIDED
    except DigestError as refusal:
        return _sentence(str(refusal))


def _stale(session: Session, issue: Issue | None, seen: str) -> str:
    if issue is None or issue.state is not IssueState.BUILT:
        return OVER
    return "" if store.edition_of(session, issue).fingerprint == seen else CHANGED


def _approve(
    session: Session, app: App, issue: Issue, link: ReviewLink, editor: str, order: ReviewOrder
) -> str:
    if order.note.strip():  # Enter in the field of the code presses the first button
        return NOTED
    edition = store.edition_of(session, issue)
    findings = app.issues.findings(edition)
    approval.refuse_errors(findings)
    approval.refuse_old_draft(session, issue)
    if _unticked(findings, order.accepted):
        return "Tick each warning that you accept, or send the issue back."
    templates = provenance.template_hash(app.issues.template_sources())
    terms = approval.terms_of(session, issue, templates=templates)
    if has_approved(session, issue, editor, terms):  # the button was pressed twice
        return ""
    if fault := _spend(session, app, link, order):
        return fault
    app.issues.approve(
        session,
        issue,
        by=editor,
        channel=ApprovalChannel.LINK,
        findings=findings,
        despite=order.accepted,
        seen=edition.fingerprint,
    )
    return ""


def _send_back(
    session: Session, app: App, issue: Issue, link: ReviewLink, editor: str, order: ReviewOrder
) -> str:
    approval.read_note(order.note)
    if fault := _spend(session, app, link, order):
        return fault
    approval.send_back(
        session,
        issue,
        by=editor,
        note=order.note,
        channel=ApprovalChannel.LINK,
        now=app.clock(),
    )
    return ""


def _spend(session: Session, app: App, link: ReviewLink, order: ReviewOrder) -> str:
    subject = _subject(link, order.seen)
    return review_code.spend(session, subject, order.code, app.tokens, app.clock())


def _subject(link: ReviewLink, seen: str) -> ReviewSubject:
    return ReviewSubject(issue_id=link.issue_id, editor=link.editor, fingerprint=seen)


def _unticked(findings: Collection[Finding], accepted: Collection[str]) -> bool:
    warned = {finding.rule for finding in findings if finding.severity is Severity.WARNING}
    return not warned <= set(accepted)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}" + ("" if words.endswith(".") else ".")
