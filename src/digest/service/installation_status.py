"""Report how the service does: recent slots, job runs, workers, the hold after a restore.

Hides the names of these facts in JSON, for the command line and the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlmodel import Session

from digest import webhooks
from digest.app.installation import App
from digest.delivery.job_queue_figures import job_queue_figures
from digest.delivery.sending import restore_guard
from digest.issues import store
from digest.issues.models import Newsletter
from digest.service.job_registry import release_decision
from digest.service.overview import job_facts, job_runs, recent_slots, slot_facts
from digest.sources import count_waiting


def running_newsletters(session: Session) -> Sequence[Newsletter]:
    """Return each newsletter that isn't archived; all of them where every one is."""
    rows = store.newsletters(session)
    running = [row for row in rows if row.archived_at is None]
    return running or rows or [store.newsletter(session, store.USUAL)]


def service_facts(app: App, slugs: Sequence[str]) -> dict[str, Any]:
    """Return recent slots, job runs, proposals, stuck webhooks and the hold as values.

    ``scheduled`` says whether the service builds and sends for any of the newsletters.
    """
    now = app.clock()
    with app.database.read() as session:
        rows = [store.newsletter(session, slug) for slug in slugs]
        return {
            **hold_facts(app),
            "scheduled": any(row.scheduled for row in rows),
            "turns": [
                {
                    **slot_facts(session, slot, partial(release_decision, app)),
                    "newsletter": row.slug,
                }
                for row in rows
                for slot in recent_slots(session, row, now)
            ],
            "ticks": [job_facts(row, now) for row in job_runs(session)],
            "proposals": count_waiting(session),
            "webhooks": [each._asdict() for each in webhooks.troubles(session, now)],
            **worker_facts(session),
        }


def worker_facts(session: Session) -> dict[str, Any]:
    """Return how many workers there are, and what waits for them; nothing on SQLite."""
    figures = job_queue_figures(session)
    if figures is None:
        return {}
    workers = {
        "running": figures.workers,
        "waiting": figures.count("todo"),
        "under_way": figures.count("doing"),
        "failed": figures.count("failed"),
        "oldest_seconds": round(figures.oldest, 1),
    }
    return {"workers": workers}


def hold_facts(app: App) -> dict[str, Any]:
    """Return the reason of the restore guard's hold; ``None`` without one."""
    return {"hold": restore_guard.hold_reason(app.database, app.sending.restore_guard_file)}
