"""Four machines on one PostgreSQL, one of them killed, the server crashed: each reader once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import NoPostgres, PostgresServer, postgres_server
from tests.stories.killing.trial import run, trial

READERS, BATCH = 2_000, 20


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of the test's own, as durable as in production: it's crashed."""
    try:
        with postgres_server() as made:
            yield made
    except NoPostgres as fault:
        pytest.skip(str(fault))


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_four_workers_a_kill_and_a_crash_of_the_server_mail_each_reader_once(
    tmp_path: Path, server: PostgresServer
) -> None:
    with trial(tmp_path, server, readers=READERS, batch=BATCH) as made:
        verdict = run(made, workers=4, batches=READERS // BATCH)
    assert (verdict.plans, verdict.messages, verdict.duplicates) == (1, READERS, 0)
    counts = verdict.counts
    assert (counts.accepted, counts.in_doubt, counts.pending) == (READERS, 0, 0)
    assert verdict.by_events + verdict.by_person == verdict.doubts
