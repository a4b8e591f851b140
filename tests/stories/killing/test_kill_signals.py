"""Stop signals to the real command, once and twice (A11)."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.conftest import BATCH, READERS, Installation
from tests.stories.test_interrupted_send import until
from tests.stories.warm_start import LIMIT


@pytest.fixture
def fake(ready: Installation) -> Iterator[RunningFake]:
    """A provider that says nothing to the third request, though it took it."""
    with running_fake(ready.folder, hold_events=True) as fake:
        fake.set_faults([{"do": "hang", "on": 3}])
        yield fake


@pytest.fixture
def site(ready: Installation, fake: RunningFake) -> Installation:
    provider = {
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_URL": fake.url,
        "DIGEST_SENDGRID_API_KEY": "any key",
        "DIGEST_CONCURRENCY": "1",
        "DIGEST_GRACE": "1",
    }
    return replace(ready, env={**ready.env, **provider})


def test_A11_what_outlasts_the_grace_is_in_doubt_and_said(
    site: Installation, fake: RunningFake
) -> None:
    with site.started("send", "1") as sender:
        until(lambda: fake.counts()["requests"] == 3)
        sender.send_signal(signal.SIGTERM)
        _, err = sender.communicate(timeout=LIMIT)
    assert sender.returncode == 1
    assert "Traceback" not in err
    assert "To continue: digest send 1" in err
    assert left_behind(site, fake) == (2 * BATCH, BATCH)


def test_A11_a_second_signal_ends_it_at_once_and_leaves_doubt(
    site: Installation, fake: RunningFake
) -> None:
    with site.started("send", "1", DIGEST_GRACE="60") as sender:
        until(lambda: fake.counts()["requests"] == 3)
        sender.send_signal(signal.SIGTERM)
        until(lambda: not catches(sender.pid, signal.SIGTERM))  # two at once would be one to it
        sender.send_signal(signal.SIGTERM)
        sender.communicate(timeout=LIMIT)
    assert sender.returncode == -signal.SIGTERM
    assert left_behind(site, fake) == (2 * BATCH, BATCH)


@pytest.mark.usefixtures("hangups")
def test_A11_a_terminal_that_goes_away_twice_leaves_no_doubt(
    site: Installation, fake: RunningFake
) -> None:
    fake.set_faults([{"do": "delay", "seconds": 1.0, "on": 3}])
    with site.started("send", "1", DIGEST_GRACE="60") as sender:
        until(lambda: fake.counts()["requests"] == 3)
        for _ in range(2):
            sender.send_signal(signal.SIGHUP)
            until(lambda: not pending(sender.pid, signal.SIGHUP))
        _, err = sender.communicate(timeout=LIMIT)
    assert sender.returncode == 1
    assert "To continue: digest send 1" in err
    where = site.status()
    assert (where["accepted"], where["in_doubt"]) == (3 * BATCH, 0)


def pending(pid: int, number: int) -> bool:
    """Tell whether a signal still waits to be taken."""
    return _in_mask(pid, "ShdPnd", number)


def catches(pid: int, number: int) -> bool:
    """Tell whether a process still has a way of its own to take a signal."""
    return _in_mask(pid, "SigCgt", number)


def _in_mask(pid: int, name: str, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith(name)]
    return bool(int(mask, 16) & (1 << (number - 1)))


def left_behind(site: Installation, fake: RunningFake) -> tuple[int, int]:
    """Accepted and in doubt after the stop, as the next send finds them; then the rest is sent."""
    before = site.status()
    assert before["pending"] == READERS - 3 * BATCH
    after = site.run("send", "1", "--json").facts
    assert (after["pending"], after["in_doubt"], fake.counts()["duplicates"]) == (0, BATCH, 0)
    return before["accepted"], before["in_doubt"]
