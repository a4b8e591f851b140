"""Mail that came back, from a mailbox or a pipe to the reader who isn't mailed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from mailbox import Maildir
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlmodel import col, select
from typer.testing import CliRunner, Result

from digest.app.installation import App, open_app
from digest.cli.context import CommandContext, Unconfirmed
from digest.cli.events.bounce_commands import EX_TEMPFAIL
from digest.cli.events.bounce_commands import app as bounce_commands
from digest.delivery.events import count_dead_letters
from digest.delivery.models import Attempt, Batch, Delivery, MailEvent
from digest.delivery.sending import StopSignal
from digest.delivery.sending.planning import plan_deliveries
from digest.doctor import HealthLevel, run_checks
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.mail.smtp.return_path import return_path
from digest.migrations.upgrade import upgrade
from digest.service import jobs_of
from digest.service.send_job import SendJob
from digest.settings import load
from subscribers.models import READERS_LETTERS, Standing, Subscriber, Subscription
from subscribers.suppression import find
from tests.mail.smtp import returned_mails as mails
from tests.mail.smtp.postfix_server import postfix_can_run, running_postfix, wait_for
from tests.mail.smtp.returned_mails import failed, report

NOON = datetime(2026, 2, 3, 8, 0, tzinfo=UTC)  #: an hour before the bounces' own date
LATER = NOON + timedelta(hours=2)
BOUNCES = "bounces@news.example"
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"


@dataclass
class BounceInstallation:
    """An installation with a mailbox for bounces, and three readers."""

    app: App
    folder: Path
    mailbox: Path
    times: list[datetime]  #: the clock says the last of them

    def send(self, number: int) -> list[str]:
        """Send an issue, and return the addresses that got it."""
        with self.app.database.write() as session:
            plan(session, number, self.app.clock())
        SendJob(self.app, StopSignal()).run(self.app.clock())
        copies = (self.folder / "outbox" / f"weekly-{number}").glob("*.eml")
        return sorted(line for copy in copies for line in to_of(copy))

    def token(self, number: int) -> str:
        """Return the token of the first issue's copy to reader *number*."""
        with self.app.database.read() as session:
            delivery, attempt = session.exec(
                select(Delivery, Attempt)
                .join(Batch, col(Batch.first_delivery) <= col(Delivery.id))
                .join(Attempt, col(Attempt.batch_id) == col(Batch.id))
                .where(
                    col(Batch.last_delivery) >= col(Delivery.id), Delivery.subscriber_id == number
                )
            ).first() or pytest.fail("no such copy")
            return self.app.return_paths.token(
                attempt=attempt.key, delivery=str(delivery.id), address=address(number)
            )

    def bounce(self, number: int, status: str = "5.1.1") -> bytes:
        token = self.token(number)
        return report(
            failed(status, address=address(number)),
            to=return_path(BOUNCES, token),
            returned=mails.our_headers(token, address(number)),
        )

    def run(self, *arguments: str, piped: bytes | None = None) -> Result:
        call = CommandContext(is_interactive=lambda: False)
        call.app, call.settings = self.app, self.app.settings
        return CliRunner().invoke(bounce_commands, ["read", *arguments], obj=call, input=piped)

    def read(self, *arguments: str) -> dict[str, Any]:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        facts: dict[str, Any] = orjson.loads(result.stdout)
        return facts

    def suppressed(self) -> dict[int, str]:
        with self.app.database.read() as session:
            rows = session.exec(select(Subscriber).where(col(Subscriber.suppressed).is_not(None)))
            return {row.id or 0: row.suppressed or "" for row in rows}

    def news(self) -> dict[int, str]:
        with self.app.database.read() as session:
            rows = session.exec(select(Delivery).where(col(Delivery.news).is_not(None)))
            return {row.subscriber_id: str(row.news) for row in rows}

    def events(self) -> int:
        with self.app.database.read() as session:
            return len(session.exec(select(MailEvent)).all())

    def dead(self) -> int:
        with self.app.database.read() as session:
            return count_dead_letters(session).ever


def address(number: int) -> str:
    return f"reader{number}@example.org"


def to_of(copy: Path) -> list[str]:
    lines = copy.read_text().splitlines()
    return [line.removeprefix("To: ") for line in lines if line.startswith("To: ")]


