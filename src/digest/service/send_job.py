"""Send every issue that is prepared, and recover batches of senders that died.

Hides when the service sends, pauses an interrupted issue for a person, or leaves it alone.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from digest.app.installation import App
from digest.delivery.counts import DeliveryCounts
from digest.delivery.job_queue import SEND_JOB
from digest.delivery.models import Attempt, Batch, BatchState
from digest.delivery.pace import waits
from digest.delivery.sending import (
    EditionSend,
    StopSignal,
    dispatch,
    judge_rollout,
    mark_sent_if_done,
    pause,
    recover,
)
from digest.issues import store
from digest.issues.calendar import slots
from digest.issues.calendar.slot_workflow import SlotTimes
from digest.issues.models import Edition, Issue, IssueState
from digest.letters import send_seed_copy
from digest.mail.mailing import Mailing
from digest.mail.transport import Answer, PreparedRequest, Transport
from digest.process_id import alive

log = logging.getLogger(__name__)

#: Seconds until the scheduler asks again: a run that only waits ends, so that other issues go.
ASKED_AGAIN = 60.0
#: Longest wait of a batch for its next attempt: `digest.delivery.sending.settlement.RetryPolicy`.
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True)
class LoggingTransport:
    """A transport that logs each request it hands over, with the id of the send."""

    transport: Transport
    send: str
    requests: list[str] = field(default_factory=list)  #: the outcome of each
    _ids: dict[str, dict[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Return the wrapped transport's request for the mailing."""
        request = self.transport.prepare(mailing)
        with self._lock:
            self._ids[request.hash] = {"batch": mailing.batch, "attempt": mailing.attempt}
        return request

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Hand the request over, log the outcome, and return the answer."""
        with self._lock:
            ids = self._ids.pop(request.hash, {})
        began = time.monotonic()
        answer = self.transport.hand_over(request)
        facts = {
            "send": self.send,
            **ids,
            "outcome": answer.outcome,
            "status": answer.status,
            "readers": request.recipients,
            "seconds": round(time.monotonic() - began, 3),
        }
        self.requests.append(answer.outcome)
        log.info(
            "handed over %d readers: %s", request.recipients, answer.outcome, extra={"facts": facts}
        )
        return answer


@dataclass
class SendJob:
    """Send the pending batches of every prepared issue; any number of processes may run this.

    An issue that this process first meets later than its newsletter allows was interrupted, and is
    paused for a person to decide on; an issue that this process began has no such limit.
    """

    app: App
    stop_signal: StopSignal
    _seen: set[int] = field(default_factory=set)

    def run(self, now: datetime) -> str:
        """Send until nothing more can be sent now; return each issue's counts in one line.

        Raise `DatabaseRestored` where the restore guard holds the database.
        """
        counts = []
        for issue_id in _on_their_way(self.app):
            if self.stop_signal.stopping.is_set():
                break
            counts.append(self._send(issue_id, now))
        return "; ".join(filter(None, counts))

    def _send(self, issue_id: int, now: datetime) -> str:
        return self._too_late(issue_id, now) or _send(self.app, issue_id, self.stop_signal)

    def _too_late(self, issue_id: int, now: datetime) -> str:
        """Pause an issue that was interrupted too long ago; return why, empty if it was not."""
        if issue_id in self._seen:
            return ""
        self._seen.add(issue_id)
        return pause_if_interrupted(self.app, issue_id, now)


def _on_their_way(app: App) -> list[int]:
    """Return the issues that are prepared, after a look at the restore guard if there are any."""
    waiting = _prepared(app)
    if waiting:
        app.sending.begin()
    return waiting


def _prepared(app: App) -> list[int]:
    with app.database.read() as session:
        prepared = select(Issue.id).where(Issue.state == IssueState.PREPARED)
        found = session.exec(prepared.order_by(col(Issue.prepared_at))).all()
    return [issue_id for issue_id in found if issue_id is not None]


def look_after_jobs(app: App, now: datetime) -> str:
    """Do for the issues on their way what no job of a batch does; return what in one line.

    Dead senders' batches move on, first waves are judged, issues that are done are marked as sent,
    and batches whose jobs were lost get new ones. Raise `DatabaseRestored` where the restore guard
    holds the database.
    """
    done = [_look_after(app, issue_id, now) for issue_id in _on_their_way(app)]
    with app.database.write() as session:
        jobs = app.job_queue.enqueue_batches(session, now)
    return "; ".join(filter(None, [*done, f"{jobs} batches enqueued" if jobs else ""]))


def _look_after(app: App, issue_id: int, now: datetime) -> str:
    # In two transactions: a person who cancels the issue locks it first, and then its batches.
    with app.database.write() as session:
        edition_id = store.edition_of(session, session.get_one(Issue, issue_id)).id or 0
        recover(session, edition_id=edition_id, now=now, alive=alive)
    with app.database.write() as session:
        issue = session.get_one(Issue, issue_id, with_for_update=True)
        judged_at = judge_rollout(session, edition_id, now, app.sending.rollout_limits)
        counts = mark_sent_if_done(session, edition_id, now)
        if judged_at is not None:
            app.job_queue.wake(session, SEND_JOB, at=judged_at)
        if issue.state is not IssueState.SENT:
            return ""
        newsletter = store.newsletter_of(session, issue)
        return f"{newsletter.slug}-{issue.number}: {_in_words(counts)}"


def pause_interrupted(app: App, now: datetime) -> list[str]:
    """Pause each issue on its way that was interrupted too long ago; return why, for each."""
    found = [pause_if_interrupted(app, issue_id, now) for issue_id in _prepared(app)]
    return [why for why in found if why]


def pause_if_interrupted(app: App, issue_id: int, now: datetime) -> str:
    """Pause an issue on its way that was interrupted too long ago; return why, empty if not.

    Under a limit of the pace, a send takes as long as it takes: then the time counts from a day
    after its last request.
    """
    with app.database.read() as session:
        if not _hours_late(app, session, session.get_one(Issue, issue_id), now):
            return ""
    with app.database.write() as session:
        issue = session.get_one(Issue, issue_id)
        hours = _hours_late(app, session, issue, now)
        if not hours:
            return ""
        why = f"its send was interrupted, and it's {hours:.0f} hours late"
        pause(session, issue, why, now)
        newsletter = store.newsletter_of(session, issue)
    return f"{newsletter.slug}-{issue.number}: paused, {why}"


def _hours_late(app: App, session: Session, issue: Issue, now: datetime) -> float:
    """Return how late an issue on its way is, in hours; 0 while that is no interruption."""
    slot = slots.slot_of(session, issue.newsletter_id, issue.period)
    moments = [issue.prepared_at, slot.due_at if slot else None]
    if app.sending.pace(session).is_limited:
        moments.append(_day_after_last_claim(session, issue))
    late = now - max(filter(None, moments))
    allowed = SlotTimes.of(store.newsletter_of(session, issue)).late
    is_interrupted = issue.state is IssueState.PREPARED and late > allowed
    return late.total_seconds() / 3600 if is_interrupted else 0.0


def _day_after_last_claim(session: Session, issue: Issue) -> datetime | None:
    last = session.exec(
        select(func.max(Attempt.claimed_at))
        .join(Batch, col(Batch.id) == col(Attempt.batch_id))
        .where(Batch.edition_id == store.edition_of(session, issue).id)
    ).one()
    return last + timedelta(days=1) if last is not None else None


def begin_send(app: App, issue_id: int) -> EditionSend:
    """Return what sends an issue and logs each request; send its seed copy before all others."""
    with app.database.read() as session:
        sending = app.sending.edition_send(session, session.get_one(Issue, issue_id))
    if app.settings.canary:
        send_seed_copy(sending, app.settings.canary)
    return replace(sending, transport=LoggingTransport(sending.transport, sending.issue))


def _send(app: App, issue_id: int, stop: StopSignal) -> str:
    sending = begin_send(app, issue_id)
    counts = dispatch(
        sending,
        concurrency=app.settings.concurrency,
        stop_signal=stop,
        longest_wait=ASKED_AGAIN,
    )
    sent = isinstance(sending.transport, LoggingTransport) and sending.transport.requests
    if not sent and (counts.pending or counts.in_doubt):
        if counts.pending and sending.pace.is_limited:
            with app.database.read() as session:
                wait = waits(session, sending.pace, app.clock())
            return f"{sending.issue} {wait.words}" if wait else ""
        return ""  # the issue waits for events, or for a person
    return f"{sending.issue}: {_in_words(counts)}"


def recover_idle_issues(app: App) -> str:
    """Recover batches that dead senders left in paused and cancelled issues; return a summary.

    A batch whose next attempt is more than `LONGEST_WAIT` ahead was put off by a clock that has
    been set back since; its wait is cleared.
    """
    now = app.clock()
    with app.database.read() as session:
        editions = session.exec(select(Batch.edition_id).where(*_is_held_idly()).distinct()).all()
        overdue = session.exec(select(Batch.id).where(*_waits_too_long(now))).all()
    recovered = 0
    for edition_id in editions:
        with app.database.write() as session:
            moved = recover(session, edition_id=edition_id, now=now, alive=alive)
        recovered += moved.unsent + moved.in_doubt + moved.parked
    if overdue:
        with app.database.write() as session:
            session.connection().execute(
                update(Batch).where(*_waits_too_long(now)).values(not_before=None)
            )
    summary = [f"{recovered} batches of dead senders"] if recovered else []
    summary += (
        [f"{len(overdue)} batches no longer wait for a clock that was wrong"] if overdue else []
    )
    return ", ".join(summary)


def _is_held_idly() -> tuple[ColumnElement[bool], ...]:
    held = col(Batch.state).in_([BatchState.CLAIMED, BatchState.STARTED])
    return _in_issues(IssueState.PAUSED, IssueState.CANCELLED), held


def _waits_too_long(now: datetime) -> tuple[ColumnElement[bool], ...]:
    too_long = col(Batch.not_before) > now + LONGEST_WAIT
    return (
        _in_issues(IssueState.PREPARED, IssueState.PAUSED),
        col(Batch.state) == BatchState.PENDING,
        too_long,
    )


def _in_issues(*states: IssueState) -> ColumnElement[bool]:
    """Return the condition on a batch's issue, by which the index on batches is used."""
    editions = (
        select(Edition.id)
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state).in_(states))
    )
    return col(Batch.edition_id).in_(editions)


def _in_words(counts: DeliveryCounts) -> str:
    parts = {
        "accepted": counts.accepted,
        "refused": counts.refused,
        "pending": counts.pending,
        "in doubt": counts.in_doubt,
    }
    return ", ".join(f"{number} {name}" for name, number in parts.items() if number)
