"""Send the batch that a job names, as often as the job runs, and no batch twice.

This module decides what a worker keeps between two batches of an edition: what its mail is made of
is put together once, and again when the edition or its sender has changed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sqlmodel import Session, select

from digest.app.installation import App
from digest.delivery.models import Batch
from digest.delivery.sending import EditionSend, StopSignal, send_one
from digest.issues.models import Edition, Issue


@dataclass
class BatchJobs:
    """What a worker does with the jobs of batches; its threads share it."""

    app: App
    stop_signal: StopSignal
    _sends: dict[int, EditionSend] = field(default_factory=dict)  #: by edition
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, batch_id: int) -> None:
        """Send that batch if it may be sent now; where it may not, do nothing.

        Raises `DatabaseRestored` where the restore guard holds the database.
        """
        if self.stop_signal.stopping.is_set():
            return
        sending = self._sending(batch_id)
        if sending is not None:
            send_one(sending, batch_id, self.stop_signal.stopping)

    def _sending(self, batch_id: int) -> EditionSend | None:
        """Return what sends the batch; ``None`` where the batch is gone."""
        with self._lock, self.app.database.read() as session:
            batch = session.get(Batch, batch_id)
            if batch is None:
                return None
            if batch.edition_id not in self._sends:
                self._sends[batch.edition_id] = self._begin(session, batch.edition_id)
            return self._sends[batch.edition_id]

    def _begin(self, session: Session, edition_id: int) -> EditionSend:
        self.app.sending.begin()
        of_edition = select(Issue).join(Edition).where(Edition.id == edition_id)
        return self.app.sending.edition_send(session, session.exec(of_edition).one())
