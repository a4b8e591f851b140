"""Killed after the provider has the mail (A05), frozen (A13), or many at once (E02)."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.stories.killing import oracle
from tests.stories.killing.loop import KillHarness, Report, aftermath

HOUR = 3600.0


@pytest.mark.parametrize("request_number", [1, 7, 12])
def test_A05_killed_by_the_provider_between_acceptance_and_answer(
    harness: KillHarness, request_number: int
) -> None:
    path = harness.fresh()
    gate = harness.folder / f"gate-{request_number}"
    os.mkfifo(gate)
    pid = harness.nursery.start("send", path=str(path), url=harness.fake.url, gate=str(gate))
    harness.fake.set_faults([{"do": "kill", "pid": pid, "on": request_number}])
    gate.write_bytes(b"go")
    assert harness.nursery.wait(pid).killed
    report = Report()
    aftermath(harness, path, report)
    assert (report.violations, report.duplicates, report.lost) == ([], 0, 0)
    assert (report.doubts, report.by_events, report.left) == (1, 1, 0)


CLAIMED, STARTED = 1, 2


@pytest.mark.parametrize(("step", "doubts"), [(CLAIMED, 0), (STARTED, 1)])
def test_A13_a_sender_that_was_frozen_while_another_took_over(
    harness: KillHarness, step: int, doubts: int
) -> None:
    path = harness.fresh()
    frozen = harness.nursery.start("send", path=str(path), url=harness.fake.url, stop_at=step)
    harness.nursery.frozen(frozen)
    taken_over = harness.send(path, ahead=HOUR).said  # its clock is past the other's lease
    assert taken_over["in_doubt"] == 250 * doubts
    os.kill(frozen, signal.SIGCONT)
    harness.nursery.wait(frozen)
    # Claimed: the batch isn't its own any more. Started: its late answer settles its own doubt.
    assert oracle.violations(path, harness.fake.ledger, readers=harness.readers) == []
    assert oracle.doubts(path) == []
    assert harness.fake.counts()["addresses"] == harness.readers


def test_A13_a_sender_that_lives_keeps_what_it_holds(harness: KillHarness) -> None:
    path = harness.fresh()
    frozen = harness.nursery.start("send", path=str(path), url=harness.fake.url, stop_at=STARTED)
    harness.nursery.frozen(frozen)
    beside = harness.send(path).said
    assert (beside["accepted"], beside["under_way"]) == (2750, 250)
    os.kill(frozen, signal.SIGCONT)
    harness.nursery.wait(frozen)
    assert harness.fake.counts()["messages"] == harness.readers


def test_E02_eight_senders_claim_each_batch_once(harness: KillHarness) -> None:
    path = harness.fresh(harness.built)
    harness.nursery.run("plan", path=str(path), batch_size=15)
    senders = [
        harness.nursery.start("send", path=str(path), url=harness.fake.url, concurrency=2)
        for _ in range(8)
    ]
    for pid in senders:
        harness.nursery.wait(pid)
    mine = oracle.ours(path)
    claims = Counter(attempt["batch_id"] for attempt in mine.attempts.values())
    assert (len(mine.batches), set(claims.values())) == (200, {1})
    assert oracle.violations(path, harness.fake.ledger, readers=harness.readers) == []
    assert harness.fake.counts()["messages"] == harness.readers
