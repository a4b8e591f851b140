"""A provider outage, as the operator sees it at the terminal."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.conftest import BATCH, READERS, Installation
from tests.stories.test_interrupted_send import until
from tests.stories.warm_start import LIMIT

MOMENT = "2026-11-24 09:00:00.000000"
WHO = ["--by", "the operator", "--why", "the provider has no trace of it"]


@pytest.fixture
def fake(ready: Installation) -> Iterator[RunningFake]:
    with faked(ready) as fake:
        yield fake


@pytest.fixture
def site(ready: Installation, fake: RunningFake) -> Installation:
    return told_of(ready, fake)


@dataclass(frozen=True)
class BadDay:
    """A folder, its provider, and the batches in doubt since that broke down."""

    site: Installation
    fake: RunningFake
    batches: list[str]


@pytest.fixture(scope="module")
def broken_down(
    approved: Installation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, list[str]]:
    """A send during which the provider answered 503: ask for `doubt`, which is a copy."""
    folder = tmp_path_factory.mktemp("broken") / "site"
    shutil.copytree(approved.folder, folder)
    made = replace(approved, folder=folder)
    with faked(made) as fake:
        return made, doubts(told_of(made, fake), fake)


@pytest.fixture
def doubt(broken_down: tuple[Installation, list[str]], tmp_path: Path) -> Iterator[BadDay]:
    made, batches = broken_down
    folder = tmp_path / "site"
    shutil.copytree(made.folder, folder)  # the provider's ledger too
    copy = replace(made, folder=folder)
    with faked(copy) as fake:
        yield BadDay(told_of(copy, fake), fake, batches)


def faked(site: Installation) -> AbstractContextManager[RunningFake]:
    return running_fake(site.folder, hold_events=True, shares={"all": 0.0})


def told_of(site: Installation, fake: RunningFake) -> Installation:
    """Return a folder whose settings name its provider."""
    provider = {
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_URL": fake.url,
        "DIGEST_SENDGRID_API_KEY": "any key",
        "DIGEST_WEBHOOK_KEYS": fake.webhook_key,
        "DIGEST_CONCURRENCY": "1",
    }
    return replace(site, env={**site.env, **provider})


def doubts(site: Installation, fake: RunningFake) -> list[str]:
    """Send while the provider answers 503, until the breaker opens; returns the batches."""
    fake.set_faults([{"do": "status", "status": 503, "accept": False, "first": 1}])
    with site.started("send", "1") as sender:
        until(lambda: "held back" in site.done("status", "1").out)
        sender.send_signal(signal.SIGTERM)
        sender.communicate(timeout=LIMIT)
    assert sender.returncode == 1
    fake.set_faults([])
    return [each["batch"] for each in site.status()["problems"] if each["evidence"]]


def test_D2_a_provider_that_breaks_down_gets_three_batches_and_status_says_so(
    doubt: BadDay,
) -> None:
    site = doubt.site
    assert len(doubt.batches) == 3
    counts = site.status()
    assert (counts["in_doubt"], counts["pending"]) == (3 * BATCH, READERS - 3 * BATCH)
    said = site.done("status", "1").out
    assert "held back: 3 requests in a row failed: the provider answered 503" in said
    assert "one is tried at" in said


@pytest.mark.parametrize("way", ["keys", "all", "since"])
def test_many_doubts_are_decided_on_at_once_and_each_is_on_record(doubt: BadDay, way: str) -> None:
    site, fake, batches = doubt.site, doubt.fake, doubt.batches
    which = {
        "keys": [*batches, "unsent"],
        "all": ["unsent", "--all", "1"],
        "since": ["unsent", "--all", "1", "--since", "2020-01-01 00:00"],
    }[way]
    said = site.done("resolve", *which, *WHO).out
    assert said.count("is now unsent") == 3
    assert said.endswith("Next: digest send 1\n")
    with closing(sqlite3.connect(site.folder / "digest.db")) as db:
        kept = db.execute("SELECT verdict, by, why FROM decision").fetchall()
    assert kept == [("unsent", "the operator", "the provider has no trace of it")] * 3
    site.done("resume", "1")
    site.done("send", "1")
    assert (site.status()["state"], fake.counts()["duplicates"]) == ("sent", 0)


def test_no_doubt_is_decided_on_by_a_call_that_names_none(
    doubt: BadDay,
) -> None:
    site = doubt.site
    for wrong in (
        ["unsent"],
        ["0123", "unsent", "--all", "1"],
        ["unsent", "--since", "2020-01-01"],
        ["unsent", "--all", "1", "--since", "2100-01-01"],
    ):
        assert site.run("resolve", *wrong, *WHO).code != 0
    assert site.status()["in_doubt"] == 3 * BATCH


def test_what_resolve_cannot_do_it_says_in_plain_words(doubt: BadDay) -> None:
    site, batches = doubt.site, doubt.batches
    said = {
        ("0123", "unsent", "--all", "1"): "name batches or use --all 1, not both",
        ("unsent", "--since", "2020-01-01"): "needs --all ISSUE",
        ("unsent", "--all", "1", "--since", "yesterday"): "as 2026-11-24 or",
        ("deadbeefdead", "unsent"): "no batch has a key that begins with deadbeefdead",
    }
    for call, words in said.items():
        assert words in " ".join(site.run("resolve", *call, *WHO).err.replace("│", "").split())
    told = site.done("status", "1").out
    assert f"3 batches, {3 * BATCH} readers: may have been sent" in told
    assert f"their keys: {' '.join(batches)}" in told
    assert told.count("digest resolve") == 1


def test_a_send_beside_another_says_that_it_has_nothing_to_do(
    site: Installation, fake: RunningFake
) -> None:
    fake.set_faults([{"do": "delay", "seconds": 5, "first": 1}])
    many = {"DIGEST_BATCH_SIZE": "1000"}
    with site.started("send", "1", **many) as first:
        until(lambda: site.status()["under_way"] == READERS)
        second = site.run("send", "1", **many)
        first.communicate(timeout=LIMIT)
    assert "Another process is sending the rest, so there is nothing to do." in second.err
    assert (second.code, first.returncode) == (0, 0)


def test_D3_an_issue_nobody_gets_ends_with_1_and_one_line_for_each_reason(
    site: Installation, fake: RunningFake
) -> None:
    fake.set_faults([{"do": "refuse"}])
    said = site.run("send", "1")
    assert said.code == 1
    assert site.status()["state"] == "paused"
    lines = [line for line in said.err.splitlines() if line.startswith("refused: ")]
    assert len(lines) <= 3, lines
    assert "times in all" in said.err


def test_D3_the_refused_are_offered_it_again_by_a_word(
    site: Installation, fake: RunningFake
) -> None:
    bad = [f"reader.{number}@example.org" for number in range(20)]
    fake.set_faults({"addresses": {"listed": bad}})
    assert site.run("send", "1").code == 1
    assert "--refused-again" in site.done("status", "1").out
    fake.reset()
    said = site.done("send", "1", "--refused-again")
    assert "Trying again for 20 readers." in said.err
    assert (site.status()["accepted"], fake.counts()["messages"]) == (READERS, 20)


def test_D16_a_cancelled_issue_tells_why_and_whom_it_left_out(
    doubt: BadDay,
) -> None:
    site = doubt.site
    site.done("cancel", "1", "--why", "wrong list", "--yes")
    left = READERS - 3 * BATCH
    said = site.done("status", "1").out
    assert "reason for cancelling: wrong list" in said
    assert f"{left} excluded: the issue was cancelled: wrong list" in said
    assert (site.status()["note"], site.status()["called_off"]) == ("wrong list", left)
    assert len(site.done("status", "1", "--who").out.splitlines()) == left


def test_a_reader_left_out_is_told_in_one_line_whatever_the_address_holds(doubt: BadDay) -> None:
    site = doubt.site
    site.done("cancel", "1", "--yes")
    with closing(sqlite3.connect(site.folder / "digest.db")) as db:
        db.execute("UPDATE subscriber SET address = 'a\nspoof: \x1b[2J@example.org' || id")
        db.commit()
    said = site.done("status", "1", "--who").out
    assert len(said.splitlines()) == READERS - 3 * BATCH
    assert "\x1b" not in said


def test_D16_an_empty_key_says_what_to_do(site: Installation) -> None:
    said = site.run("send", "1", DIGEST_SENDGRID_API_KEY="")
    assert said.code != 0
    assert "next: make a key at the provider" in said.err


def test_D16_what_could_not_be_used_is_shown_as_text_and_not_as_commands(
    ready: Installation,
) -> None:
    with closing(sqlite3.connect(ready.folder / "digest.db")) as db:
        said = "\x1b[2J\x07[bold]x\x9b\r\nspoof\u202e"
        db.execute("INSERT INTO quarantined (at, why, said) VALUES (?, 'w', ?)", (MOMENT, said))
        db.commit()
    shown = ready.done("events", "status").out
    assert "\ufffd[2J\ufffd[bold]x\ufffd\ufffd\ufffdspoof\ufffd" in shown
    assert "\x1b" not in shown


def test_I7_an_issue_that_takes_a_new_sender_goes_on_only_once_that_is_approved(
    site: Installation, fake: RunningFake
) -> None:
    fake.set_faults([{"do": "status", "status": 401, "accept": False, "first": 1}])
    assert site.run("send", "1").code == 1
    fake.set_faults([])
    other = {"DIGEST_FROM": "Cheap Pills <pills@elsewhere.example.org>"}
    said = site.done("resume", "1", **other).out
    assert "Next: digest approve 1; then digest resume 1" in said
    assert site.run("send", "1", **other).code == 1
    assert "next: digest approve 1" in site.run("resume", "1", **other).err
    assert fake.counts()["messages"] == 0
    assert "Next: digest resume 1" in site.done("approve", "1", "--by", "me", **other).out
    site.done("resume", "1", **other)
    site.done("send", "1", **other)
    assert fake.counts()["messages"] == READERS
