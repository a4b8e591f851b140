"""`digest report` and the provider's events on the command line."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from digest.cli import app as digest_app
from digest.cli.context import CommandContext
from digest.db import Database
from digest.delivery.models import Batch, BatchState, Delivery, DeliveryStatus
from digest.errors import NotFound
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.migrations.upgrade import upgrade
from subscribers.models import Consent, ConsentAct

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ENVIRONMENT = {"DIGEST_SECRET": "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"}
NEWS = (
    DeliveryStatus.DELIVERED,
    DeliveryStatus.BLOCKED,
    DeliveryStatus.BOUNCED,
    DeliveryStatus.COMPLAINED,
    None,
)

Digest = Callable[..., Result]


@pytest.fixture
def digest(tmp_path: Path) -> Digest:
    """Return a function that runs ``digest`` where one issue was sent and another wasn't."""
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    with (
        closing(CommandContext(database_url=url, may_create=True).app.database) as database,
        database.write() as session,
    ):
        upgrade(session.connection())
        session.add(Newsletter(id=1, slug="weekly", name="Weekly"))
        session.flush()
        for n, sent in ((1, NOW), (2, None)):
            state = IssueState.SENT if sent else IssueState.BUILT
            session.add(
                Issue(
                    id=n, newsletter_id=1, number=n, period=f"2026-W4{n}", state=state,
                    built_at=NOW, prepared_at=sent,
                )
            )  # fmt: skip
            session.flush()
            session.add(
                Edition(
                    id=n, issue_id=n, subject=f"Subject {n}", html="<body></body>", text="T",
                    fingerprint="f" * 64, frozen_at=NOW,
                )
            )  # fmt: skip
        session.flush()
        session.add_all(
            Delivery(id=n, edition_id=1, subscriber_id=n, news=news)
            for n, news in enumerate(NEWS, 1)
        )
        session.add(
            Batch(
                id=1, key="b" * 32, root="b" * 32, edition_id=1, number=1, first_delivery=1,
                last_delivery=len(NEWS), size=len(NEWS), state=BatchState.ACCEPTED, attempt=None,
            )
        )  # fmt: skip

    def run(*arguments: str) -> Result:
        command = ["--database", url, *arguments]
        result = CliRunner().invoke(digest_app, command, env=ENVIRONMENT)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def test_a_report_adds_up_everywhere(digest: Digest) -> None:
    printed = digest("report", "1").stdout
    assert "1 blocked, 1 bounced" in printed
    assert re.search(r"No event yet +1 ", printed)
    numbers = orjson.loads(digest("report", "1", "--json").stdout)["numbers"]
    parts = ("delivered", "deferred", "blocked", "bounced", "dropped", "unheard")
    assert sum(numbers[part] for part in parts) == numbers["accepted"] == len(NEWS)
    rows = csv.DictReader(io.StringIO(digest("report", "1", "--csv").stdout))
    totals = {row["measure"]: int(row["value"]) for row in rows if row["part"] == "total"}
    assert {part: totals[part] for part in parts} == {part: numbers[part] for part in parts}


def test_each_edition_is_counted(digest: Digest) -> None:
    [edition] = orjson.loads(digest("report", "1", "--json").stdout)["editions"]
    assert (edition["slice"], edition["revision"], edition["accepted"]) == ("everyone", 1, 5)
    assert (edition["delivered"], edition["complained"], edition["blocked"]) == (2, 1, 1)


def test_the_page_goes_into_a_file_or_to_whoever_asked(digest: Digest, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    digest("report", "1", "--html", str(path))
    assert digest("report", "1", "--html", "-").stdout == path.read_text(encoding="utf-8")
    assert "One issue, 0 readers today." in digest("report", "--all", "--html", "-").stdout


def test_without_the_package_that_draws_the_page_has_tables_and_a_word_says_so(
    digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)  # as where the extra isn't installed
    said = digest("report", "1", "--html", "-")
    assert "<svg" not in said.stdout
    assert "<details open>" in said.stdout
    assert "There are no charts" in said.stdout
    assert 'next: pip install "vl-convert-python<2"' in said.stderr


def test_no_other_command_asks_for_the_package_that_draws() -> None:
    code = (
        "import sys; sys.modules['vl_convert'] = None; from digest.cli import COMMANDS, load\n"
        "for commands in COMMANDS.values(): [load(name) for name in commands]"
    )
    # It's our own command.
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def add_correction(tmp_path: Path, reader: int) -> None:
    """Let a correction of issue 1 go out after an hour, and a reader leave after two."""
    later = NOW + timedelta(hours=1)
    with (
        closing(Database(f"sqlite:///{tmp_path / 'digest.db'}")) as database,
        database.write() as session,
    ):
        correction = Issue(
            id=3, newsletter_id=1, number=100_001, period="2026-W41-100001", corrects_issue_id=1,
            state=IssueState.SENT, built_at=later, prepared_at=later,
            pick={"day": "2026-11-24"},
        )  # fmt: skip
        session.add(correction)
        session.flush()
        session.add(
            Edition(
                id=3, issue_id=3, subject="Correction: a share", html="<body></body>", text="T",
                fingerprint="c" * 64, frozen_at=later,
            )
        )  # fmt: skip
        session.add_all(
            Consent(subscriber_id=reader, newsletter="weekly", act=act, channel="page", at=at)
            for act, at in (
                (ConsentAct.CONFIRMED, NOW - timedelta(days=1)),
                (ConsentAct.WITHDRAWN, later + timedelta(hours=1)),
            )
        )


def test_a_correction_is_named_as_one_and_is_no_issue_of_the_series(
    digest: Digest, tmp_path: Path
) -> None:
    add_correction(tmp_path, reader=1)
    weekly, correction = orjson.loads(digest("report", "--all", "--json").stdout)
    page = digest("report", "--all", "--html", "-").stdout

    assert (weekly["corrects"], correction["corrects"]) == (None, 1)
    assert weekly["unsubscribed"] == 1, "who left is counted until the next weekly issue"
    assert "Weekly, Correction to No. 1 (issue 100001)" in digest("report", "100001").stdout
    assert "One issue, 0 readers today." in page
    assert "No. 100001" not in page


def test_an_issue_that_was_not_sent_has_no_report(digest: Digest) -> None:
    with pytest.raises(NotFound, match="issue 2 hasn't been sent yet"):
        digest("report", "2")


@pytest.mark.parametrize(
    "wrong", [(), ("1", "--all"), ("1", "--csv", "--json"), ("1", "--csv", "--html", "-")]
)
def test_what_contradicts_itself_is_wrong_usage(digest: Digest, wrong: tuple[str, ...]) -> None:
    assert digest("report", *wrong).exit_code == 2


def test_files_of_posts_are_read_again_and_told_of_in_words(digest: Digest, tmp_path: Path) -> None:
    path = tmp_path / "post.json"
    path.write_bytes(orjson.dumps([{"event": "bounce"}]))
    said = digest("events", "replay", str(path)).stdout
    assert "1 unreadable" in said
    assert "{" not in said
