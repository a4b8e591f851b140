"""Sends every issue that is on its way, and takes back what dead senders held."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field, replace

from sqlmodel import col, select

from digest.app import App
from digest.delivery.canary import release_canary
from digest.delivery.counts import Counts
from digest.delivery.dispatch import Brake, dispatch
from digest.delivery.owner import alive
from digest.delivery.recover import recover
from digest.issues import store
from digest.issues.models import Issue, IssueState
from digest.mail.mailing import Mailing
from digest.mail.transport import Answer, Request, Transport

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """A transport that tells the log what it hands over, under the send's own id."""

    way: Transport
    send: str
    requests: list[str] = field(default_factory=list)  #: the outcome of each
    _asked: dict[str, dict[str, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def prepare(self, mailing: Mailing) -> Request:
        """Pack the mailing as the transport does."""
        request = self.way.prepare(mailing)
        with self._lock:
            self._asked[request.hash] = {"batch": mailing.batch, "attempt": mailing.attempt}
        return request

    def hand_over(self, request: Request) -> Answer:
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


def send_all(app: App, brake: Brake) -> str:
    """Send what waits of every issue on its way; returns what became of each, in a line.

    Safe beside any number of others. Raises `Restored` where the database is on hold.
    """
    with app.database.read() as session:
        prepared = select(Issue.id).where(Issue.state == IssueState.PREPARED)
        waiting = session.exec(prepared.order_by(col(Issue.prepared_at))).all()
    if not waiting:
        return ""
    app.begin_sending()
    said = []
    for issue_id in waiting:
        if brake.stopping.is_set():
            break
        said.append(_send(app, issue_id, brake))
    return "; ".join(filter(None, said))


def _send(app: App, issue_id: int | None, brake: Brake) -> str:
    with app.database.read() as session:
        sending = app.sending(session, session.get_one(Issue, issue_id))
    name = sending.issue
    told = Told(sending.transport, name)
    if app.settings.canary:
        release_canary(sending, app.settings.canary)
    counts = dispatch(
        replace(sending, transport=told), concurrency=app.settings.concurrency, brake=brake
    )
    if not told.requests and (counts.pending or counts.in_doubt):
        return ""  # it waits for news, or for a person
    return f"{name}: {_in_words(counts)}"


def take_back(app: App) -> str:
    """Move on what dead senders left of issues that aren't being sent; in a line."""
    states = [IssueState.PAUSED, IssueState.CANCELLED]
    with app.database.read() as session:
        editions = [
            store.edition_of(session, issue).id
            for issue in session.exec(select(Issue).where(col(Issue.state).in_(states))).all()
            if issue.prepared_at is not None
        ]
    found = 0
    for edition_id in editions:
        with app.database.write() as session:
            moved = recover(session, edition_id=edition_id or 0, now=app.clock(), alive=alive)
        found += moved.unsent + moved.in_doubt + moved.parked
    return f"{found} batches of dead senders" if found else ""


def _in_words(counts: Counts) -> str:
    parts = {
        "accepted": counts.accepted,
        "refused": counts.refused,
        "pending": counts.pending,
        "in doubt": counts.in_doubt,
    }
    return ", ".join(f"{number} {name}" for name, number in parts.items() if number)
