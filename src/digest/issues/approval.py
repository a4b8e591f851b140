"""Approval of an issue: to what it is bound, when it is void, and how many people have to give it.

An approval is bound to the fingerprints of the editions, the audience rule and the hash of the
templates; a change in any of the three makes it void, and so does a draft that has gone on without
the mail. The record keeps every decision: an approval counts until the issue is sent back or the
approvals are withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from unicodedata import normalize

import orjson
from sqlmodel import Session, col, select

from digest.errors import DigestError, MailUnfit, NotApproved, WrongState
from digest.issues import draft_history, review_code, store
from digest.issues.announcing import announce_issue
from digest.issues.issue_commands import build_again, named
from digest.issues.models import (
    Approval,
    ApprovalAct,
    ApprovalChannel,
    Issue,
    IssueState,
    Newsletter,
)
from digest.render.escaping import one_line, strip_unprintable
from digest.render.lint import Finding, Severity
from subscribers.announcements.models import AnnouncementKind

MOST_NOTE = 1000  #: characters of a note
_MOST_NAME = 200  #: characters that the database stores


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
    given: int = 1  #: how many people have approved the issue as it is now
    needed: int = 1

    @property
    def missing(self) -> int:
        """How many more people have to approve."""
        return max(0, self.needed - self.given)


@dataclass(frozen=True, kw_only=True)
class EditorialStanding:
    """How the editors stand to an issue: who decided what, when, and what has changed since."""

    by: tuple[str, ...] = ()  #: who approved it; or who sent it back
    at: datetime | None = None  #: of the newest decision
    void: tuple[str, ...] = ()  #: what changed since, while the issue may still change
    missing: int = 0  #: how many more people have to approve
    note: str = ""  #: why it was sent back; empty unless it waits for a new approval

    @property
    def approved(self) -> bool:
        """Whether as many approvals as the newsletter asks for are in force."""
        return bool(self.by) and not self.void and not self.missing and not self.note

    def __str__(self) -> str:
        """Return the standing in words: "approved by Ann on 2026-11-24 09:00 UTC"."""
        if not self.by or self.at is None:
            return "not approved"
        who, when = " and ".join(self.by), f"{self.at:%Y-%m-%d %H:%M} UTC"
        if self.note:
            return f"sent back by {who} on {when}: {self.note}"
        if self.void:
            return f"approved by {who} on {when}, but {_changed(self.void)} since"
        more = ", and one more approval is needed" if self.missing else ""
        return f"approved by {who} on {when}{more}"


def editorial_standing(session: Session, issue: Issue, *, templates: str) -> EditorialStanding:
    """Return how the editors stand to an issue; of one that has left, what let it go."""
    decisions = history(session, issue)
    back = _sent_back(decisions)
    if back is not None:
        return EditorialStanding(by=(back.by,), at=back.at, note=back.note)
    approvals = _standing(decisions)
    if not approvals:
        return EditorialStanding()
    newest = approvals[-1]
    by = tuple(people(entry for entry in approvals if entry.seal == newest.seal))
    if issue.state is not IssueState.BUILT:
        return EditorialStanding(by=by, at=newest.at)
    status = approval_status(session, issue, templates=templates)
    void, missing = (status.void, status.missing) if status else ((), 0)
    return EditorialStanding(by=by, at=newest.at, void=void, missing=missing)


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
    channel: ApprovalChannel = ApprovalChannel.COMMAND,
) -> Approval:
    """Record that *by* approves the issue as it is; the caller commits.

    *despite* names the rules whose warnings are accepted; ``None`` accepts all. Raises `MailUnfit`
    for an error and `NotApproved` for a warning that isn't accepted or a draft that has gone on.
    """
    refuse_errors(findings)
    refuse_old_draft(session, issue)
    warned = _warned_rules(findings)
    open_ = [rule for rule in warned if despite is not None and rule not in despite]
    if open_:
        raise NotApproved(
            f"there are warnings to accept first: {', '.join(open_)}",
            next_step=f"digest check {named(issue)}; then digest approve {named(issue)} "
            + " ".join(f"--despite {rule}" for rule in open_),
        )
    terms = terms_of(session, issue, templates=templates)
    approval = Approval(
        issue_id=_stored(issue),
        seal=terms.seal(),
        editions=list(terms.editions),
        audience=terms.audience,
        templates=terms.templates,
        accepted=warned,
        by=name_of(by),
        channel=channel,
        at=now,
    )
    session.add(approval)
    session.flush()
    status = approval_status(session, issue, templates=templates)
    if status is not None and not status.missing and not status.void:
        announce_issue(session, AnnouncementKind.ISSUE_APPROVED, issue, now)
    return approval


def send_back(
    session: Session, issue: Issue, *, by: str, note: str, channel: ApprovalChannel, now: datetime
) -> Approval:
    """Record that *by* sends an issue back; it isn't sent until it is approved anew.

    *note* says what has to change. No code that was mailed before decides any more. The caller
    commits. Raises `WrongState` for an issue that is being sent or done with, and `DigestError`
    for a note that is empty or longer than `MOST_NOTE` characters.
    """
    if issue.state is not IssueState.BUILT:
        raise WrongState(f"issue {issue.number} is {issue.state}: it can't be sent back any more")
    words = read_note(note)
    entry = Approval(
        issue_id=_stored(issue),
        act=ApprovalAct.SENT_BACK,
        editions=[store.edition_of(session, issue).fingerprint],
        note=words,
        by=name_of(by),
        channel=channel,
        at=now,
    )
    review_code.forget(session, entry.issue_id)
    session.add(entry)
    session.flush()
    return entry


def read_note(note: str) -> str:
    """Return a note as one paragraph; raises `DigestError` for one that is empty or too long."""
    words = " ".join(strip_unprintable(note).split())
    if not words or len(words) > MOST_NOTE:
        raise DigestError(f"add a note of up to {MOST_NOTE} characters what has to change")
    return words


def withdraw(session: Session, issue: Issue, *, by: str, why: str, now: datetime) -> None:
    """Record that the approvals of an issue hold no longer; the caller commits."""
    if standing(session, issue):
        act = ApprovalAct.WITHDRAWN
        session.add(Approval(issue_id=_stored(issue), act=act, note=why, by=name_of(by), at=now))
        session.flush()


def history(session: Session, issue: Issue) -> Sequence[Approval]:
    """Return every decision on an issue, the oldest first."""
    chosen = select(Approval).where(Approval.issue_id == issue.id)
    return session.exec(chosen.order_by(col(Approval.id))).all()


def standing(session: Session, issue: Issue) -> list[Approval]:
    """Return the approvals since the issue was last sent back or withdrawn, the oldest first.

    They may be void: see `approval_status`.
    """
    return _standing(history(session, issue))


def latest(session: Session, issue: Issue) -> Approval | None:
    """Return the newest of the `standing` approvals; ``None`` when there is none."""
    return next(reversed(standing(session, issue)), None)


def sent_back(session: Session, issue: Issue) -> Approval | None:
    """Return who sent the issue back, and why; ``None`` unless it waits for a new approval."""
    return _sent_back(history(session, issue))


def approval_status(session: Session, issue: Issue, *, templates: str) -> ApprovalStatus | None:
    """Return the newest approval of an issue with what voids it; ``None`` when there is none.

    An issue that was sent back has none: see `sent_back`.
    """
    approvals = standing(session, issue)
    if not approvals:
        return None
    terms = terms_of(session, issue, templates=templates)
    draft = ("the draft",) if draft_history.went_on(session, issue) else ()
    return ApprovalStatus(
        approval=approvals[-1],
        void=changed_since(approvals[-1], terms) + draft,
        given=len(people(entry for entry in approvals if entry.seal == terms.seal())),
        needed=store.newsletter_of(session, issue).approvals_needed,
    )


def changed_since(approval: Approval, terms: ApprovalTerms) -> tuple[str, ...]:
    """Return what differs from the terms an approval was given on, which makes it void."""
    changed = (
        ("the mail", tuple(approval.editions) != terms.editions),
        ("the audience", approval.audience != terms.audience),
        ("the templates", approval.templates != terms.templates),
    )
    return tuple(part for part, differs in changed if differs)


def people(approvals: Iterable[Approval]) -> list[str]:
    """Return who gave these approvals, each person once."""
    names: dict[str, str] = {}
    for entry in approvals:
        names.setdefault(person(entry.by), entry.by)
    return list(names.values())


def person(by: str) -> str:
    """Return a name by which a person is told from another: no capitals, spaces, or odd letters."""
    return normalize("NFKC", name_of(by)).casefold()


def name_of(by: str) -> str:
    """Return a person's name or address as the record holds it."""
    return one_line(by)[:_MOST_NAME]


