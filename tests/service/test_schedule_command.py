"""Schedule, doctor and status on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from digest.cli import app as digest_app
from digest.cli.context import CommandContext
from digest.errors import DigestError
from digest.issues.calendar.cadence import BadCadence
from digest.issues.calendar.exceptions import BadShift
from digest.issues.models import Newsletter
from digest.migrations.upgrade import upgrade

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778"

Digest = Callable[..., Result]


@pytest.fixture
def digest(tmp_path: Path) -> Digest:
    """Return a function that runs ``digest`` in an installation with one newsletter."""
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    call = CommandContext(database_url=url, may_create=True)
    with call.app.database.write() as session:
        upgrade(session.connection())
        session.add(Newsletter(slug="weekly", name="Weekly"))
    call.app.database.close()

    def run(*arguments: str) -> Result:
        environment = {"DIGEST_SECRET": SECRET, "DIGEST_OUTBOX": str(tmp_path / "outbox")}
        result = CliRunner().invoke(digest_app, ["--database", url, *arguments], env=environment)
        fault = result.exception
        if fault is not None and not isinstance(fault, SystemExit):
            raise fault
        return result

    return run


def facts(result: Result) -> dict[str, object]:
    values: dict[str, object] = orjson.loads(result.stdout)
    return values


def test_the_next_ten_moments_are_printed_in_local_and_utc_time(digest: Digest) -> None:
    digest("schedule", "set", "--on", "thu", "--at", "07:30", "--zone", "Europe/Berlin")
    described = facts(digest("schedule", "--json"))
    moments = described["moments"]
    assert described["cadence"] == "every Thursday at 07:30, Europe/Berlin"
    assert isinstance(moments, list)
    assert len(moments) == 10
    assert all("T07:30:00+0" in moment["local"] for moment in moments)
    assert all(moment["utc"].endswith(":30:00+00:00") for moment in moments)


def test_who_does_what_is_reported(digest: Digest) -> None:
    output = digest("schedule").stdout
    assert "emails it to the editors" in output
    assert "once an editor has approved it" in output
    digest("unattended", "on")
    assert "goes out if the checks find nothing" in digest("schedule").stdout


def test_a_monthly_newsletter_says_which_weekday(digest: Digest) -> None:
    digest("schedule", "set", "--every", "month", "--nth", "last", "--on", "friday")
    assert "the last Friday of the month" in digest("schedule").stdout
    digest("schedule", "set", "--every", "week")
    assert "every Friday" in digest("schedule").stdout


def test_a_blackout_shows_and_can_be_taken_back(digest: Digest) -> None:
    moments = facts(digest("schedule", "--json"))["moments"]
    assert isinstance(moments, list)
    day = moments[2]["local"][:10]
    digest("schedule", "blackout", day, "--why", "holidays")
    assert "no issue: holidays" in digest("schedule").stdout
    digest("schedule", "blackout", day, "--remove")
    assert "holidays" not in digest("schedule").stdout


def test_a_shift_moves_one_moment(digest: Digest) -> None:
    moments = facts(digest("schedule", "--json"))["moments"]
    assert isinstance(moments, list)
    before, period = moments[2]["local"], moments[2]["period"]
    wall = before[:11] + "15:45"
    digest("schedule", "shift", period, "--to", wall)
    after = facts(digest("schedule", "--json"))["moments"]
    assert isinstance(after, list)
    assert after[2]["local"].startswith(wall)
    assert after[3] == moments[3]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["set"], DigestError),
        (["rules", "--draft-before", "12"], DigestError),
        (["rules", "--remind-before", "72"], DigestError),
        (["set", "--zone", "Mars/Olympus"], BadCadence),
        (["set", "--on", "t"], BadCadence),
        (["set", "--at", "nine"], DigestError),
        (["set", "--every", "month"], DigestError),
        (["blackout", "2026-13-01"], DigestError),
        (["shift", "2020-W01", "--to", "2026-11-26T10:00"], BadShift),
        (["shift", "2026-W48", "--to", "2026-11-26T10:00Z"], DigestError),
        (["evergreen", "nothing-like-it"], DigestError),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_changes(
    digest: Digest, arguments: list[str], fault: type[Exception]
) -> None:
    before = digest("schedule", "--json").stdout
    with pytest.raises(fault):
        digest("schedule", *arguments)
    assert digest("schedule", "--json").stdout == before


def test_an_empty_evergreen_list_says_how_to_fill_it(digest: Digest) -> None:
    assert "digest schedule evergreen SLUG" in digest("schedule", "evergreen").stdout
    output = digest("schedule", "rules", "--when-empty", "evergreen").stdout
    assert "which is empty: digest schedule evergreen SLUG" in output


def test_a_paused_newsletter_says_so(digest: Digest) -> None:
    digest("schedule", "pause")
    assert "Paused" in digest("schedule").stdout
    digest("schedule", "resume")
    assert "Paused" not in digest("schedule").stdout


def test_status_says_that_nothing_happens_by_itself_yet(digest: Digest) -> None:
    assert "digest run" in digest("status").stdout
    described = facts(digest("status", "--json"))
    nothing: dict[str, list[str]] = {name: [] for name in ("issues", "turns", "ticks", "webhooks")}
    assert described.items() >= {**nothing, "hold": None, "scheduled": True}.items()


def test_the_doctor_without_dns_prints_no_records(digest: Digest) -> None:
    result = digest("doctor", "--no-dns")
    assert result.exit_code == 0
    assert "DMARC" not in result.stdout
    described = facts(digest("doctor", "--no-dns", "--json"))
    assert (described["fit"], described["dns"]) == (True, [])


def test_the_doctor_ends_with_a_sentence_that_sums_it_up(digest: Digest) -> None:
    last = digest("doctor", "--no-dns").stdout.splitlines()[-1]
    assert last.startswith("Ready for a trial. Mail goes to the folder ")


def test_the_doctor_fails_for_what_is_unfit(digest: Digest, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        digest_app,
        ["--database", f"sqlite:///{tmp_path / 'digest.db'}", "doctor", "--no-dns"],
        env={"DIGEST_SECRET": "x" * 40},
    )
    assert result.exit_code == 1
    assert "looks like a placeholder" in result.stdout
