"""The real command killed from outside at any system call (A04, A12), without a hook."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.conftest import BATCH, DIGEST, READERS, Installation
from tests.stories.killing import oracle
from tests.stories.warm_start import LIMIT

STRACE = shutil.which("strace")
pytestmark = pytest.mark.skipif(STRACE is None, reason="strace isn't installed")
BATCHES = READERS // BATCH


@pytest.fixture
def fake(ready: Installation) -> Iterator[RunningFake]:
    with running_fake(ready.folder, hold_events=True, shares={"all": 0.0}) as fake:
        yield fake


@pytest.fixture
def site(ready: Installation, fake: RunningFake) -> Installation:
    """The installation, sending to the fake one batch at a time."""
    provider = {
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_URL": fake.url,
        "DIGEST_SENDGRID_API_KEY": "any key",
        "DIGEST_CONCURRENCY": "1",
    }
    return replace(ready, env={**ready.env, **provider})


def database(site: Installation) -> Path:
    return site.folder / "digest.db"


def traced(site: Installation, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `digest send 1` under strace."""
    log = str(site.folder / "strace.log")
    usual = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST")}
    return subprocess.run(  # noqa: S603 - the command under test
        [
            STRACE or "",
            "-f",
            "-y",
            "-qq",
            "-o",
            log,
            *options,
            DIGEST,
            "send",
            "1",
        ],
        cwd=site.folder,
        env={**usual, **site.env},
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )


def settled(site: Installation, fake: RunningFake) -> int:
    """Send again, decide doubts by the provider's log, send the rest; returns how many."""
    again = site.run("send", "1", "--json")
    facts = again.facts
    parts = ("accepted", "refused", "excluded", "pending", "in_doubt")
    assert sum(facts[part] for part in parts) == facts["candidates"] == READERS
    assert facts["pending"] == 0
    assert fake.counts()["duplicates"] == 0
    doubts = oracle.doubts(database(site))
    assert len(doubts) * BATCH == facts["in_doubt"]
    for batch, attempt in doubts:
        verdict = "accepted" if oracle.took(fake.ledger, attempt) else "unsent"
        site.done("resolve", batch, verdict, "--by", "Ada", "--why", "the provider's log")
    site.done("send", "1")
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (READERS, READERS, 0)
    assert site.status()["state"] == "sent"
    return len(doubts)


SOAK = bool(os.environ.get("DIGEST_SOAK"))
#: How often a thread makes each call that lets something last or leave, and a position among them.
CALLS = {"fdatasync": (18, 9), "sendto": (16, 3), "connect": (8, 4), "pwrite64": (170, 30)}
PLACES = [
    (call, number)
    for call, (most, one) in CALLS.items()
    for number in (range(1, most + 1) if SOAK else [one])
]


@pytest.mark.parametrize(("call", "number"), PLACES)
def test_A04_killed_at_a_system_call(
    site: Installation, fake: RunningFake, call: str, number: int
) -> None:
    end = traced(site, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")
    assert end.returncode == -signal.SIGKILL or SOAK  # at the last of them it may be done already
    assert settled(site, fake) <= 1


def test_A12_what_was_claimed_and_started_is_on_disk_before_it_leaves(
    site: Installation, fake: RunningFake
) -> None:
    end = traced(site, "-e", "trace=fdatasync,pwrite64,connect")
    assert end.returncode == 0, end.stderr
    log = (site.folder / "strace.log").read_text("utf-8", "replace").splitlines()
    kept: list[int] = []  # synced commits since the last connection
    dirty = False
    synced = 0
    for line in log:
        if "digest.db-wal>" in line and "pwrite64(" in line:
            dirty = True
        elif "digest.db-wal>" in line and "fdatasync(" in line and line.rstrip().endswith("= 0"):
            dirty, synced = False, synced + 1
        elif re.search(r"connect\(.*AF_INET.*127\.0\.0\.1", line):
            assert not dirty, f"connected with something not on disk yet: {line}"
            kept, synced = [*kept, synced], 0
    assert len(kept) == BATCHES
    assert min(kept) >= 2  # the claim, and the start


def messages(end: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in end.stderr
    return end.stderr


@pytest.mark.parametrize("number", range(6, 60, 6) if SOAK else [40])
def test_D02_a_full_disk_stops_the_send_and_loses_nothing(
    site: Installation, fake: RunningFake, number: int
) -> None:
    wal = str(database(site)) + "-wal"
    end = traced(
        site, "-P", wal, "-e", "trace=pwrite64",
        "-e", f"inject=pwrite64:error=ENOSPC:when={number}+",
    )  # fmt: skip
    assert end.returncode == 1
    assert "disk" in messages(end)
    assert settled(site, fake) <= 1
