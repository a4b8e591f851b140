"""Start a send, or let it go on: what has to hold before a request of an issue may leave.

Hides in which order restore guard, state, mail and approval are looked at, and when the audience is
frozen. The commands, the desk and the service start a send here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.sending import (
    EditionSend,
    Grouping,
    PlannedAudience,
    control,
    count_outbox_copies,
    discard_outbox_copies,
    mark_sent_if_done,
    plan_deliveries,
    recover,
    require_real_copies,
    rollout,
)
from digest.errors import MailUnfit, NotApproved, WrongState
from digest.issues import store
from digest.issues.issue_commands import build_again, build_anew
from digest.issues.models import Edition, Issue, IssueState
from digest.issues.variants import seats_of
from digest.process_id import alive
from digest.render.lint import Severity, forbids_sending


def start_send(app: App, newsletter: str, number: int, *, from_outbox: bool = False) -> EditionSend:
    """Plan the deliveries unless that is done, and return the edition's send.

    Of several processes that start at once one plans; the others wait for it and send too. Copies
    in the outbox folder count as sent only while mail goes there; *from_outbox* sends them for
    real. Raises `NotFound`, `WrongState`, `MailUnfit`, `NotApproved` or `DatabaseRestored`.
    """
    require_real_send(app, newsletter, number, from_outbox=from_outbox)
    app.sending.begin()
    _refuse_stopped(app, newsletter, number)
    with app.database.write() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number, lock=True)
        findings = app.issues.findings(edition)
        if forbids_sending(findings):
            fault = next(each for each in findings if each.severity is Severity.ERROR)
            raise MailUnfit(
                f"issue {number} can't go out: {fault.message}",
                next_step=_next_step(fault.mend, build_again(issue)),
            )
        sending = app.sending.edition_send(session, issue)
        if issue.state is IssueState.BUILT:
            app.issues.require_approved(session, issue)
            freeze(app, session, issue, edition)
    return sending


def freeze(app: App, session: Session, issue: Issue, edition: Edition) -> PlannedAudience:
    """Plan an issue's deliveries, with a first wave where the settings ask for one."""
    settings = app.settings
    wrong = store.wrong_issue(session, issue)
    if wrong is not None and app.outbox_folder is None:
        require_real_copies(session, wrong)
    newsletter = store.newsletter_of(session, issue).slug
    audience = plan_deliveries(
        session,
        issue=issue,
        edition=edition,
        newsletter=newsletter,
        batch_size=app.batch_size,
        first_wave=settings.first_wave,
        groups=Grouping(
            seats=seats_of(session, newsletter, edition), pace=app.sending.pace(session)
        ),
        now=app.clock(),
    )
    if settings.first_wave:
        wait = settings.first_wave_minutes * 60
        rollout.start_rollout(
            session, edition.id or 0, readers=settings.first_wave, wait_seconds=wait
        )
    app.job_queue.enqueue_batches(session, app.clock())
    return audience


class ResumedSend(NamedTuple):
    """What came of resuming an issue."""

    issue: int
    waits: bool  #: a first wave goes alone, and the rest waits for its events
    new_sender: str  #: nobody has got it, so it comes from this one now; else empty
    fault: NotApproved | None  #: why it stays paused: nobody has approved the new sender

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "issue": self.issue,
            "paused": self.fault is not None,
            "first_wave_first": self.waits,
            "new_sender": self.new_sender or None,
        }


def resume_send(
    app: App, session: Session, issue: Issue, *, past_first_wave: bool = False, by: str = ""
) -> ResumedSend:
    """Let a paused issue go on; raises `WrongState`, and `NotApproved` if nobody approved it.

    The caller commits.
    """
    waits = control.resume(session, issue, app.clock(), past_first_wave=past_first_wave)
    changed = app.issues.update_sender(session, issue, by)
    today = app.identity.of(store.newsletter_of(session, issue)).sender if changed else ""
    fault = app.issues.missing_approval(session, issue)
    if fault is not None and not today:
        raise fault
    if fault is not None:
        why = f"its sender is new, so approve it first: digest approve {issue.number}"
        control.pause(session, issue, why, app.clock())
    app.job_queue.enqueue_batches(session, app.clock())
    return ResumedSend(issue.number or 0, waits, today, fault)


def require_real_send(app: App, newsletter: str, number: int, *, from_outbox: bool) -> None:
    """Refuse to count outbox copies as sent; with *from_outbox* discard them, to send for real."""
    if app.outbox_folder is not None:
        return
    with app.database.write() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number)
        copies = count_outbox_copies(session, edition.id or 0)
        if copies and not from_outbox:
            raise WrongState(
                f"{copies:,} {'copy' if copies == 1 else 'copies'} of issue {number} went to the"
                " outbox folder, not to readers",
                next_step=f"digest send {number} --from-outbox sends them for real",
            )
        if copies:
            discard_outbox_copies(session, issue, edition.id or 0)
            app.job_queue.enqueue_batches(session, app.clock())


def _refuse_stopped(app: App, newsletter: str, number: int) -> None:
    """Raise `WrongState` for a paused or cancelled issue, after recovering its batches."""
    with app.database.write() as session:
        issue, edition = store.issue_and_edition(session, newsletter, number)
        if issue.state not in {IssueState.CANCELLED, IssueState.PAUSED}:
            return
        state, note, anew = issue.state, issue.note, build_anew(issue)
        now = app.clock()
        recover(session, edition_id=edition.id or 0, now=now, alive=alive)
        mark_sent_if_done(session, edition.id or 0, now)
    paused = state is IssueState.PAUSED
    raise WrongState(
        f"issue {number} is {state}: {note}",
        next_step=f"digest resume {number}" if paused else anew,
    )


def _next_step(mend: str, again: str) -> str:
    named = any(step in mend for step in ("digest build", "digest correct", "digest resume"))
    return mend if named else f"{mend} Then: {again}"
