"""One send by two worker processes, each of which may be stopped or killed (I1, I2)."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from digest.delivery.sending.worker_processes import usable_cores
from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.conftest import READERS, Installation, complaints
from tests.stories.test_interrupted_send import until
from tests.stories.warm_start import LIMIT

if usable_cores() < 2:
    pytest.skip("only one core: a send stays in one process", allow_module_level=True)


@pytest.fixture
def fake(ready: Installation) -> Iterator[RunningFake]:
    with running_fake(ready.folder, hold_events=True, may_kill=True) as fake:
        yield fake


@pytest.fixture
def site(ready: Installation, fake: RunningFake) -> Installation:
    """Batches enough for two processes, and a provider that takes its time."""
    fake.set_faults([{"do": "delay", "seconds": 0.3, "first": 1, "last": 1000}])
    provider = {
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_URL": fake.url,
        "DIGEST_SENDGRID_API_KEY": "any key",
        "DIGEST_BATCH_SIZE": "25",
        "DIGEST_CONCURRENCY": "2",
    }
    return replace(ready, env={**ready.env, **provider})


def helper_of(pid: int) -> int:
    """Return the process that helps *pid*, once it has begun."""
    found: list[int] = []

    def begun() -> bool:
        found[:] = [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/stat")
                    if _parent_in(each) == pid]  # fmt: skip
        return bool(found)

    until(begun)
    return found[0]


def _parent_in(stat: Path) -> int:
    try:
        return int(stat.read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def pressed_ctrl_c(sender: subprocess.Popen[str]) -> bool:
    """Press it, and tell whether that has ended the command within a second."""
    os.killpg(sender.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        sender.wait(1)
    return sender.returncode is not None


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def rest(site: Installation, fake: RunningFake) -> tuple[int, int, int]:
    """Send what is left, with each doubt decided by what the provider's ledger knows."""
    fake.set_faults([])
    site.run("send", "1")
    taken = {str(each["batch"])[:8] for each in fake.requests()}
    for each in site.status()["problems"]:
        verdict = "accepted" if each["batch"] in taken else "unsent"
        site.done("resolve", each["batch"], verdict, "--by", "the tests", "--why", "the ledger")
    site.done("send", "1")
    counts = fake.counts()
    return counts["messages"], counts["addresses"], counts["duplicates"]


def test_two_processes_share_the_work_and_both_are_told_of(
    site: Installation, fake: RunningFake
) -> None:
    with site.started("send", "1", "--json") as sender:
        helper = helper_of(sender.pid)
        out, err = sender.communicate(timeout=LIMIT)
    assert (sender.returncode, complaints(err)) == (0, [])
    assert f'"accepted": {READERS}' in out
    assert gone(helper)
    assert rest(site, fake) == (READERS, READERS, 0)


@pytest.mark.parametrize("who", ["the helper", "the one that began"])
def test_when_one_of_two_is_killed_nobody_is_mailed_twice_and_nobody_lost(
    site: Installation, fake: RunningFake, who: str
) -> None:
    with site.started("send", "1") as sender:
        helper = helper_of(sender.pid)
        until(lambda: fake.counts()["requests"] >= 2)
        os.kill(helper if who == "the helper" else sender.pid, signal.SIGKILL)
        sender.communicate(timeout=LIMIT)
        until(lambda: gone(helper))
    assert rest(site, fake) == (READERS, READERS, 0)


def test_a_stop_reaches_both_and_leaves_no_doubt(site: Installation, fake: RunningFake) -> None:
    with site.started("send", "1") as sender:
        helper = helper_of(sender.pid)
        until(lambda: fake.counts()["requests"] >= 2)
        sender.send_signal(signal.SIGTERM)
        _, err = sender.communicate(timeout=LIMIT)
    assert (sender.returncode, gone(helper)) == (1, True)
    assert "requests under way were finished" in err
    stopped = site.status()
    assert (stopped["in_doubt"], stopped["under_way"]) == (0, 0)
    assert 0 < stopped["pending"] < READERS
    assert rest(site, fake) == (READERS, READERS, 0)


def test_a_stop_sent_to_both_by_a_supervisor_leaves_no_doubt(
    site: Installation, fake: RunningFake
) -> None:
    with site.started("send", "1") as sender:
        helper = helper_of(sender.pid)
        until(lambda: fake.counts()["requests"] >= 2)
        os.killpg(sender.pid, signal.SIGTERM)
        _, err = sender.communicate(timeout=LIMIT)
    assert (sender.returncode, gone(helper)) == (1, True)
    assert "requests under way were finished" in err
    assert site.status()["in_doubt"] == 0
    assert rest(site, fake) == (READERS, READERS, 0)


def test_a_second_ctrl_c_ends_both_at_once(site: Installation, fake: RunningFake) -> None:
    fake.set_faults([{"do": "hang", "first": 1}])
    with site.started("send", "1") as sender:
        helper = helper_of(sender.pid)
        until(lambda: fake.arrived()["sends"] >= 2)
        assert not pressed_ctrl_c(sender), "once: what is under way may end"
        until(lambda: pressed_ctrl_c(sender))
        _, err = sender.communicate(timeout=LIMIT)
        until(lambda: gone(helper))
    # The second, if a third one met it as it ended.
    assert sender.returncode in {130, -signal.SIGINT}
    assert "Traceback" not in err
    assert rest(site, fake) == (READERS, READERS, 0)
