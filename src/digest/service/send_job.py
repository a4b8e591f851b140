"""Sends every issue that is on its way, and takes back what dead senders held."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, update
from sqlmodel import col, select

from digest.app.installation import App
from digest.delivery.counts import DeliveryCounts
from digest.delivery.models import Batch, BatchState
from digest.delivery.sending import StopSignal, alive, dispatch, pause, recover, send_seed_copy
from digest.issues import store
from digest.issues.calendar import slots
from digest.issues.calendar.slot_workflow import SlotTimes
from digest.issues.models import Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.transport import Answer, PreparedRequest, Transport

log = logging.getLogger(__name__)

#: Seconds until the schedule asks again: nothing else that waits should have to wait for longer.
ASKED_AGAIN = 60.0
#: No batch waits longer for its next try: see `digest.delivery.sending.settlement.Patience`.
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(frozen=True)
class LoggingTransport:
    """A transport that tells the log what it hands over, under the send's own id."""

    way: Transport
    send: str
    requests: list[str] = field(default_factory=list)  #: the outcome of each
    _asked: dict[str, dict[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, mailing: Mailing) -> PreparedRequest:
        """Pack the mailing as the transport does."""
        request = self.way.prepare(mailing)
        with self._lock:
            self._asked[request.hash] = {"batch": mailing.batch, "attempt": mailing.attempt}
        return request

    def hand_over(self, request: PreparedRequest) -> Answer:
        """Hand it over, and tell what came of it."""
        with self._lock:
            ids = self._asked.pop(request.hash, {})
        began = time.monotonic()
        answer = self.way.hand_over(request)
        outcome = type(answer).__name__.lower()
        facts = {
            "send": self.send,
            **ids,
            "outcome": outcome,
            "status": answer.status,
            "readers": request.recipients,
            "seconds": round(time.monotonic() - began, 3),
        }
        self.requests.append(outcome)
        log.info("handed over %d readers: %s", request.recipients, outcome, extra={"facts": facts})
        return answer


@dataclass
class SendJob:
    """Sends what waits of every issue on its way; safe beside any number of others.

    An issue that this process finds under way long after its moment was interrupted, and is paused
    for a person to look at; one that it has begun itself may take as long as it takes.
    """

    app: App
    brake: StopSignal
    _known: set[int] = field(default_factory=set)

    def run(self, now: datetime) -> str:
        """Send until nothing more can be done now; returns what became of each issue, in a line.

        Raises `Restored` where the database is on hold.
        """
        with self.app.database.read() as session:
            prepared = select(Issue.id).where(Issue.state == IssueState.PREPARED)
            waiting = session.exec(prepared.order_by(col(Issue.prepared_at))).all()
        if waiting:
            self.app.begin_sending()
        said = []
        for issue_id in waiting:
            if issue_id is None or self.brake.stopping.is_set():
                break
            said.append(self._too_late(issue_id, now) or _send(self.app, issue_id, self.brake))
        return "; ".join(filter(None, said))

    def _too_late(self, issue_id: int, now: datetime) -> str:
        """Pause an issue that was interrupted too long ago; returns why, if it was."""
        if issue_id in self._known:
            return ""
        self._known.add(issue_id)
        with self.app.database.write() as session:
            issue = session.get_one(Issue, issue_id)
            newsletter = store.newsletter_of(session, issue)
            turn = slots.turn(session, issue.newsletter_id, issue.period)
            began = max(filter(None, [issue.prepared_at, turn.due_at if turn else None]))
            if now <= began + SlotTimes.of(newsletter).late:
                return ""
            hours = (now - began).total_seconds() / 3600
            why = f"its send was interrupted, and it is {hours:.0f} hours late"
            pause(session, issue, why)
        return f"{newsletter.slug}-{issue.number}: paused, {why}"


def _send(app: App, issue_id: int, brake: StopSignal) -> str:
    with app.database.read() as session:
        sending = app.sending(session, session.get_one(Issue, issue_id))
    name = sending.issue
    told = LoggingTransport(sending.transport, name)
    if app.settings.canary:
        send_seed_copy(sending, app.settings.canary)
    counts = dispatch(
        replace(sending, transport=told),
        concurrency=app.settings.concurrency,
        brake=brake,
        longest_wait=ASKED_AGAIN,
    )
    if not told.requests and (counts.pending or counts.in_doubt):
        return ""  # it waits for news, or for a person
    return f"{name}: {_in_words(counts)}"


def recover_idle_issues(app: App) -> str:
    """Move on what dead senders left of issues that aren't being sent; in a line.

    Batches that wait for a moment further off than any wait lasts were put off by a clock that has
    been set back since: their wait is over.
    """
    now = app.clock()
    states = [IssueState.PAUSED, IssueState.CANCELLED]
    with app.database.read() as session:
        editions = [
            store.edition_of(session, issue).id
            for issue in session.exec(select(Issue).where(col(Issue.state).in_(states))).all()
            if issue.prepared_at is not None
        ]
        strays = session.exec(select(Batch.id).where(*_put_off(now))).all()
    found = 0
    for edition_id in editions:
        with app.database.write() as session:
            moved = recover(session, edition_id=edition_id or 0, now=now, alive=alive)
        found += moved.unsent + moved.in_doubt + moved.parked
    if strays:
        with app.database.write() as session:
            session.connection().execute(
                update(Batch).where(*_put_off(now)).values(not_before=None)
            )
    said = [f"{found} batches of dead senders"] if found else []
    said += [f"{len(strays)} batches no longer wait for a clock that was wrong"] if strays else []
    return ", ".join(said)


def _put_off(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (col(Batch.state) == BatchState.PENDING, col(Batch.not_before) > now + LONGEST_WAIT)


def _in_words(counts: DeliveryCounts) -> str:
    parts = {
        "accepted": counts.accepted,
        "refused": counts.refused,
        "pending": counts.pending,
        "in doubt": counts.in_doubt,
    }
    return ", ".join(f"{number} {name}" for name, number in parts.items() if number)
