"""A send killed or stopped half way, and resumed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from digest.fake_sendgrid import RunningFake, running_fake
from tests.stories.conftest import BATCH, READERS, Installation
from tests.stories.warm_start import LIMIT

PATIENCE = 90  #: seconds
POLL = 0.02  #: seconds between two looks


@pytest.fixture
def fake(ready: Installation) -> Iterator[RunningFake]:
    """A fake whose mails all arrive, and which tells so when it is asked to."""
    with running_fake(ready.folder, hold_events=True, may_kill=True, shares={"all": 0.0}) as fake:
        yield fake


@pytest.fixture
def site(ready: Installation, fake: RunningFake) -> Installation:
    """The installation, sending to the fake."""
    provider = {
        "DIGEST_TRANSPORT": "sendgrid",
        "DIGEST_SENDGRID_URL": fake.url,
        "DIGEST_SENDGRID_API_KEY": "any key",
        "DIGEST_WEBHOOK_KEYS": fake.webhook_key,
        # With two, the other one may die between "started" and its first byte: a doubt no event
        # can settle, since the provider never heard of it.
        "DIGEST_CONCURRENCY": "1",
    }
    return replace(ready, env={**ready.env, **provider})


@contextmanager
def webhook(site: Installation) -> Iterator[str]:
    """Run the site; yields where events are taken."""
    with site.started("web", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().partition("http://")[2].split()[0]
        yield f"http://{address}/webhooks/sendgrid"
        process.terminate()
        process.communicate(timeout=LIMIT)


def until(true: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    last = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < last, "it didn't happen"
        time.sleep(POLL)  # the processor is for whoever it waits for


def killed(site: Installation, fake: RunningFake, *, accept: bool) -> None:
    """Send, and be killed in the middle of the third request; *accept*: the provider took it."""
    with site.started("send", "1") as sender:
        fake.set_faults([{"do": "kill", "pid": sender.pid, "accept": accept, "on": 3}])
        sender.communicate(timeout=LIMIT)
    assert sender.returncode == -signal.SIGKILL
    assert 0 < fake.counts()["messages"] < READERS, "it was to die half way"
    fake.set_faults([])


@pytest.mark.parametrize("accept", [True, False])
def test_after_a_kill_nobody_is_mailed_twice_and_what_is_unsure_is_said(
    site: Installation, fake: RunningFake, *, accept: bool
) -> None:
    killed(site, fake, accept=accept)
    seen = site.done("status", "1").out
    assert "may have been sent: its sender stopped while the request was under way" in seen
    assert "next: digest send 1 puts that on record" in seen
    again = site.run("send", "1", "--json")
    counts = again.facts
    assert again.code == 1, "what is in doubt isn't done"
    assert counts["accepted"] + counts["in_doubt"] == counts["candidates"] == READERS
    assert counts["in_doubt"] >= BATCH
    assert counts["problems"], "somebody must be told what to do"
    assert fake.counts()["duplicates"] == 0


def test_after_a_kill_the_providers_events_settle_every_doubt(
    site: Installation, fake: RunningFake
) -> None:
    killed(site, fake, accept=True)
    site.run("send", "1")
    with webhook(site) as url:
        fake.flush_events(to=url)
        until(lambda: site.status()["in_doubt"] == 0)
    site.done("send", "1")
    counts = site.status()
    assert (counts["accepted"], counts["pending"], counts["state"]) == (READERS, 0, "sent")
    assert _ledger(fake) == (READERS, READERS, 0)


def test_after_a_kill_a_person_decides_what_no_event_tells(
    site: Installation, fake: RunningFake
) -> None:
    killed(site, fake, accept=False)
    site.run("send", "1")
    with webhook(site) as url:  # another thread may have died with a request that was taken
        fake.flush_events(to=url)
        until(lambda: site.status()["accepted"] == fake.counts()["messages"])
    doubts = [each["batch"] for each in site.status()["problems"] if each["batch"]]
    why = ["--by", "the operator", "--why", "the provider has no trace of it"]
    for batch in doubts:
        site.done("resolve", batch, "unsent", *why)
    site.done("send", "1")
    assert doubts
    assert _ledger(fake) == (READERS, READERS, 0)


def test_a_stop_finishes_what_is_under_way_and_a_second_run_the_rest(
    site: Installation, fake: RunningFake
) -> None:
    fake.set_faults([{"do": "delay", "seconds": 1.5, "first": 3}])
    with site.started("send", "1") as sender:
        until(lambda: fake.counts()["requests"] >= 3)
        sender.send_signal(signal.SIGTERM)
        _, err = sender.communicate(timeout=LIMIT)
    fake.set_faults([])
    stopped = site.status()
    assert (sender.returncode, "To continue: digest send 1" in err) == (1, True)
    assert "Traceback" not in err
    assert stopped["in_doubt"] == 0
    assert 0 < stopped["pending"] < READERS
    site.done("send", "1")
    assert _ledger(fake) == (READERS, READERS, 0)


def test_two_senders_at_once_mail_everybody_once(site: Installation, fake: RunningFake) -> None:
    with site.started("send", "1") as first, site.started("send", "1") as second:
        for process in (first, second):
            process.communicate(timeout=LIMIT)
    assert (site.status()["accepted"], _ledger(fake)) == (READERS, (READERS, READERS, 0))


def _ledger(fake: RunningFake) -> tuple[int, int, int]:
    counts = fake.counts()
    return counts["messages"], counts["addresses"], counts["duplicates"]


def test_I7_nothing_goes_out_from_a_sender_nobody_approved(ready: Installation) -> None:
    other = {"DIGEST_FROM": "Cheap Pills <pills@elsewhere.example.org>"}
    refused = ready.run("send", "1", **other)
    assert (refused.code, (ready.folder / "outbox").exists()) == (1, False)
    assert "mail comes from Cheap Pills <pills@elsewhere.example.org> now" in refused.err
    assert "next: Set it back, or build again and approve that" in refused.err
    [build] = [word for word in refused.err.split(": ") if word.startswith("digest build --period")]
    assert build.endswith("--again; then digest approve 1.\n")
    resumed = ready.run("resume", "1", **other)
    assert (resumed.code, "then digest approve 1" in resumed.err) == (1, True)
    assert "settings-changed" in ready.run("check", "1", **other).out
