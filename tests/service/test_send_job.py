"""The send job: issues on their way are sent, long interruptions pause them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from digest.app.installation import App, open_app
from digest.delivery.models import Batch, Installation
from digest.delivery.pace import start_warm_up
from digest.delivery.sending.control import resume
from digest.delivery.sending.planning import plan_deliveries
from digest.delivery.sending.queue import claim
from digest.delivery.sending.restore_guard import DatabaseRestored
from digest.delivery.sending.worker_processes import StopSignal
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.migrations.upgrade import upgrade
from digest.service.job_registry import release_decision
from digest.service.send_job import SendJob, pause_if_interrupted, recover_idle_issues
from digest.settings import load
from subscribers.models import Standing, Subscriber, Subscription

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"


@dataclass
class SendInstallation:
    """An installation with an outbox folder, and one issue being sent since noon."""

    app: App
    outbox: Path

    def sender(self) -> SendJob:
        return SendJob(self.app, StopSignal())

    def mails(self) -> int:
        return len(list(self.outbox.glob("weekly-1/*.eml")))

    def issue(self) -> Issue:
        with self.app.database.read() as session:
            return session.get_one(Issue, 1)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[SendInstallation]:
    settings = load(
        {},
        database_url=f"sqlite:///{tmp_path / 'digest.db'}",
        secret=SECRET,
        outbox=tmp_path / "outbox",
        batch_size=1,
    )
    app = open_app(settings, clock=lambda: NOON)
    with app.database.write() as session:
        upgrade(session.connection())
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        for number in (1, 2, 3):
            address = f"reader{number}@example.org"
            session.add(
                Subscriber(id=number, address=address, address_key=address, created_at=NOON)
            )
            session.flush()
            session.add(
                Subscription(
                    subscriber_id=number,
                    newsletter="weekly",
                    standing=Standing.CONFIRMED,
                    since=NOON,
                )
            )
        built = IssueState.BUILT
        session.add(
            Issue(id=1, newsletter_id=1, number=1, period="2026-W48", state=built, built_at=NOON)
        )
        session.flush()
        session.add(
            Edition(
                id=1, issue_id=1, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                frozen_at=NOON,
            )
        )  # fmt: skip
        session.flush()
        plan_deliveries(
            session,
            issue=session.get_one(Issue, 1),
            edition=session.get_one(Edition, 1),
            newsletter="weekly",
            batch_size=1,
            now=NOON,
        )
    yield SendInstallation(app, tmp_path / "outbox")
    app.database.close()


def test_an_issue_on_its_way_is_sent_to_the_end(installation: SendInstallation) -> None:
    assert installation.sender().run(NOON) == "weekly-1: 3 accepted"
    assert installation.issue().state is IssueState.SENT
    assert installation.mails() == 3


def test_an_issue_interrupted_for_too_long_is_paused_with_the_reason(
    installation: SendInstallation,
) -> None:
    summary = installation.sender().run(NOON + timedelta(hours=13))
    assert summary == "weekly-1: paused, its send was interrupted, and it's 13 hours late"
    assert installation.issue().state is IssueState.PAUSED
    assert installation.mails() == 0


def test_an_issue_that_a_limit_spreads_over_days_was_not_interrupted(
    installation: SendInstallation,
) -> None:
    with installation.app.database.write() as session:
        start_warm_up(session, now=NOON, days=3, first=1, last=2)
    installation.sender().run(NOON)
    assert installation.mails() == 1
    next_day = NOON + timedelta(hours=30)
    assert pause_if_interrupted(installation.app, 1, next_day) == ""
    assert "interrupted" in pause_if_interrupted(installation.app, 1, NOON + timedelta(hours=37))


def test_an_issue_that_a_person_resumes_goes_on(installation: SendInstallation) -> None:
    late = NOON + timedelta(hours=13)
    sender = installation.sender()
    sender.run(late)
    with installation.app.database.write() as session:
        resume(session, session.get_one(Issue, 1), late)
    assert sender.run(late) == "weekly-1: 3 accepted"


def test_a_send_of_this_process_may_take_as_long_as_it_takes(
    installation: SendInstallation,
) -> None:
    sender = SendJob(installation.app, StopSignal(), {1})
    assert sender.run(NOON + timedelta(hours=13)) == "weekly-1: 3 accepted"


def test_a_stopped_sender_begins_nothing(installation: SendInstallation) -> None:
    sender = installation.sender()
    sender.stop_signal.stop()
    assert sender.run(NOON) == ""
    assert installation.mails() == 0


def test_A14_a_restored_database_sends_nothing(installation: SendInstallation) -> None:
    with installation.app.database.write() as session:
        session.add(Installation(id=1, key="k", copied_at=NOON))
    with pytest.raises(DatabaseRestored):
        installation.sender().run(NOON)
    assert installation.mails() == 0


def test_a_send_that_goes_on_while_an_issue_is_looked_at_is_no_sign_of_a_restore(
    installation: SendInstallation,
) -> None:
    with installation.app.database.read() as session:  # which sees the database as it is now
        issue = session.get_one(Issue, 1)
        installation.sender().run(NOON)
        assert "nothing is sent" not in release_decision(installation.app, session, issue).why


def test_E03_a_batch_does_not_wait_for_a_clock_that_was_set_back(
    installation: SendInstallation,
) -> None:
    with installation.app.database.write() as session:
        session.get_one(Batch, 1).not_before = NOON + timedelta(days=1)
        session.get_one(Batch, 2).not_before = NOON + timedelta(minutes=1)
    assert (
        recover_idle_issues(installation.app)
        == "1 batches no longer wait for a clock that was wrong"
    )
    with installation.app.database.read() as session:
        waits = [session.get_one(Batch, number).not_before for number in (1, 2)]
    assert waits == [None, NOON + timedelta(minutes=1)]


def test_cancelled_issues_of_years_cost_no_write_a_minute(installation: SendInstallation) -> None:
    statements: list[str] = []
    with installation.app.database.write() as session:
        session.get_one(Issue, 1).state = IssueState.CANCELLED
    event.listen(
        installation.app.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: statements.append(statement),
    )
    assert recover_idle_issues(installation.app) == ""
    assert not [each for each in statements if "IMMEDIATE" in each or each.startswith("UPDATE")]


def test_a_batch_that_a_dead_sender_held_when_its_issue_was_paused_is_moved_on(
    installation: SendInstallation,
) -> None:
    an_hour_ago = NOON - timedelta(hours=1)
    with installation.app.database.write() as session:
        held = claim(
            session, edition_id=1, newsletter="weekly", owner="gone", now=an_hour_ago, lease=60
        )
        session.get_one(Issue, 1).state = IssueState.PAUSED
    assert held is not None
    assert recover_idle_issues(installation.app) == "1 batches of dead senders"
    assert recover_idle_issues(installation.app) == ""


def test_every_line_of_a_send_carries_its_id_and_no_address(
    installation: SendInstallation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "digest.service"):
        installation.sender().run(NOON)
    facts = [vars(record)["facts"] for record in caplog.records]
    assert [fields["send"] for fields in facts] == ["weekly-1"] * 3
    assert len({fields["attempt"] for fields in facts}) == 3
    assert "@" not in caplog.text


def test_with_nothing_on_its_way_nothing_is_said(installation: SendInstallation) -> None:
    sender = installation.sender()
    sender.run(NOON)
    assert sender.run(NOON) == ""
