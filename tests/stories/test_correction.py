"""An issue that went out wrong: corrected on the command line, for exactly those who got it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.conftest import BATCH, PAGE, READERS, Installation
from tests.stories.warm_start import LIMIT

CORRECTION = "100001"
WHY = "We counted one call twice."
LEFT = ("reader.7@example.org", "reader.310@example.org")
ALL = {f"reader.{number}@example.org" for number in range(READERS)}


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[RunningFake]:
    with running_fake(tmp_path, hold_events=True, may_kill=True, shares={"all": 0.0}) as fake:
        yield fake


@pytest.fixture
def site(ready: Installation, fake: RunningFake) -> Installation:
    """An installation that has sent issue 1 to the fake, and since learned what is right."""
    provider = {
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_URL": fake.url,
        "DIGEST_SENDGRID_API_KEY": "any key",
        "DIGEST_WEBHOOK_KEYS": fake.webhook_key,
        "DIGEST_CONCURRENCY": "1",
    }
    sent = replace(ready, env={**ready.env, **provider})
    sent.done("send", "1")
    for address in LEFT:
        sent.done("subscribers", "leave", address)
    (sent.folder / "new.csv").write_text("email\nnewcomer@example.org\n", "utf-8")
    sent.done("subscribers", "import", "new.csv", "--consent", "They ticked the box.")
    (sent.folder / "page.txt").write_text(PAGE.replace("\n75%\n", "\n50%\n"), "utf-8")
    sent.done("import", "page.txt")
    return sent


def mailed(fake: RunningFake) -> list[str]:
    """Return the address of each copy of the correction that the provider accepted."""
    rows = fake.messages(issue=f"weekly-{CORRECTION}")
    return sorted(row["address"] for row in rows)


def test_a_rehearsal_says_what_to_how_many_and_changes_nothing(site: Installation) -> None:
    said = site.done("correct", "1", "--dry-run", "--why", WHY)
    facts = site.done("correct", "1", "--dry-run", "--json").facts

    assert "panel share of Lathe: 75% → 50%" in said.out
    assert f"It goes to {READERS - len(LEFT)} readers who got issue 1, and to nobody" in said.out
    assert f"left out: {len(LEFT)} unsubscribed" in said.out
    assert (facts["readers"], facts["stored"]) == (READERS - len(LEFT), False)
    assert facts["left_out"] == [{"reason": "unsubscribed", "readers": len(LEFT)}]
    assert [change["kind"] for change in facts["changes"]] == ["panel-share"]
    assert [issue["issue"] for issue in site.done("status", "--json").facts["issues"]] == [1]


def test_exactly_those_who_got_it_wrong_get_it_right_whatever_kills_the_sender(
    site: Installation, fake: RunningFake
) -> None:
    built = site.done("correct", "1", "--why", WHY, "--json").facts
    refused = site.run("send", CORRECTION)
    site.done("approve", CORRECTION, "--by", "the tests")
    with site.started("send", CORRECTION) as sender:
        fake.set_faults([{"do": "kill", "pid": sender.pid, "accept": True, "on": 3}])
        sender.communicate(timeout=LIMIT)
    fake.set_faults([])
    half = len(mailed(fake))
    site.run("send", CORRECTION)
    status = site.run("status", CORRECTION, "--json").facts

    assert built["corrects"] == 1
    assert f"issue {CORRECTION} isn't approved" in refused.err
    assert sender.returncode == -signal.SIGKILL
    assert 0 < half < READERS - len(LEFT)
    assert mailed(fake) == sorted(ALL - {*LEFT})
    assert status["accepted"] + status["in_doubt"] == READERS - len(LEFT)
    assert (status["candidates"], status["excluded"]) == (READERS, len(LEFT))
    assert status["in_doubt"] <= BATCH
    report = site.done("report", CORRECTION).out
    assert "Correction to No. 1 (issue 100001)" in report


def test_each_step_says_what_can_be_done(site: Installation) -> None:
    site.done("correct", "1")

    assert "digest correct 1 --again" in site.run("correct", "1").err
    assert "digest correct 1 --again" in site.run("correct", CORRECTION).err
    shown = site.done("show", CORRECTION).out
    assert "100001 corrects No. 1, built" in shown
    assert "corrects No. 1, dated " in site.done("status", CORRECTION).out
