"""Killed after the provider has the mail (A05), frozen (A13), or many at once (E02)."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.stories.killing import oracle
from tests.stories.killing.loop import Report, Yard, aftermath

HOUR = 3600.0


@pytest.mark.parametrize("request_number", [1, 7, 12])
def test_A05_killed_by_the_provider_between_acceptance_and_answer(
    place: Yard, request_number: int
) -> None:
    path = place.fresh()
    gate = place.folder / f"gate-{request_number}"
    os.mkfifo(gate)
    pid = place.nursery.start("send", path=str(path), url=place.fake.url, gate=str(gate))
    place.fake.set_faults([{"do": "kill", "pid": pid, "on": request_number}])
    gate.write_bytes(b"go")
    assert place.nursery.wait(pid).killed
    report = Report()
    aftermath(place, path, report)
    assert (report.violations, report.duplicates, report.lost) == ([], 0, 0)
    assert (report.doubts, report.by_events, report.left) == (1, 1, 0)


CLAIMED, STARTED = 1, 2


@pytest.mark.parametrize(("step", "doubts"), [(CLAIMED, 0), (STARTED, 1)])
def test_A13_a_sender_that_was_frozen_while_another_took_over(
    place: Yard, step: int, doubts: int
) -> None:
    path = place.fresh()
    frozen = place.nursery.start("send", path=str(path), url=place.fake.url, stop_at=step)
    place.nursery.frozen(frozen)
    taken_over = place.send(path, ahead=HOUR).said  # its clock is past the other's lease
    assert taken_over["in_doubt"] == 250 * doubts
    os.kill(frozen, signal.SIGCONT)
    place.nursery.wait(frozen)
    # Claimed: the batch isn't its own any more. Started: its late answer settles its own doubt.
    assert oracle.violations(path, place.fake.ledger, readers=place.readers) == []
    assert oracle.doubts(path) == []
    assert place.fake.counts()["addresses"] == place.readers


def test_A13_a_sender_that_lives_keeps_what_it_holds(place: Yard) -> None:
    path = place.fresh()
    frozen = place.nursery.start("send", path=str(path), url=place.fake.url, stop_at=STARTED)
    place.nursery.frozen(frozen)
    beside = place.send(path).said
    assert (beside["accepted"], beside["under_way"]) == (2750, 250)
    os.kill(frozen, signal.SIGCONT)
    place.nursery.wait(frozen)
    assert place.fake.counts()["messages"] == place.readers


def test_E02_eight_senders_claim_each_batch_once(place: Yard) -> None:
    path = place.fresh(place.built)
    place.nursery.run("plan", path=str(path), batch_size=15)
    senders = [
        place.nursery.start("send", path=str(path), url=place.fake.url, concurrency=2)
        for _ in range(8)
    ]
    for pid in senders:
        place.nursery.wait(pid)
    mine = oracle.ours(path)
    claims = Counter(attempt["batch_id"] for attempt in mine.attempts.values())
    assert (len(mine.batches), set(claims.values())) == (200, {1})
    assert oracle.violations(path, place.fake.ledger, readers=place.readers) == []
    assert place.fake.counts()["messages"] == place.readers
