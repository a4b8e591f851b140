"""Run jobs from the queue of a PostgreSQL, beside any number of other workers.

`running` runs a worker until it is told to stop. Which tasks it knows, and the queue they come
from, is put together by `procrastinate_app`, the only module that names the library; `batch_jobs`
sends the batch of a job by the steps of `digest.delivery.sending`, and `service_jobs` runs what the
service does every minute; both in `daemon_threads`. `notices` finds out whether a worker hears of
new jobs by itself, or has to look for them, as behind some connection pools. `upkeep` deletes the
jobs that a dead worker leaves behind. Nothing of the library is imported before a worker runs: on
SQLite it needn't be installed.
"""

from digest.worker.running import Worker, run_worker

__all__ = ["Worker", "run_worker"]