def plan(session: Any, number: int, now: datetime) -> None:
    """Freeze an issue, and its deliveries."""
    issue = Issue(
        id=number, newsletter_id=1, number=number, period=f"2026-W{number + 5:02}",
        state=IssueState.BUILT, built_at=now,
    )  # fmt: skip
    session.add(issue)
    session.flush()
    edition = Edition(
        id=number, issue_id=number, subject="S", html="<p>H</p>", text="T",
        fingerprint="f", frozen_at=now,
    )  # fmt: skip
    session.add(edition)
    session.flush()
    plan_deliveries(
        session, issue=issue, edition=edition, newsletter="weekly", batch_size=2, now=now
    )


@contextmanager
def opened(folder: Path, mailbox: Path, **settings: Any) -> Iterator[BounceInstallation]:
    """Yield an installation with three readers; its clock says noon."""
    given = load(
        {},
        database_url=f"sqlite:///{folder / 'digest.db'}",
        secret=SECRET,
        outbox=folder / "outbox",
        bounce_mailbox=mailbox,
        **settings,
    )
    times = [NOON]
    app = open_app(given, clock=lambda: times[-1])
    with app.database.write() as session:
        upgrade(session.connection())
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        for number in (1, 2, 3):
            key = address(number)
            session.add(Subscriber(id=number, address=key, address_key=key, created_at=NOON))
            session.flush()
            session.add(
                Subscription(
                    subscriber_id=number,
                    newsletter="weekly",
                    standing=Standing.CONFIRMED,
                    since=NOON,
                )
            )
    yield BounceInstallation(app, folder, mailbox, times)
    app.database.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[BounceInstallation]:
    """An installation that has sent its first issue, to the outbox folder."""
    with opened(tmp_path, tmp_path / "bounces") as made:
        assert len(made.send(1)) == 3
        made.times.append(LATER)
        Maildir(made.mailbox)
        yield made


def put(installation: BounceInstallation, *raws: bytes) -> None:
    for raw in raws:
        Maildir(installation.mailbox).add(raw)


def test_a_reader_whose_mail_bounced_is_left_out_of_the_next_issue(
    installation: BounceInstallation,
) -> None:
    put(installation, installation.bounce(2), installation.bounce(3, "4.2.2"))
    facts = installation.read()
    assert (facts["read"], facts["report"]) == (2, 2)
    assert installation.suppressed() == {2: "hard-bounce"}
    assert installation.news() == {2: "bounced", 3: "blocked"}
    assert installation.send(2) == [address(1), address(3)]


def test_a_bounce_read_twice_counts_once(installation: BounceInstallation) -> None:
    put(installation, installation.bounce(2))
    installation.read()
    put(installation, installation.bounce(2))
    installation.read()
    assert installation.events() == 1
    assert len(Maildir(installation.mailbox)) == 0


def test_a_complaint_by_mail_suppresses_its_reader(installation: BounceInstallation) -> None:
    put(installation, mails.COMPLAINT.replace(mails.TOKEN.encode(), installation.token(1).encode()))
    assert installation.read()["complaint"] == 1
    assert installation.suppressed() == {1: "complaint"}


def test_a_forged_bounce_suppresses_nobody_and_is_a_dead_letter(
    installation: BounceInstallation,
) -> None:
    own = installation.token(2)
    put(
        installation,
        report(failed(address=address(1)), to=BOUNCES, returned="Subject: x\n"),
        installation.bounce(1).replace(installation.token(1).encode(), own[:-4].encode() + b"aaaa"),
    )
    facts = installation.read()
    assert (facts["foreign"], facts["kept"], installation.dead()) == (2, 2, 2)
    assert installation.suppressed() == {}
    assert installation.events() == 0


def test_a_reader_s_own_token_suppresses_nobody_else(installation: BounceInstallation) -> None:
    own = installation.token(2).encode()
    put(installation, installation.bounce(1).replace(installation.token(1).encode(), own))
    installation.read()
    assert installation.suppressed() == {2: "hard-bounce"}


@pytest.mark.parametrize("kind", READERS_LETTERS)
def test_the_bounce_of_a_letter_suppresses_an_address_that_nobody_has(
    installation: BounceInstallation, kind: str
) -> None:
    new = "new@example.org"
    token = installation.app.return_paths.token(
        attempt="", delivery=f"{kind}-{'a' * 32}", address=new
    )
    to = return_path(BOUNCES, token)
    put(installation, report(failed(address=new), to=to))
    installation.read()
    with installation.app.database.read() as session:
        assert find(session, new, installation.app.hashes) is not None


