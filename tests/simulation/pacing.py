"""Invariants of the pace, read at the commit of each claim; times are those of the claims."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from digest.delivery.models import WarmUp
from digest.delivery.pace import UNLIMITED, Pace, warm_up_days

GMAIL = "Gmail"  #: the mailbox provider with a limit of its own
HOUR = timedelta(hours=1)
_CLAIMED = """
SELECT a.claimed_at, b.edition_id, s.address FROM attempt a JOIN batch b ON b.attempt = a.key
JOIN delivery d ON d.id BETWEEN b.first_delivery AND b.last_delivery AND d.outcome IS NULL
JOIN subscriber s ON s.id = d.subscriber_id WHERE a.key = ?
"""
_UNDER_WAY = """
SELECT count(*) FROM batch b JOIN attempt a ON a.key = b.attempt
WHERE b.state IN ('claimed', 'started') AND a.lease_until > ?
"""
_OF_A_DAY = """
SELECT sum(b.size) FROM batch b JOIN attempt a ON a.key = b.attempt
WHERE date(a.claimed_at) = ? AND b.state IN ('claimed', 'started', 'accepted', 'in-doubt')
"""
_PLAN = "SELECT days, first_limit, last_limit, day, stopped_at FROM warm_up WHERE ended_at IS NULL"
_HELD = "SELECT held_until FROM pace WHERE scope = 'all' AND held_until IS NOT NULL"


class TooFast(AssertionError):
    """Mail leaves faster than it may."""


@dataclass
class PaceChecker:
    """Reads who is claimed when, and adds up."""

    db: sqlite3.Connection
    pace: Pace = UNLIMITED
    claims: list[tuple[datetime, Counter[str]]] = field(default_factory=list)

    def claimed(self, attempt: str) -> None:
        """Check every limit at the commit of a claim; raises `TooFast`."""
        rows = self.db.execute(_CLAIMED, (attempt,)).fetchall()
        at = datetime.fromisoformat(rows[0][0])
        readers = Counter({"all": len(rows)})
        readers[GMAIL] = sum(address.endswith("@gmail.com") for *_, address in rows)
        self.claims.append((at, readers))
        for scope, limit in self.pace.per_hour_of.items():
            number = sum(each[scope] for then, each in self.claims if at - HOUR < then <= at)
            if number > limit:
                raise TooFast(f"{number} readers of {scope} in an hour, and {limit} may be")
        self._requests(at)
        self._warm_up(at)
        self._held(at)

    def _requests(self, at: datetime) -> None:
        number = self._one(_UNDER_WAY, str(at))
        if self.pace.requests and number > self.pace.requests:
            raise TooFast(f"{number} requests under way, and {self.pace.requests} may be")

    def _warm_up(self, at: datetime) -> None:
        plan = self.db.execute(_PLAN).fetchone()
        if plan is None or not self.pace.warm_up:
            return
        days, first, last, day, stopped_at = plan
        if stopped_at is not None:
            raise TooFast("a batch was claimed after the warm-up had stopped")
        whole = WarmUp(began_at=at, days=days, first_limit=first, last_limit=last)
        limits = {each.number: each.limit for each in warm_up_days(whole)}
        number = self._one(_OF_A_DAY, str(at.date()))
        if number > limits.get(day, number):
            raise TooFast(f"{number} readers on day {day}, and {limits[day]} may be")

    def _held(self, at: datetime) -> None:
        for (until,) in self.db.execute(_HELD):
            if at < datetime.fromisoformat(until) <= at + HOUR:
                raise TooFast("a batch was claimed while the provider wants a pause")

    def _one(self, sql: str, *values: Any) -> int:
        [number] = self.db.execute(sql, values).fetchone()
        return number or 0
