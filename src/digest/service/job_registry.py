"""Wire the service's jobs to an installation.

Hides which jobs there are, how often each runs, and what of the installation each is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from digest.access import purge_answers
from digest.app.installation import App
from digest.app.send_start import freeze
from digest.delivery.sending import (
    StopSignal,
    restore_guard,
)
from digest.delivery.settled_counts import settle_counts
from digest.errors import MailUnfit, NotApproved
from digest.issues import draft_history, store
from digest.issues.approval import approvers
from digest.issues.issue_commands import build_again, named
from digest.issues.models import Issue
from digest.issues.review_link import review_token
from digest.letters import queue_verdict_letters
from digest.render.lint import Severity
from digest.service.backup import back_up
from digest.service.editor_notifications import EditorNotifications, notify_editors
from digest.service.jobs import MINUTE, Job
from digest.service.publisher import Publisher, ReleaseDecision, advance_slots
from digest.service.send_job import SendJob, look_after_jobs, recover_idle_issues
from digest.service.sender_warm_up import look_after_warm_up
from subscribers import list_statistics
from subscribers.models import LetterState
from subscribers.retention import purge

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LETTERS_AT_ONCE = 50  #: letters between two looks whether the service stops


def jobs_of(app: App, stop: StopSignal) -> list[Job]:
    """Return the service's jobs; *stop* ends a send under way."""
    publisher, letters = publisher_of(app), editor_notifications_of(app)
    return [
        Job(
            name="issues",
            every=MINUTE,
            run=partial(advance_slots, publisher),
            then=("editors", "send"),
        ),
        Job(name="editors", every=MINUTE, run=partial(notify_editors, letters)),
        Job(name="send", every=MINUTE, run=_send_job(app, stop)),
        Job(name="warm-up", every=MINUTE, run=partial(look_after_warm_up, app)),
        Job(name="recover", every=MINUTE, run=lambda _: recover_idle_issues(app)),
        Job(name="verdicts", every=MINUTE, run=partial(_verdicts, app), then=("letters",)),
        Job(name="letters", every=MINUTE, run=lambda _: _letters(app, stop)),
        Job(name="bounces", every=MINUTE, run=lambda _: _bounces(app), then=("events",)),
        Job(name="events", every=MINUTE, run=lambda _: _events(app), then=("votes",)),
        Job(name="votes", every=MINUTE, run=lambda _: _votes(app)),
        Job(name="sources", every=MINUTE, run=lambda _: app.sources.poll_due(stop.stopping)),
        Job(
            name="webhooks",
            every=MINUTE,
            run=lambda _: _webhooks(app, stop),
            then=("webhooks",),  # a run ends after a while, so that it doesn't keep a worker
        ),
        Job(name="counts", every=HOUR, run=partial(_settle_counts, app)),
        Job(name="purge", every=DAY, run=partial(_purge, app)),
        Job(name="prune", every=DAY, run=lambda _: _prune(app)),
        Job(name="backup", every=DAY, run=partial(_back_up, app)),
    ]


def _send_job(app: App, stop: StopSignal) -> Callable[[datetime], str]:
    """Return what sends; on PostgreSQL batches have jobs of their own, and are looked after."""
    return SendJob(app, stop).run if app.database.is_sqlite else partial(look_after_jobs, app)


def _letters(app: App, stop: StopSignal) -> str:
    """Send what waits until nothing does, the provider refuses, or the service stops."""
    app.public_site.process_sign_ups()  # left while the database was unavailable
    done: Counter[LetterState] = Counter()
    more = True
    while more and not stop.stopping.is_set():
        sent = app.letters.send_waiting(LETTERS_AT_ONCE)
        more = sent.total() >= LETTERS_AT_ONCE and LetterState.WAITING not in sent
        done += sent
    return ", ".join(f"{number} {state}" for state, number in sorted(done.items()))


def _verdicts(app: App, now: datetime) -> str:
    """Queue letters on verdicts that changed; none from a database that may be a copy."""
    if restore_guard.hold_reason(app.database, app.sending.restore_guard_file) is not None:
        return ""
    queued = queue_verdict_letters(app.database, now)
    return f"{queued} letters on verdicts that changed" if queued else ""


def _bounces(app: App) -> str:
    mailbox = app.settings.bounce_mailbox
    if mailbox is None:
        return ""
    reading = app.events.returned_mail(app.events.consumer()).read_mailbox(mailbox)
    sorts = ", ".join(f"{number} {sort}" for sort, number in sorted(reading.mails.items()))
    return f"read {reading.total} mails that came back: {sorts}" if sorts else ""