def approvers(session: Session, issue: Issue) -> str:
    """Return who approved the issue as its newest approval saw it, as "Ann and Kim"."""
    approvals = standing(session, issue)
    return " and ".join(people(entry for entry in approvals if entry.seal == approvals[-1].seal))


def still_needed(status: ApprovalStatus) -> str:
    """Return what is still missing of an approval, in a sentence; empty where nothing is."""
    if not status.missing:
        return ""
    return "One more approval is needed, from somebody else."


def require_approved(
    session: Session, issue: Issue, *, templates: str, findings: Sequence[Finding]
) -> Approval | None:
    """Return the newest approval in force; ``None`` for a clean issue of an unattended newsletter.

    Raises `MailUnfit` for an error, and `NotApproved` when the issue isn't approved or was sent
    back, its draft has gone on, its approval is void, a warning isn't accepted, or too few people
    approved.
    """
    refuse_errors(findings)
    _refuse_sent_back(session, issue)
    refuse_old_draft(session, issue)
    status = approval_status(session, issue, templates=templates)
    if status is None or status.void:
        if _may_go_unattended(session, issue, findings):
            return None
        raise NotApproved(_refusal(issue, status), next_step=f"digest approve {named(issue)}")
    new = _unaccepted(status.approval, findings)
    if new:
        raise NotApproved(
            f"issue {issue.number} has a warning that nobody has accepted: {', '.join(new)}",
            next_step=f"digest approve {named(issue)} "
            + " ".join(f"--despite {rule}" for rule in new),
        )
    in_force = [
        entry
        for entry in standing(session, issue)
        if entry.seal == status.approval.seal and not _unaccepted(entry, findings)
    ]
    if len(people(in_force)) >= status.needed:
        return status.approval
    if _may_go_unattended(session, issue, findings):
        return None
    raise _too_few(issue, people(in_force), status.needed)


