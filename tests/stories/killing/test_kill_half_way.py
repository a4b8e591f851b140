"""A long send killed half way continues at once (S01)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.stories.killing import oracle
from tests.stories.killing.loop import kill_harness

READERS = 1_000_000 if os.environ.get("DIGEST_SOAK") else 20_000
BATCH_SIZE = 1000
STEPS = 4  # of one batch
AIM = 2.0  # seconds


@pytest.mark.timeout(3600)
def test_S01_a_send_killed_half_way_goes_on_within_two_seconds(tmp_path: Path) -> None:
    half = READERS // BATCH_SIZE // 2
    with kill_harness(tmp_path, readers=READERS, batch_size=BATCH_SIZE) as harness:
        path = harness.fresh()
        assert harness.send(path, die_at=half * STEPS + 1).killed  # one batch is claimed
        assert harness.fake.counts()["messages"] == READERS // 2
        again = harness.send(path, concurrency=2).said
        assert again["started_after"] < AIM
        assert (again["accepted"], again["in_doubt"]) == (READERS, 0)
        assert oracle.violations(path, harness.fake.ledger, readers=READERS) == []
        assert harness.fake.counts()["addresses"] == READERS
