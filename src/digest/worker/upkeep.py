"""Keep the queue free of jobs whose worker is gone, and of those that failed long ago.

This module decides when a job counts as stalled, and what becomes of it: it's deleted. What it was
about is found again by the ledger or by the next minute, so that no job is ever run a second time
because a worker seemed to be gone.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from digest.delivery.job_queue_figures import ALIVE_SECONDS

KEPT_HOURS = 7 * 24  #: for which a failed job is kept, for somebody to look at

log = logging.getLogger(__name__)


async def delete_stalled(jobs: Any) -> None:
    """Delete the jobs of an open `procrastinate.App` whose worker is gone."""
    from procrastinate.exceptions import ConnectorException
    from procrastinate.jobs import Status

    manager = jobs.job_manager
    stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=ALIVE_SECONDS)
    for job in stalled:
        with suppress(ConnectorException):  # it has ended since: its worker was only late
            await manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
            log.warning("the worker of a job is gone: %s", job.call_string)


async def delete_failed(jobs: Any) -> None:
    """Delete the jobs of an open `procrastinate.App` that failed, or were cut off, long ago."""
    await jobs.job_manager.delete_old_jobs(
        KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
