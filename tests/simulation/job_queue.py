"""The simulated job queue: it loses jobs, runs them twice, late and in any order.

Its jobs are in memory. What a transaction enqueues is there once that transaction has committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from sqlalchemy import event
from sqlmodel import Session, col

from digest.delivery.models import Batch
from digest.delivery.sending.queue import MAY_GO_NOW, TOO_LATE, pending_batches


@dataclass(eq=False)
class BatchJob:
    """A job that says "look at this batch now"."""

    batch: int
    worker: str = ""  #: who runs it; empty while it waits


@dataclass
class SimulatedJobQueue:
    """Jobs of one world, by the rule of the port: one waits for each batch that may go now."""

    random: Random
    losses: float = 0.0  #: the share of jobs that are lost
    repeats: float = 0.0  #: the share of jobs that wait on although they are run
    jobs: list[BatchJob] = field(default_factory=list)
    lost: int = 0
    repeated: int = 0

    def enqueue_batches(self, session: Session, now: datetime, *, root: str | None = None) -> int:
        """Enqueue a job for each batch that may be sent now and has none waiting."""
        due = pending_batches(col(Batch.id)).where(MAY_GO_NOW).order_by(col(Batch.id))
        if root is not None:
            due = due.where(col(Batch.root) == root)
        rows = session.connection().execute(due, {"now": now, "never": now + TOO_LATE})
        waiting = {job.batch for job in self.jobs if not job.worker}
        batches = [batch for batch in rows.scalars() if batch not in waiting]
        event.listen(session, "after_commit", lambda _: self._add(batches), once=True)
        return len(batches)

    def wake(self, session: Session, *names: str, at: datetime | None = None) -> None:
        """Do nothing: the world's minute comes by chance."""

    def take(self, worker: str) -> BatchJob | None:
        """Take any job that waits; one may wait on all the same, and be run twice."""
        waiting = [job for job in self.jobs if not job.worker]
        if not waiting:
            return None
        job = self.random.choice(waiting)
        job.worker = worker
        if self.random.random() < self.repeats:
            self.repeated += 1
            self.jobs.append(BatchJob(job.batch))
        return job

    def finish(self, job: BatchJob) -> None:
        """Take a job off the queue."""
        self.jobs.remove(job)

    def sweep(self, dead: set[str]) -> None:
        """Let the jobs wait again whose workers are dead."""
        for job in self.jobs:
            if job.worker in dead:
                job.worker = ""

    def _add(self, batches: list[int]) -> None:
        for batch in batches:
            if self.random.random() < self.losses:
                self.lost += 1
            else:
                self.jobs.append(BatchJob(batch))
