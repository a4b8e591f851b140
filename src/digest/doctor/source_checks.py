"""Check that the sites that are followed can be read, and that a process polls them.

Hides when a source counts as one in trouble.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from digest import sources
from digest.app.installation import App
from digest.doctor.health_check import CheckResult, fine, warning

_ABOUT = "sources"
_LATE = timedelta(hours=1)  # after a poll was due


def check_sources(app: App) -> Iterator[CheckResult]:
    """Check each source that isn't paused; yield nothing where there is none."""
    with app.database.read() as session:
        rows = [row for row in sources.all_facts(session) if not row["paused"]]
    late = app.clock() - _LATE
    troubles = [row for row in rows if not row["ok"]]
    for row in troubles:
        step = f"digest sources show {row['id']}"
        yield warning(_ABOUT, f"source {row['id']} can't be read: {row['result']}", step)
    if any(row["next_poll_at"] < late for row in rows):
        yield warning(_ABOUT, "no process polls what is due", "digest run")
    elif rows and not troubles:
        yield fine(_ABOUT, f"{len(rows)} followed")