def test_a_mail_on_a_pipe_is_stored_and_applied(installation: BounceInstallation) -> None:
    result = installation.run("-", piped=installation.bounce(2))
    assert (result.exit_code, result.stdout) == (0, "Read 1 mail: 1 delivery report.\n")
    assert installation.suppressed() == {2: "hard-bounce"}


def test_a_forged_mail_on_a_pipe_is_taken_so_that_it_does_not_come_back(
    installation: BounceInstallation,
) -> None:
    result = installation.run("-", piped=b"From: eve@example.com\n\nhello\n")
    assert result.exit_code == 0
    assert installation.dead() == 1


def test_a_mail_that_cannot_be_stored_stays_with_the_mail_server(
    installation: BounceInstallation,
) -> None:
    folder = installation.app.events.spool_folder
    for left in folder.glob("*"):
        left.unlink()
    if folder.is_dir():
        folder.rmdir()
    folder.write_text("in the way")
    result = installation.run("-", piped=installation.bounce(2))
    assert result.exit_code == EX_TEMPFAIL
    assert "spool" in result.stderr
    assert address(2) not in result.stderr


def test_a_mailbox_that_is_missing_is_an_error_that_says_so(
    installation: BounceInstallation,
) -> None:
    result = installation.run(str(installation.folder / "none"), "--yes")
    assert "there is no mailbox" in str(result.exception)


def test_a_mailbox_that_the_settings_do_not_name_is_emptied_only_after_a_yes(
    installation: BounceInstallation,
) -> None:
    other = installation.folder / "somebody-s"
    Maildir(other).add(b"Subject: private\n\nwords")
    result = installation.run(str(other))
    assert isinstance(result.exception, Unconfirmed)
    assert len(Maildir(other)) == 1


def test_the_service_reads_the_mailbox(installation: BounceInstallation) -> None:
    put(installation, installation.bounce(2), mails.OUT_OF_OFFICE)
    jobs = {job.name: job for job in jobs_of(installation.app, StopSignal())}
    said = jobs["bounces"].run(LATER)
    assert said == "read 2 mails that came back: 1 foreign, 1 report"
    assert jobs["bounces"].then == ("events",)
    assert "1" in jobs["events"].run(LATER)
    assert installation.suppressed() == {2: "hard-bounce"}


def test_the_doctor_says_when_mails_wait_that_nobody_reads(
    installation: BounceInstallation,
) -> None:
    def found() -> tuple[HealthLevel, str]:
        [check] = [c for c in run_checks(installation.app) if c.about == "bounces"]
        return check.weight, check.says

    assert found() == (HealthLevel.FINE, f"0 mails wait in {installation.mailbox}, never read")
    put(installation, installation.bounce(2))
    assert found() == (HealthLevel.WARNING, f"1 mail waits in {installation.mailbox}, never read")
    Maildir(installation.mailbox).clear()
    for part in ("new", "cur", "tmp"):
        (installation.mailbox / part).rmdir()
    installation.mailbox.rmdir()
    assert found()[0] is HealthLevel.WARNING
    assert "there is no mailbox" in found()[1]


@pytest.mark.skipif(not postfix_can_run(), reason="Postfix isn't installed, or no root runs this")
def test_a_mail_that_postfix_returns_leaves_its_reader_out_of_the_next_issue(
    tmp_path: Path,
) -> None:
    with (
        running_postfix(BOUNCES, address(1), address(3)) as postfix,
        opened(
            tmp_path,
            postfix.maildir(BOUNCES),
            transport="smtp",
            smtp_host="127.0.0.1",
            smtp_port=postfix.port,
            smtp_security="none",
            bounce_address=BOUNCES,
        ) as installation,
    ):
        installation.send(1)
        installation.times.append(LATER)
        wait_for(lambda: bool(postfix.mails(BOUNCES)), postfix)
        [returned] = postfix.mails(BOUNCES)
        piped = installation.run("-", "--recipient", BOUNCES, piped=returned.read_bytes())
        facts = installation.read()  # the same mail once more
        installation.send(2)
        wait_for(lambda: all(len(postfix.mails(address(n))) == 2 for n in (1, 3)), postfix)
        tried = postfix.log.count(f"to=<{address(2)}>")
    assert piped.exit_code == 0
    assert (facts["read"], facts["report"], installation.events()) == (1, 1, 1)
    assert installation.suppressed() == {2: "hard-bounce"}
    assert tried == 1
