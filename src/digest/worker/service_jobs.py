"""Run the service's jobs as jobs of the queue: each once a minute, by whichever worker is free.

This module decides what the queue replaces of the scheduler. A job of every minute runs whenever
it is asked for, since the queue asks once a minute over all workers; one of every day runs when its
last run, in the database, is a day ago.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digest.app.installation import App
from digest.process_id import this_process
from digest.service import MINUTE, Job, run_if_due


@dataclass(frozen=True)
class ServiceJobs:
    """The jobs of an installation's service, by name; the threads of a worker share them."""

    app: App
    jobs: Mapping[str, Job]

    def run(self, name: str) -> None:
        """Run a job, and ask for those that follow one that did something."""
        job, app = self.jobs[name], self.app
        asked = job.every <= MINUTE
        if run_if_due(job, app.database, app.clock, this_process(), woken=asked) and job.then:
            with app.database.write() as session:
                app.job_queue.wake(session, *job.then)
