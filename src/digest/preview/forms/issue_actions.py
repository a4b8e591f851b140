"""What an editor does with an issue at the desk: send, move, skip, pause, resume, cancel.

Hides what each form has to say before it is carried out, and the thread that sends. Each action is
the use case of the command of that name.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from digest.app.send_start import resume_send, start_send
from digest.delivery.sending import EditionSend, Settlement, StopSignal, control, dispatch
from digest.errors import DigestError, NotApproved, WrongState
from digest.issues import approval, draft_history, store
from digest.issues.calendar import issue_day, slots, wall_time
from digest.issues.models import ApprovalChannel, IssueState
from digest.issues.picking import overrides
from digest.issues.picking.evergreen import choose_evergreen
from digest.letters import send_seed_copy
from digest.preview.release import import_samples

if TYPE_CHECKING:
    from digest.preview.session import PreviewSession
    from digest.preview.snapshot import IssueStanding

log = logging.getLogger(__name__)

_SHOWN_EVERY = 0.5  # seconds between two looks at a send under way
_LONGEST_NOTE = 200  # characters


@dataclass
class IssueActions:
    """The actions on the issue at the desk; *changed* shows every open page what came of one."""

    desk: PreviewSession
    changed: Callable[[], None]
    stop: StopSignal = field(default_factory=StopSignal)
    _sender: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, name: str, form: Mapping[str, Any]) -> str:
        """Carry out the action called *name*, and return what was done in words.

        Raises `DigestError`; nothing is changed then.
        """
        action = _ACTIONS.get(name)
        if action is None:
            raise DigestError(f"the desk has no action called {name[:20]}")
        with self._lock:
            return action(self, form)

    def close(self) -> None:
        """Finish the requests under way and start no other; `digest send` goes on later."""
        self.stop.stop()
        self.join()

    def join(self) -> None:
        """Wait until a send under way has ended, at most for the grace of a stop."""
        if self._sender is not None:
            self._sender.join(self.stop.grace)

    def send(self, form: Mapping[str, Any]) -> str:
        """Send the approved issue, or go on with one that was interrupted."""
        standing = self._standing()
        if standing.state is not IssueState.PREPARED:
            self._require_seen(standing, str(form.get("seen", "")))
        return self._send(standing.number, from_outbox=bool(form.get("from_outbox")))

    def resume(self, _: Mapping[str, Any]) -> str:
        """Let a paused issue go on, and send it."""
        number = self._standing().number
        with self.desk.app.database.write() as session:
            issue, _edition = store.issue_and_edition(session, self.desk.newsletter, number)
            resumed = resume_send(self.desk.app, session, issue, by="the desk")
        if resumed.fault is not None:
            raise resumed.fault
        return self._send(number)

    def pause(self, _: Mapping[str, Any]) -> str:
        """Start no further batch."""
        self.desk.stay()
        number = self._standing().number
        with self.desk.app.database.write() as session:
            issue, _edition = store.issue_and_edition(session, self.desk.newsletter, number)
            control.pause(session, issue, "paused at the desk", self.desk.app.clock())
        return f"No. {number} is paused; requests under way were finished"

    def cancel(self, form: Mapping[str, Any]) -> str:
        """Cancel the issue for good; the form has to say why."""
        self.desk.stay()
        number, why = self._standing().number, _words(form, "why")
        if not why:
            raise DigestError("add the reason for cancelling")
        with self.desk.app.database.write() as session:
            issue, _edition = store.issue_and_edition(session, self.desk.newsletter, number)
            control.cancel(session, issue, why)
        return f"No. {number} is cancelled: copies that weren't sent stay unsent"

    def send_back(self, form: Mapping[str, Any]) -> str:
        """Send the issue back with a note; it isn't sent until it is approved anew."""
        number, by = self._standing().number, _words(form, "by")
        if not by:
            raise DigestError("add your name")
        now, channel = self.desk.app.clock(), ApprovalChannel.DESK
        with self.desk.app.database.write() as session:
            issue, _edition = store.issue_and_edition(
                session, self.desk.newsletter, number, lock=True
            )
            note = str(form.get("note", ""))
            approval.send_back(session, issue, by=by, note=note, channel=channel, now=now)
        return f"No. {number} is sent back: it isn't sent until it's approved again"

    def schedule(self, form: Mapping[str, Any]) -> str:
        """Move the issue's moment."""
        to, period = wall_time(str(form.get("to", ""))[:32]), self._standing().period
        with self.desk.app.database.write() as session:
            newsletter = store.newsletter(session, self.desk.newsletter)
            slots.reschedule(session, newsletter, period, to, _words(form, "why"))
        self.desk.stay()
        return f"it goes out on {to:%A, %-d %B, %H:%M}"

    def skip(self, form: Mapping[str, Any]) -> str:
        """Let no issue come out in this period."""
        period, why = self._standing().period, _words(form, "why") or "no issue"
        with self.desk.app.database.write() as session:
            newsletter = store.newsletter(session, self.desk.newsletter)
            if slots.slot_of(session, newsletter.id, period, lock=True) is not None:
                raise WrongState(f"{period} has already started; cancel its issue instead")
            day = issue_day(period, newsletter.weekday)
            slots.black_out(session, newsletter, day, day, why)
        return f"no issue goes out in {period}: {why}"

    def unskip(self, _: Mapping[str, Any]) -> str:
        """Let the issue of this period come out after all."""
        period = self._standing().period
        with self.desk.app.database.write() as session:
            newsletter = store.newsletter(session, self.desk.newsletter)
            day = issue_day(period, newsletter.weekday)
            if not slots.black_out(session, newsletter, day, day, None):
                raise WrongState(
                    f"{period} is part of a longer blackout", next_step="digest schedule blackout"
                )
        return f"{period} has an issue again"

    def go(self, form: Mapping[str, Any]) -> str:
        """Lay another issue on the desk: of a period, else the next one."""
        period = str(form.get("period", ""))[:16]
        if period:
            issue_day(period, 0)
        self.desk.period = period or None
        return f"this is {period}" if period else "this is the next issue"

    def samples(self, _: Mapping[str, Any]) -> str:
        """Store the shipped sample comparisons."""
        with self.desk.app.database.write() as session:
            many = import_samples(session, self.desk.app.clock())
        return f"{many} samples are imported; digest comparisons withdraw takes one back"

    def evergreen(self, _: Mapping[str, Any]) -> str:
        """Pin what the evergreen list has for a week with nothing new."""
        now, period = self.desk.app.clock(), self._standing().period
        with self.desk.app.database.write() as session:
            newsletter = store.newsletter(session, self.desk.newsletter)
            chosen = choose_evergreen(session, newsletter, period).chosen
            if not chosen:
                raise DigestError("the evergreen list has no comparison for this week")
            decisions = draft_history.current(session, newsletter, period)
            for choice in chosen:
                decisions = overrides.pin(decisions, choice.candidate.slug)
            draft_history.decide(
                session, newsletter, period, decisions, summary="used the evergreen list", now=now
            )
        return f"{len(chosen)} from the evergreen list"

    def _send(self, number: int, *, from_outbox: bool = False) -> str:
        if self.desk.sending:
            raise WrongState("the desk is already sending")
        sending = start_send(self.desk.app, self.desk.newsletter, number, from_outbox=from_outbox)
        self.desk.stay()
        self.desk.send_fault, self.desk.sending = "", True
        self._sender = threading.Thread(
            target=self._dispatch, args=(sending,), name="send", daemon=True
        )
        self._sender.start()
        return f"No. {number} is on its way"

    def _dispatch(self, sending: EditionSend) -> None:
        """Send in a thread of its own; how far it is can be read from the database at any time."""
        shown = time.monotonic()

        def advance(_: Settlement) -> None:
            nonlocal shown
            if time.monotonic() - shown > _SHOWN_EVERY:
                shown = time.monotonic()
                self.changed()

        app = self.desk.app
        try:
            if app.settings.canary:
                send_seed_copy(sending, app.settings.canary)
            concurrency = app.settings.concurrency
            dispatch(sending, concurrency=concurrency, stop_signal=self.stop, progress=advance)
        except DigestError as fault:
            self.desk.send_fault = str(fault)
        except Exception as fault:  # a fault in a thread must be seen: the page shows it
            log.exception("the send of %s stopped", sending.issue)
            self.desk.send_fault = f"an internal fault: {type(fault).__name__}"
        finally:
            self.desk.sending = False
            self.changed()

    def _standing(self) -> IssueStanding:
        standing = self.desk.snapshot.standing
        if standing is None:
            raise DigestError("there is no issue on the desk yet")
        return standing

    def _require_seen(self, standing: IssueStanding, seen: str) -> None:
        """Raise `NotApproved` unless what the editor saw is what is approved."""
        if not standing.approved:
            raise NotApproved(f"approve No. {standing.number} first")
        if not seen or seen != standing.fingerprint or seen != self.desk.snapshot.seal:
            raise NotApproved("something has changed in the meantime; please review it again")


def _words(form: Mapping[str, Any], name: str) -> str:
    return " ".join(str(form.get(name, "")).split())[:_LONGEST_NOTE]


_ACTIONS: Mapping[str, Callable[[IssueActions, Mapping[str, Any]], str]] = {
    "send": IssueActions.send,
    "resume": IssueActions.resume,
    "pause": IssueActions.pause,
    "cancel": IssueActions.cancel,
    "send-back": IssueActions.send_back,
    "schedule": IssueActions.schedule,
    "skip": IssueActions.skip,
    "unskip": IssueActions.unskip,
    "go": IssueActions.go,
    "samples": IssueActions.samples,
    "evergreen": IssueActions.evergreen,
}
