"""What the job queue holds: workers that are alive, jobs by queue and state, and the longest wait.

This module hides the tables of Procrastinate. It counts what is there now: finished jobs are
deleted, so that no figure costs more after years.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlmodel import Session

ALIVE_SECONDS = 30  #: since its last heartbeat; a worker beats every 10 seconds


@dataclass(frozen=True, kw_only=True)
class JobQueueFigures:
    """The job queue at a moment."""

    workers: int = 0  #: that are alive
    #: Jobs by queue and state: "todo", "doing", "failed".
    jobs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    #: Seconds by queue that the oldest job waits which might run now; none where no job does.
    longest_wait: Mapping[str, float] = field(default_factory=dict)

    def count(self, state: str) -> int:
        """Return how many jobs are in a state, over all queues."""
        return sum(number for (_, of), number in self.jobs.items() if of == state)

    @property
    def oldest(self) -> float:
        """The seconds that the oldest job waits; 0 where none does."""
        return max(self.longest_wait.values(), default=0.0)


def live_workers(session: Session) -> int:
    """Return how many workers are alive; on PostgreSQL only."""
    alive = session.connection().execute(_WORKERS, {"seconds": ALIVE_SECONDS})
    return int(alive.scalar_one())


def job_queue_figures(session: Session) -> JobQueueFigures | None:
    """Return the figures; ``None`` on SQLite, which has no job queue."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return None
    return JobQueueFigures(
        workers=live_workers(session),
        jobs={(queue, state): number for queue, state, number in connection.execute(_JOBS)},
        longest_wait={queue: float(wait) for queue, wait in connection.execute(_LONGEST_WAIT)},
    )


_WORKERS = text(
    "SELECT count(*) FROM procrastinate_workers"
    " WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
)
_JOBS = text(
    "SELECT queue_name, status::text, count(*) FROM procrastinate_jobs GROUP BY queue_name, status"
)
_LONGEST_WAIT = text(
    "SELECT queue_name, extract(epoch FROM now() - min(coalesce(scheduled_at, at)))"
    " FROM procrastinate_jobs AS job"
    " JOIN procrastinate_events AS event ON event.job_id = job.id AND event.type = 'deferred'"
    " WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
    " GROUP BY queue_name"
)
