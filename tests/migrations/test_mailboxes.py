"""The migration to counted mailboxes: earlier sign-ups still count."""

from __future__ import annotations

from datetime import UTC, datetime

from alembic import command
from sqlalchemy import text

from digest.db import Database
from digest.migrations.upgrade import config, upgrade
from subscribers.abuse_prevention import rate_limits
from subscribers.abuse_prevention.rate_limits import RateLimits
from subscribers.tokens import Hashes

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
INSERT = text("INSERT INTO throttle (key, started, last, count) VALUES (:key, :at, :at, 3)")
HASHES = Hashes(["a secret for these tests, long enough"])


def test_counts_made_by_revision_0004_are_kept_for_their_day_and_counted_on(
    bare: Database,
) -> None:
    moment = int(NOW.timestamp())
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0004")
        for key, at in (("old", moment - 90_000), ("new", moment)):
            session.execute(INSERT, {"key": key, "at": at})
    with bare.write() as session:
        upgrade(session.connection())
    with bare.write() as session:
        rate_limits.purge(session, NOW)
        asks = [("ann@example.com", "weekly", NOW)]
        assert rate_limits.check_addresses(session, asks, RateLimits().address, HASHES) == [None]
        counts = session.execute(text("SELECT key, seconds FROM throttle ORDER BY seconds, key"))
        kept = {row.key: row.seconds for row in counts}
    assert (kept["new"], "old" in kept) == (86_400, False)
    assert sorted(kept.values()) == [86_400, 86_400, 86_400, 30 * 86_400]
    with bare.write() as session:
        command.downgrade(config(session.connection()), "0004")
        assert session.execute(text("SELECT count(*) FROM throttle")).scalar_one() == 4
