"""Two installations, as on two machines, with one PostgreSQL database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import URL, Connection, create_engine, make_url, text

from digest.fake_sendgrid import RunningFake, running_fake
from tests.pgbouncer import pooled
from tests.postgres import copied_database, own_database
from tests.stories.conftest import ENOUGH, PAGE, READERS, Installation, complaints, last_week
from tests.stories.service.service_process import faketime
from tests.stories.test_interrupted_send import until
from tests.stories.warm_start import LIMIT, Warm

pytestmark = pytest.mark.postgres


@pytest.fixture
def fake(empty: Installation) -> Iterator[RunningFake]:
    with running_fake(empty.folder, hold_events=True) as fake:
        yield fake


@pytest.fixture(scope="module")
def prepared(
    warmed: Warm, tmp_path_factory: pytest.TempPathFactory, postgres: URL
) -> Iterator[tuple[Installation, URL]]:
    """An installation with an issue in sixteen batches that may go: ask for `machines`."""
    with own_database(postgres) as bare:
        env = {**ENOUGH, "DIGEST_DATABASE_URL": durable(bare), "DIGEST_BATCH_SIZE": "25"}
        made = Installation(warmed, tmp_path_factory.mktemp("prepared"), env)
        addresses = [f"reader.{number}@example.org" for number in range(READERS)]
        (made.folder / "readers.csv").write_text("\n".join(["email", *addresses]), "utf-8")
        (made.folder / "page.txt").write_text(PAGE, "utf-8")
        made.done("init")
        made.done("import", "page.txt")
        made.done("subscribers", "import", "readers.csv", "--consent", "They ticked the box.")
        made.done("build", "--period", last_week(), "--yes")
        made.done("approve", "1", "--by", "the tests")
        yield made, bare


def durable(url: URL) -> str:
    """Return an address as a service asks for it: the tests' server has it switched off."""
    told = url.update_query_dict({"options": "-csynchronous_commit=on"})
    return told.render_as_string(hide_password=False)


@pytest.fixture
def machines(
    prepared: tuple[Installation, URL], empty: Installation, fake: RunningFake, postgres: URL
) -> Iterator[tuple[Installation, Installation]]:
    """Two folders with the same settings, and one database of their own with that issue."""
    fake.set_faults([{"do": "delay", "seconds": 2.0, "first": 1, "last": 1000}])
    made, original = prepared
    with copied_database(postgres, str(original.database)) as url:
        env = {
            **made.env,
            "DIGEST_DATABASE_URL": durable(url),
            "DIGEST_TRANSPORT": "sendgrid",
            "DIGEST_SENDGRID_URL": fake.url,
            "DIGEST_SENDGRID_API_KEY": "any key",
            "DIGEST_CONCURRENCY": "1",
        }
        first = replace(empty, env=env)
        second = replace(first, folder=first.folder.parent / "second")
        shutil.copytree(made.folder, first.folder, dirs_exist_ok=True)
        second.folder.mkdir()
        shutil.copy(first.folder / ".env", second.folder)
        yield first, second


@contextmanager
def opened(site: Installation) -> Iterator[Connection]:
    """Look into the database."""
    engine = create_engine(site.env["DIGEST_DATABASE_URL"])
    with engine.connect() as connection:
        yield connection
    engine.dispose()


#: Said by who ended before the other's last request.
WAITED_FOR_NOTHING = "Another process is sending the rest, so there is nothing to do."


def senders(site: Installation) -> int:
    """Count the processes that requests were made from."""
    asked = text("SELECT count(DISTINCT owner) FROM attempt")
    with opened(site) as connection:
        number: int = connection.execute(asked).scalar_one()
    return number


def ran(site: Installation) -> bool:
    """Return whether a service has run the jobs that each issue needs."""
    names = text("SELECT name FROM tick WHERE ended_at IS NOT NULL AND ok")
    with opened(site) as connection:
        return {"issues", "letters", "events"} <= set(connection.execute(names).scalars())


def batch_states(site: Installation) -> set[str]:
    """Return the states that batches are in."""
    with opened(site) as connection:
        return set(connection.execute(text("SELECT state FROM batch")).scalars().all())


