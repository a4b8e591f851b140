"""An installation with an issue of the samples that may be planned, and a list of any length."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from sqlmodel import Session

from digest import samples
from digest.app.installation import App, open_app
from digest.app.send_start import freeze
from digest.cli.installation.init import WEEKLY
from digest.comparisons.loader import read_file
from digest.comparisons.store import store_draft
from digest.delivery.sending.planning import PlannedAudience
from digest.issues import build, store
from digest.issues.calendar.cadence import period_at
from digest.issues.models import Issue, Newsletter
from digest.migrations.upgrade import upgrade
from digest.settings import load
from subscribers.sql import dialect

SECRET = token_hex(32)
_SUBSCRIBERS = (
    "INSERT INTO subscriber (id, address, address_key, language, created_at)"
    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {readers})"
    " SELECT i, 'reader' || i || '@example.org', 'reader' || i || '@example.org', 'en', '{now}'"
    " FROM n WHERE i <= {readers}"
)
_SUBSCRIPTIONS = (
    "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
    " SELECT id, 'weekly', 'confirmed', 'benchmark', created_at FROM subscriber"
)


def environment(url: str, provider: str, folder: Path) -> dict[str, str]:
    """Return the settings of an installation that sends to a provider on this machine."""
    return {
        "DIGEST_DATABASE_URL": url,
        "DIGEST_SECRET": SECRET,
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_API_KEY": "SG.a-key-for-this-machine.only",
        "DIGEST_SENDGRID_URL": provider,
        "DIGEST_BASE_URL": "https://news.example.com",
        "DIGEST_FROM": "Weekly <news@example.com>",
        "DIGEST_POSTAL_ADDRESS": "1 Mill Lane, Anytown",
        "DIGEST_EPOCH_FILE": str(folder / "digest.epoch"),
    }


def installation(variables: Mapping[str, str]) -> App:
    """Return the installation that a command with this environment works with."""
    fields = {
        name if name == "DIGEST_FROM" else name.removeprefix("DIGEST_").lower(): value
        for name, value in variables.items()
    }
    return open_app(load({}, **fields))


def fill(app: App, readers: int) -> None:
    """Make the tables, build an issue, and let so many readers join; the issue isn't planned."""
    now = datetime.now(UTC)
    with app.database.write() as session:
        upgrade(session.connection())
        newsletter = Newsletter(**WEEKLY.model_dump(exclude={"id", "scheduled"}), scheduled=False)
        session.add(newsletter)
        session.flush()
        for path in samples.comparisons():
            store_draft(session, read_file(path), now=now)
        _enrol(session, readers, now)
        build.build(
            session, newsletter, period_at(now, "UTC"), now=now, issue_builder=app.issues.builder
        )


def plan(app: App) -> PlannedAudience:
    """Freeze the issue's audience as a send does, in a transaction of its own."""
    with app.database.write() as session:
        return plan_in(app, session, 1)


def plan_in(app: App, session: Session, issue_id: int) -> PlannedAudience:
    """Freeze an issue's audience; the caller commits."""
    issue = session.get_one(Issue, issue_id)
    return freeze(app, session, issue, store.edition_of(session, issue))


def _enrol(session: Session, readers: int, now: datetime) -> None:
    connection, stamp = session.connection(), f"{now:%Y-%m-%d %H:%M:%S.%f}"
    server = dialect(session) == "postgresql"
    if server:  # the rows match by how they are made: asking for each of millions takes minutes
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    connection.exec_driver_sql(_SUBSCRIBERS.format(readers=readers, now=stamp))
    connection.exec_driver_sql(_SUBSCRIPTIONS)
    if server:
        connection.exec_driver_sql("SET LOCAL session_replication_role = DEFAULT")
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('subscriber', 'id'), max(id)) FROM subscriber"
        )
