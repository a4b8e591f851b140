"""An installation on disk with an issue ready to send."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digest.db import Database
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.personalization import recipient_builder
from digest.delivery.sending.planning import plan_deliveries
from digest.delivery.sending.settlement import RetryPolicy
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.mail.mailing import Content, Mailbox
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.transport import Transport
from digest.migrations.all_tables import METADATA
from digest.process_id import this_process
from subscribers.tokens import Tokens

SECRET = "a secret for tests only, long enough"
BASE_URL = "https://news.example.com"
NEWSLETTER = "weekly"
EDITION = 1


def now() -> datetime:
    return datetime.now(UTC)


def build(path: Path, readers: int) -> None:
    """Make a store with that many confirmed readers and one issue, built and not prepared."""
    database = Database(f"sqlite:///{path}")
    METADATA.create_all(database.engine)
    with database.write() as session:
        session.add(Newsletter(id=1, slug=NEWSLETTER, name="Weekly AI Tool Verdicts"))
        session.flush()
        session.add(
            Issue(
                id=1, newsletter_id=1, number=1, period="2026-W48", state=IssueState.BUILT,
                built_at=now(),
            )
        )  # fmt: skip
        session.flush()
        session.add(
            Edition(
                id=EDITION, issue_id=1, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                frozen_at=now(),
            )
        )  # fmt: skip
    database.close()
    _enrol(path, readers)


def _enrol(path: Path, readers: int) -> None:
    stamp = now().strftime("%Y-%m-%d %H:%M:%S.%f")
    db = sqlite3.connect(path)
    db.executemany(
        "INSERT INTO subscriber (id, address, address_key, language, created_at)"
        " VALUES (?, ?, ?, 'en', ?)",
        ((n, f"r{n}@example.org", f"r{n}@example.org", stamp) for n in range(1, readers + 1)),
    )
    db.execute(
        "INSERT INTO subscription (subscriber_id, newsletter, standing, source, since)"
        " SELECT id, ?, 'confirmed', '', ? FROM subscriber",
        (NEWSLETTER, stamp),
    )
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def plan(database: Database, batch_size: int) -> None:
    """Freeze the issue's audience, in one transaction."""
    with database.write() as session:
        plan_deliveries(
            session,
            issue=session.get_one(Issue, 1),
            edition=session.get_one(Edition, EDITION),
            newsletter=NEWSLETTER,
            batch_size=batch_size,
            now=now(),
        )


def copy(template: Path, path: Path) -> Path:
    """Put a store nobody has open at *path*, with nothing of an earlier one left beside it."""
    shutil.rmtree(f"{path}-events", ignore_errors=True)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
        if suffix != "-shm" and Path(f"{template}{suffix}").exists():
            shutil.copyfile(f"{template}{suffix}", f"{path}{suffix}")
    return path


def sendgrid(url: str, seconds: float = 20.0) -> SendGrid:
    return SendGrid(api_key="any-key", url=url, seconds=seconds)


def sending(
    database: Database,
    transport: Transport,
    *,
    step: Callable[[str], None] = lambda _: None,
    clock: Callable[[], datetime] = now,
    lease: float = 300.0,
    retry_policy: RetryPolicy | None = None,
) -> EditionSend:
    """Return all that sending the issue takes, in the name of this process."""
    return EditionSend(
        store=database,
        transport=transport,
        clock=clock,
        owner=this_process(),
        edition_id=EDITION,
        newsletter=NEWSLETTER,
        issue="weekly-1",
        content=Content(
            subject="S", html="<p>H</p>", text="T", sender=Mailbox("us@example.com", "Us")
        ),
        recipients=recipient_builder(NEWSLETTER, base_url=BASE_URL, tokens=Tokens([SECRET])),
        lease=lease,
        retry_policy=retry_policy or replace(RetryPolicy(), first_wait=0.01, jitter=lambda: 0.0),
        step=step,
    )