def waiting(site: Installation) -> int:
    """Count who waits for another's transaction."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with opened(site) as connection:
        number: int = connection.execute(asked).scalar_one()
    return number


def test_two_folders_send_one_issue_together(
    machines: tuple[Installation, Installation], fake: RunningFake
) -> None:
    first, second = machines
    with first.started("send", "1") as one:
        until(lambda: fake.counts()["requests"] >= 1)
        with second.started("send", "1") as two:
            until(lambda: senders(first) == 2)
            fake.set_faults([])
            said = [each.communicate(timeout=LIMIT)[1] for each in (one, two)]
    lines = [line for err in said for line in complaints(err)]
    assert [line for line in lines if not line.startswith(WAITED_FOR_NOTHING)] == []
    assert (one.returncode, two.returncode) == (0, 0)
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (READERS, READERS, 0)
    assert [each.status()["hold"] for each in machines] == [None, None]


def test_a_machine_whose_clock_is_ahead_takes_no_request_from_another(
    machines: tuple[Installation, Installation], fake: RunningFake
) -> None:
    library = faketime()
    if library is None:
        pytest.skip("needs faketime (apt: faketime)")
    first, second = machines
    ahead = {"LD_PRELOAD": library, "FAKETIME": "+200s"}  # a lease is 90 seconds
    fake.set_faults([{"do": "delay", "seconds": 4.0, "first": 1, "last": 1000}])
    with first.started("send", "1") as one:
        until(lambda: fake.counts()["requests"] >= 1)
        with second.started("send", "1", **ahead) as two:
            until(lambda: senders(first) == 2)
            states = batch_states(first)
            fake.set_faults([])
            for each in (one, two):
                each.communicate(timeout=LIMIT)
    assert "in-doubt" not in states
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (READERS, READERS, 0)


def test_two_send_through_a_pool_and_a_service_runs_on_it(
    machines: tuple[Installation, Installation], fake: RunningFake
) -> None:
    fake.set_faults([])
    direct = make_url(machines[0].env["DIGEST_DATABASE_URL"])
    with opened(machines[0]) as connection, connection.begin():  # a pool passes no options on
        connection.execute(text(f"ALTER DATABASE {direct.database} SET synchronous_commit = on"))
    bare = direct.difference_update_query(["options"])
    with pooled(bare, "transaction", "max_prepared_statements=0") as pool:
        url = pool.render_as_string(hide_password=False)
        first, second = (
            replace(each, env={**each.env, "DIGEST_DATABASE_URL": url}) for each in machines
        )
        first.done("init")
        with first.started("send", "1") as one, second.started("send", "1") as two:
            said = [each.communicate(timeout=LIMIT)[1] for each in (one, two)]
        lines = [line for err in said for line in complaints(err)]
        assert [line for line in lines if not line.startswith(WAITED_FOR_NOTHING)] == []
        with second.started("run", "--port", "0", DIGEST_TRANSPORT="outbox") as service:
            until(lambda: ran(first) or service.poll() is not None)
            service.terminate()
            _, err = service.communicate(timeout=LIMIT)
        assert service.returncode == 0, err
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (READERS, READERS, 0)


def test_two_that_begin_at_once_freeze_the_audience_once(
    machines: tuple[Installation, Installation], fake: RunningFake
) -> None:
    first, second = machines
    fake.set_faults([])
    with (
        opened(first) as connection,
        first.started("send", "1") as one,
        second.started("send", "1") as two,
    ):
        with connection.begin():
            connection.execute(text("SELECT 1 FROM issue FOR UPDATE"))
            until(lambda: waiting(first) == 2)
        said = [each.communicate(timeout=LIMIT)[1] for each in (one, two)]
    assert [line for err in said for line in complaints(err)] == []
    assert 0 in (one.returncode, two.returncode)
    counts = fake.counts()
    assert (counts["messages"], counts["addresses"], counts["duplicates"]) == (READERS, READERS, 0)


def test_a_person_on_the_second_machine_does_not_put_the_first_on_hold(
    machines: tuple[Installation, Installation], fake: RunningFake
) -> None:
    first, second = machines
    fake.set_faults([])
    first.done("send", "1")
    assert second.status()["hold"] is None
    second.done("resume", "--after-restore", "--by", "the tests", "--why", "to see")
    assert first.status()["hold"] is None
    first.done("send", "1")
    assert fake.counts()["duplicates"] == 0


def test_a_service_notes_what_another_machine_sends(
    machines: tuple[Installation, Installation], fake: RunningFake
) -> None:
    first, second = machines
    fake.set_faults([])
    first.done("send", "1")
    noted = second.folder / "digest.epoch"
    with second.started("run", "--port", "0", DIGEST_TRANSPORT="outbox") as service:
        until(lambda: noted.exists() or service.poll() is not None)
        service.terminate()
        _, err = service.communicate(timeout=LIMIT)
    assert service.returncode == 0, err
    assert len(noted.read_text("ascii").split()) == 2 + READERS // 25
