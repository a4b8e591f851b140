"""Check that workers are there for the jobs that wait, on PostgreSQL.

Hides from when on a wait shows that nobody works on a queue.
"""

from __future__ import annotations

from collections.abc import Iterator

from digest.app.installation import App
from digest.delivery.job_queue_figures import job_queue_figures
from digest.doctor.health_check import CheckResult, fine, warning

LONG_WAIT = 300.0  #: seconds; a worker looks at its queues every few seconds


def check_workers(app: App) -> Iterator[CheckResult]:
    """Check how many workers are alive, how long jobs wait, and whether jobs have failed."""
    with app.database.read() as session:
        figures = job_queue_figures(session)
    if figures is None:
        return
    todo = figures.count("todo")
    waiting = "1 job waits" if todo == 1 else f"{todo:,} jobs wait"
    if not figures.workers:
        step = "start one on any machine: digest worker, or digest run"
        yield warning("workers", f"none is running, and {waiting}", step)
    elif figures.oldest > LONG_WAIT:
        queue = max(figures.longest_wait, key=figures.longest_wait.__getitem__)
        yield warning(
            "workers",
            f"a job on the queue {queue} has waited for {figures.oldest / 60:.0f} minutes",
            f"start another worker for it: digest worker --queues {queue}",
        )
    else:
        many = "1 is" if figures.workers == 1 else f"{figures.workers:,} are"
        yield fine("workers", f"{many} running, and {waiting}")
    if failed := figures.count("failed"):
        many = "1 job has" if failed == 1 else f"{failed:,} jobs have"
        yield warning("workers", f"{many} failed lately", "look for the reason in the log")