def has_enough(session: Session, issue: Issue) -> bool:
    """Return whether as many people approved the issue as its newsletter asks for.

    This asks nothing about changes since.
    """
    needed = store.newsletter_of(session, issue).approvals_needed
    return len(people(standing(session, issue))) >= needed


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raise `MailUnfit` when a finding is an error."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        messages = "; ".join(f"{finding.place}: {finding.message}" for finding in errors)
        raise MailUnfit(f"the mail can't go out: {messages}", next_step=errors[0].mend)


def refuse_old_draft(session: Session, issue: Issue) -> None:
    """Raise `NotApproved` when the editors' draft was changed after the mail was built from it."""
    if draft_history.went_on(session, issue):
        raise NotApproved(
            f"the draft of issue {issue.number} was changed after this mail was built",
            next_step=f"{build_again(issue)}; then digest approve {named(issue)}",
        )


def _standing(decisions: Sequence[Approval]) -> list[Approval]:
    approvals: list[Approval] = []
    for entry in decisions:
        approvals = [*approvals, entry] if entry.act is ApprovalAct.APPROVED else []
    return approvals


def _sent_back(decisions: Sequence[Approval]) -> Approval | None:
    newest = next(reversed(decisions), None)
    return newest if newest is not None and newest.act is ApprovalAct.SENT_BACK else None


def _warned_rules(findings: Sequence[Finding]) -> list[str]:
    return sorted({finding.rule for finding in findings if finding.severity is Severity.WARNING})


def _unaccepted(approval: Approval, findings: Sequence[Finding]) -> list[str]:
    return [rule for rule in _warned_rules(findings) if rule not in approval.accepted]


def _refuse_sent_back(session: Session, issue: Issue) -> None:
    back = sent_back(session, issue)
    if back is not None:
        raise NotApproved(
            f"issue {issue.number} was sent back by {back.by}: {back.note}",
            next_step=f"{build_again(issue)}; then digest approve {named(issue)}",
        )


def _may_go_unattended(session: Session, issue: Issue, findings: Sequence[Finding]) -> bool:
    """Return whether an issue may go without an approval: never after a person sent it back."""
    if findings or not store.newsletter_of(session, issue).unattended:
        return False
    return all(entry.act is not ApprovalAct.SENT_BACK for entry in history(session, issue))


def _too_few(issue: Issue, names: Sequence[str], needed: int) -> NotApproved:
    return NotApproved(
        f"issue {issue.number} has {len(names)} of {needed} approvals (by {' and '.join(names)}):"
        " one more is needed, from somebody else",
        next_step=f"digest approve {named(issue)} --by NAME",
    )


def _stored(issue: Issue) -> int:
    if issue.id is None:
        raise DigestError("an issue that isn't stored can't be decided on")
    return issue.id


def _refusal(issue: Issue, status: ApprovalStatus | None) -> str:
    if status is None:
        return f"issue {issue.number} isn't approved"
    return f"issue {issue.number} was approved by {status.approval.by}, but {_changed(status.void)}"


def _changed(void: Sequence[str]) -> str:
    verb = "have" if len(void) > 1 or void[0] == "the templates" else "has"
    return f"{' and '.join(void)} {verb} changed"