def _events(app: App) -> str:
    applied, lifted = app.events.consumer().apply_all(), app.events.lift_suppressions()
    parts = [f"applied {applied} that waited"] if applied else []
    if lifted:
        parts.append(f"{lifted} suppressions removed at the provider")
    return ", ".join(parts)


def _votes(app: App) -> str:
    judged = app.votes.judge()
    return f"judged {judged} votes that waited for news of their mail" if judged else ""


def _webhooks(app: App, stop: StopSignal) -> str:
    """Post what waits for other programs; nothing from a database that may be a copy."""
    if restore_guard.hold_reason(app.database, app.sending.restore_guard_file) is not None:
        return ""
    posted = app.webhooks.post_waiting(stop.stopping)
    return ", ".join(f"{number} {what}" for what, number in sorted(posted.items()))


def _prune(app: App) -> str:
    pruned, messages = str(app.events.prune()), app.webhooks.prune()
    parts = [pruned] if pruned else []
    return ", ".join([*parts, f"{messages} old webhook messages"] if messages else parts)


def _settle_counts(app: App, now: datetime) -> str:
    """Keep the counts of what is over, so that nobody counts it again."""
    settled = settle_counts(app.database, now)
    with app.database.write() as session:
        list_statistics.count_entries(session, now)
    return f"settled the counts of {settled} editions" if settled else ""


def _purge(app: App, now: datetime) -> str:
    purged = purge(app.database, app.hashes, now, app.public_site.retention)
    voters = app.votes.purge()
    app.sources.forget_decided()
    purge_answers(app.database, now)
    app.database.scrub()
    return (
        f"forgot {purged.pending} unconfirmed sign-ups, {purged.networks} network addresses,"
        f" {purged.letters} old letters, {purged.gone} addresses and {purged.evidence} consents of"
        f" people long gone, and who {voters} voters were"
    )


def _back_up(app: App, now: datetime) -> str:
    path = app.database.path
    if path is None:
        return "left to the database server's tools"
    if not app.settings.backups_kept:
        return "switched off by DIGEST_BACKUPS_KEPT"
    copy = back_up(path, app.settings.backups, keep=app.settings.backups_kept, now=now)
    return f"{copy.name}, {copy.stat().st_size / 1e6:.1f} MB, checked"


def publisher_of(app: App) -> Publisher:
    """Return an installation's publisher."""
    return Publisher(
        store=app.database,
        issue_builder=app.issues.builder,
        allowed=partial(release_decision, app),
        freeze=partial(freeze, app),
    )


def release_decision(app: App, session: Session, issue: Issue) -> ReleaseDecision:
    """Return whether an issue may be released: by a valid approval, or unattended."""
    held = restore_guard.hold_reason(app.database, app.sending.restore_guard_file)
    if held is not None:
        return ReleaseDecision(False, f"nothing is sent: {held}")
    try:
        approval = app.issues.require_approved(session, issue)
    except MailUnfit as fault:
        return ReleaseDecision(False, str(fault), step=f"{fault.next_step} Then: {_again(issue)}")
    except NotApproved as fault:
        return _unapproved(app, session, issue, fault)
    if approval is None:
        return ReleaseDecision(True, "unattended")
    by = approvers(session, issue)
    return ReleaseDecision(True, f"approved by {by}", by=by)


def _unapproved(app: App, session: Session, issue: Issue, fault: NotApproved) -> ReleaseDecision:
    findings = app.issues.findings(store.edition_of(session, issue))
    rules = sorted({finding.rule for finding in findings if finding.severity is Severity.WARNING})
    why, step = str(fault), fault.next_step or ""
    if not draft_history.went_on(session, issue):
        step = f"digest approve {named(issue)}" + "".join(f" --despite {rule}" for rule in rules)
    if rules and store.newsletter_of(session, issue).unattended:
        why = f"a check found something ({', '.join(rules)}), and {why}"
    return ReleaseDecision(
        False, why, step=step, warnings=tuple(str(finding) for finding in findings)
    )


def _again(issue: Issue) -> str:
    return f"{build_again(issue)}; digest approve {named(issue)}"


def editor_notifications_of(app: App) -> EditorNotifications:
    """Return what notices to an installation's editors depend on."""
    return EditorNotifications(
        store=app.database,
        addresses=app.settings.editor_list(),
        base_url=app.settings.base_url,
        hand_over=lambda mailing: (way := app.sending.transport).hand_over(way.prepare(mailing)),
        issue=lambda session, issue: app.sending.edition_send(session, issue).content,
        letter=app.letters.to_editors,
        sign=lambda link: review_token(app.tokens, link),
        allowed=partial(release_decision, app),
    )
