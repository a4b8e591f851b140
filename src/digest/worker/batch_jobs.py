"""Send the batch that a job names, as often as the job runs, and no batch twice.

This module decides what a worker keeps between two batches of an edition. What its mail is made of
is put together once, and again when the edition or its sender has changed; that the database may be
sent from is asked before each batch, though not more than once a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from digest.app.installation import App
from digest.delivery.job_queue import SEND_JOB
from digest.delivery.models import Batch, BatchState
from digest.delivery.pace import Pace
from digest.delivery.sending import EditionSend, StopSignal, is_moving, restore_guard, send_one
from digest.errors import DigestError
from digest.issues.models import Edition, Issue, IssueState, Newsletter, Recipe
from digest.service import begin_send

CHECKED_EVERY = 1.0  #: seconds between two looks at the restore guard
#: Seconds for which a machine that is unfit to send keeps a job, so that the others get to it.
GIVEN_BACK_AFTER = 5.0

log = logging.getLogger(__name__)


@dataclass
class BatchJobs:
    """What a worker does with the jobs of batches; its threads share it."""

    app: App
    stop_signal: StopSignal
    seconds: Callable[[], float] = time.monotonic
    _sends: dict[int, tuple[Any, EditionSend]] = field(default_factory=dict)  #: by edition
    given_back_after: float = GIVEN_BACK_AFTER
    _held: str = ""  #: why nothing may be sent, by the last look
    _only_here: bool = False  #: whether other machines may send meanwhile
    _check_at: float = 0.0  #: the time of the next look
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, batch_id: int, *, more: bool = False) -> None:
        """Send that batch if it may be sent now; where it may not, do nothing.

        With *more*, enqueue further batches once this one is sent. A batch that stays pending gets
        another job when it may go, or with the next minute.
        """
        if self.stop_signal.stopping.is_set():
            return
        with self.app.database.read() as session:
            made_from = session.connection().execute(_MADE_FROM, {"batch": batch_id}).first()
            pace = self.app.sending.pace(session)
        sending = self._sending(made_from, pace) if made_from is not None else None
        if sending is None:
            self._give_back()
            return
        if send_one(sending, batch_id, self.stop_signal.stopping) is not None and more:
            with sending.store.write() as session:
                sending.job_queue.enqueue_batches(session, sending.clock())
        self._tell_when_done(sending)

    def _sending(self, made_from: Any, pace: Pace) -> EditionSend | None:
        """Return what sends an edition; ``None`` where nothing may be sent of it."""
        with self._lock:
            if self._is_held():
                return None
            known = self._sends.get(made_from.edition)
            if known is not None and known[0] == made_from:
                return replace(known[1], pace=pace)  # a warm-up may have begun
            sending = begin_send(self.app, made_from.issue)
            self._sends[made_from.edition] = made_from, sending
            return sending

    def _give_back(self) -> None:
        """Leave a batch to other machines if only this one is unfit: it would use up every job."""
        if not (self._held and self._only_here):
            return
        self.stop_signal.stopping.wait(self.given_back_after)
        with suppress(SQLAlchemyError), self.app.database.write() as session:
            self.app.job_queue.enqueue_batches(session, self.app.clock())

    def _is_held(self) -> bool:
        """Return whether the restore guard or a missing secret holds the database."""
        if self.seconds() >= self._check_at:
            before, self._held = self._held, ""
            try:
                self.app.sending.begin()
            except (DigestError, OSError) as fault:
                self._held, step = _why_and_next(fault)
                self._only_here = not isinstance(fault, restore_guard.DatabaseRestored)
                if self._held != before:
                    log.error("%s; next: %s", self._held, step)
            self._check_at = self.seconds() + CHECKED_EVERY
        return bool(self._held)

    def _tell_when_done(self, sending: EditionSend) -> None:
        """Have the issue looked after once nothing of it moves: it's sent, or its wave judged."""
        with sending.store.read() as session:
            if is_moving(session, sending.edition_id):
                return
        self._sends.pop(sending.edition_id, None)
        with sending.store.write() as session:
            sending.job_queue.wake(session, SEND_JOB)


def _why_and_next(fault: DigestError | OSError) -> tuple[str, str | None]:
    if isinstance(fault, DigestError):
        return str(fault), fault.next_step
    return (
        f"this machine sends nothing: its epoch file can't be written ({fault.strerror})",
        "make room on its disk, or let DIGEST_EPOCH_FILE name a file that it can write",
    )


#: What the mail of a batch is made from, as far as it changes; no row where it isn't to be sent.
_MADE_FROM = (
    select(
        col(Batch.edition_id).label("edition"),
        col(Edition.issue_id).label("issue"),
        col(Edition.fingerprint),
        col(Recipe.made_from)["sender"].as_string().label("sender"),
        col(Recipe.made_from)["reply_to"].as_string().label("reply_to"),
        col(Newsletter.sender).label("usual_sender"),
        col(Newsletter.reply_to).label("usual_reply_to"),
    )
    .join(Edition, col(Edition.id) == col(Batch.edition_id))
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
    .join(Recipe, col(Recipe.edition_id) == col(Edition.id), isouter=True)
    .where(
        col(Batch.id) == bindparam("batch"),
        col(Batch.state) == BatchState.PENDING,
        col(Issue.state) == IssueState.PREPARED,
    )
)
