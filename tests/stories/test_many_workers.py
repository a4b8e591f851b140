"""Services and workers that share one PostgreSQL: each minute and each letter once."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import URL, Connection, create_engine, text

from digest.fake_sendgrid import RunningFake, running_fake
from tests.postgres import own_database
from tests.stories.conftest import ENOUGH, Installation
from tests.stories.test_interrupted_send import until
from tests.stories.warm_start import LIMIT

pytestmark = pytest.mark.postgres
LETTERS = 12
MINUTE = text("SELECT CAST(floor(extract(epoch FROM now()) / 60) AS integer)")
SERVICE_JOBS = 20  #: at most, each minute; five that don't share would ask for 60 and more


@pytest.fixture
def fake(empty: Installation) -> Iterator[RunningFake]:
    with running_fake(empty.folder) as fake:
        yield fake


@pytest.fixture
def site(empty: Installation, fake: RunningFake, postgres: URL) -> Iterator[Installation]:
    """An installation with a reader, on a database of its own."""
    with own_database(postgres) as bare:
        url = bare.update_query_dict({"options": "-csynchronous_commit=on"})
        env = {
            **ENOUGH,
            "DIGEST_DATABASE_URL": url.render_as_string(hide_password=False),
            "DIGEST_TRANSPORT": "sendgrid",
            "DIGEST_SENDGRID_URL": fake.url,
            "DIGEST_SENDGRID_API_KEY": "any key",
            "DIGEST_WEBHOOK_KEYS": fake.webhook_key,
        }
        made = replace(empty, env=env)
        (made.folder / "readers.csv").write_text("email\nada@example.org", "utf-8")
        made.done("init")
        made.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
        yield made


@pytest.fixture
def database(site: Installation) -> Iterator[Connection]:
    engine = create_engine(site.env["DIGEST_DATABASE_URL"], isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def number(database: Connection, query: str) -> int:
    found: int = database.execute(text(query)).scalar_one()
    return found


def queue_letters(database: Connection) -> None:
    """Queue letters to the reader, before anyone is there to send them."""
    row = text(
        "INSERT INTO letter_to_send (subscriber_id, newsletter, kind, state, language, asks_for,"
        " asked_at, since, tries) SELECT id, 'weekly', 'welcome', 'waiting', 'en', '', now(),"
        " now(), 0 FROM subscriber, generate_series(1, :letters)"
    )
    database.execute(row, {"letters": LETTERS})


def test_two_services_and_three_workers_do_each_minute_and_each_letter_once(
    site: Installation, fake: RunningFake, database: Connection
) -> None:
    queue_letters(database)
    began = database.execute(MINUTE).scalar_one()
    with ExitStack() as stack:
        ways = [["run", "--port", "0"]] * 2 + [["worker"]] * 3
        started = [stack.enter_context(site.started(*way)) for way in ways]
        until(lambda: number(database, ALIVE) == len(ways) or any_ended(started))
        until(lambda: fake.counts()["messages"] == LETTERS or any_ended(started))
        told = site.done("status", "--json").facts["workers"]
        asked = number(database, EVER)
        minutes = database.execute(MINUTE).scalar_one() - began + 1
        for process in started:
            process.send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=LIMIT)[1] for process in started]
    assert [process.returncode for process in started] == [0] * len(ways), said
    assert (told["running"], told["failed"]) == (len(ways), 0)
    assert asked <= SERVICE_JOBS * minutes + FOLLOWING
    assert fake.counts()["messages"] == LETTERS
    assert number(database, "SELECT count(*) FROM letter_to_send WHERE state = 'sent'") == LETTERS
    assert number(database, "SELECT count(*) FROM procrastinate_workers") == 0


ALIVE = "SELECT count(*) FROM procrastinate_workers"
EVER = "SELECT last_value FROM procrastinate_jobs_id_seq"
FOLLOWING = 8  #: wakes: a service's site asks for letters when it starts, and jobs for others


def any_ended(processes: list[subprocess.Popen[str]]) -> bool:
    return any(process.poll() is not None for process in processes)


def test_a_worker_that_is_asked_to_stop_ends_well(site: Installation, database: Connection) -> None:
    with site.started("worker", "--queues", "send") as worker:
        until(lambda: number(database, ALIVE) == 1 or any_ended([worker]))
        worker.send_signal(signal.SIGTERM)
        out, err = worker.communicate(timeout=LIMIT)
    assert worker.returncode == 0, err
    assert out.startswith("This worker is on send, 8 jobs at once")
    assert "stopped, 0 requests left in doubt" in err
