"""Several machines on one PostgreSQL: each may send at once, and none from a copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import URL
from sqlmodel import col, select

from digest.db import Database
from digest.delivery import epoch
from digest.delivery.epoch import EpochFile, Restored
from digest.delivery.models import Attempt, Batch, BatchState, Installation
from digest.delivery.send import Sending
from digest.issues.models import Issue, IssueState
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.counted import send
from tests.postgres import copied_database

pytestmark = pytest.mark.postgres

Folder = Callable[[str], EpochFile]


@pytest.fixture
def database(postgres_database: Database) -> Database:
    return postgres_database


@pytest.fixture
def sending(make_readers: MakeReaders, make_sending: MakeSending) -> Sending:
    """An issue on its way, in twelve batches."""
    make_readers(12)
    return make_sending(batch_size=1)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a function that makes a folder of its own, as on another machine."""

    def make(name: str) -> EpochFile:
        (tmp_path / name).mkdir()
        return EpochFile(tmp_path / name / "digest.epoch")

    return make


def known(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(Attempt.key)).all())


def put_back(database: Database, attempts: set[str]) -> None:
    """Let the database know of these attempts only, as if it had been restored in its place."""
    with database.write() as session:
        for each in session.exec(select(Attempt).where(col(Attempt.key).not_in(attempts))).all():
            batch = session.get_one(Batch, each.batch_id)
            batch.state, batch.attempt, batch.attempts = BatchState.PENDING, None, 0
            session.delete(each)


def test_a_machine_that_never_sent_begins_at_once_and_holds_nobody(
    database: Database, sending: Sending, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    epoch.begin(database, first)
    send(sending, first, 2)
    epoch.begin(database, second)
    send(sending, second, 3)
    epoch.begin(database, first)
    send(sending, first)
    assert [epoch.hold(database, each) for each in (first, second)] == [None, None]


def test_machines_that_begin_at_one_moment_all_may(
    database: Database, sending: Sending, folder: Folder
) -> None:
    files, together = [folder(f"machine-{n}") for n in range(4)], Barrier(4)

    def start(file: EpochFile) -> None:
        together.wait(60)
        epoch.begin(database, file)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, files))
    send(sending, files[0])
    assert [epoch.hold(database, each) for each in files] == [None] * 4
    with database.read() as session:
        assert len(session.exec(select(Installation)).all()) == 1


def test_what_a_person_says_on_one_machine_holds_for_all(
    database: Database, sending: Sending, folder: Folder, now: datetime
) -> None:
    first, second = folder("first"), folder("second")
    epoch.begin(database, first)
    send(sending, first, 2)
    assert epoch.accept(database, second, by="Ann", why="looked", now=now).paused == [1]
    assert [epoch.hold(database, each) for each in (first, second)] == [None, None]
    epoch.begin(database, first)
    with database.write() as session:
        session.get_one(Issue, 1).state = IssueState.PREPARED
    send(sending, first)
    assert [epoch.hold(database, each) for each in (first, second)] == [None, None]


def test_a_folder_copied_with_its_file_counts_along_with_the_original(
    database: Database, sending: Sending, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    epoch.begin(database, first)
    send(sending, first, 2)
    shutil.copy(first.path, second.path)
    for file in (second, first, second):
        epoch.begin(database, file)
        send(sending, file)
    assert [epoch.hold(database, each) for each in (first, second)] == [None, None]


def test_A14_a_database_put_back_in_its_place_is_held(
    database: Database, sending: Sending, folder: Folder
) -> None:
    file = folder("first")
    epoch.begin(database, file)
    send(sending, file, 2)
    before = known(database)
    send(sending, file, 3)
    put_back(database, before)
    with pytest.raises(Restored, match=r"knows of 2 requests .*, and 5 were made from here"):
        epoch.begin(database, file)


def test_A14_where_a_folder_that_has_sent_lost_its_file_nothing_is_sent(
    database: Database, sending: Sending, folder: Folder
) -> None:
    file = folder("first")
    epoch.begin(database, file)
    send(sending, file, 2)
    file.path.unlink()
    assert "is missing, and mail was sent before" in str(epoch.hold(database, file))


def test_A14_a_copy_on_a_server_is_held_while_the_original_goes_on(
    database: Database, sending: Sending, folder: Folder, postgres: URL
) -> None:
    first, another = folder("first"), folder("another")
    epoch.begin(database, first)
    send(sending, first)
    database.close()
    with copied_database(postgres, str(database.url.database)) as url:
        copy = Database(url.render_as_string(hide_password=False))
        with closing(copy):
            for file in (first, another):  # the file of the original is no excuse
                with pytest.raises(Restored, match="a copy of the one that mail was sent from"):
                    epoch.begin(copy, file)
    send(sending, first)
    epoch.begin(database, first)


def test_A14_what_one_machine_finds_missing_holds_the_others_too(
    database: Database, sending: Sending, folder: Folder, now: datetime
) -> None:
    first, second, third = folder("first"), folder("second"), folder("third")
    epoch.begin(database, first)
    epoch.begin(database, second)
    send(sending, first)
    before = known(database)
    send(sending, first, 4)
    put_back(database, before)
    with pytest.raises(Restored):
        epoch.begin(database, first)
    for file in (second, third):  # neither saw what the first did
        with pytest.raises(Restored, match=r"knows of 1 requests .*, and 5 were made"):
            epoch.begin(database, file)
    assert epoch.accept(database, second, by="Ann", why="looked", now=now).paused == [1]
    assert [epoch.hold(database, each) for each in (first, second, third)] == [None] * 3


def test_A14_a_machine_that_kept_up_holds_what_it_did_not_send_itself(
    database: Database, sending: Sending, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    epoch.begin(database, first)
    epoch.keep_up(database, second)
    send(sending, first)
    before = known(database)
    send(sending, first, 4)
    epoch.keep_up(database, second)
    put_back(database, before)
    with pytest.raises(Restored, match=r"knows of 1 requests .*, and 5 were made: it is older"):
        epoch.begin(database, second)


def test_a_machine_keeps_up_only_where_mail_was_sent(database: Database, folder: Folder) -> None:
    file = folder("first")
    epoch.keep_up(database, file)
    assert file.read() is None


def test_A14_a_database_of_an_earlier_version_lets_the_machine_with_the_file_begin_first(
    database: Database, sending: Sending, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    epoch.begin(database, first)
    send(sending, first)
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM epoch")
    with pytest.raises(Restored, match="is missing, and mail was sent before"):
        epoch.begin(database, second)
    epoch.begin(database, first)
    epoch.begin(database, second)
