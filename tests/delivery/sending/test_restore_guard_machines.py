"""The restore guard on several machines with one PostgreSQL: each sends, no copy does."""

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
from digest.delivery.models import Attempt, Batch, BatchState, Installation
from digest.delivery.sending import restore_guard
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.restore_guard import DatabaseRestored, RestoreGuardFile
from digest.issues.models import Issue, IssueState
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.guarded import send
from tests.postgres import copied_database

pytestmark = pytest.mark.postgres

Folder = Callable[[str], RestoreGuardFile]


@pytest.fixture
def database(postgres_database: Database) -> Database:
    return postgres_database


@pytest.fixture
def sending(make_readers: MakeReaders, make_sending: MakeSending) -> EditionSend:
    """An issue that is being sent, in twelve batches."""
    make_readers(12)
    return make_sending(batch_size=1)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a function that makes a folder of its own, as on another machine."""

    def make(name: str) -> RestoreGuardFile:
        (tmp_path / name).mkdir()
        return RestoreGuardFile(tmp_path / name / "digest.epoch")

    return make


def known(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.exec(select(Attempt.key)).all())


def put_back(database: Database, attempts: set[str]) -> None:
    """Delete all other attempts, as if the database had been restored in place."""
    with database.write() as session:
        for attempt in session.exec(select(Attempt).where(col(Attempt.key).not_in(attempts))).all():
            batch = session.get_one(Batch, attempt.batch_id)
            batch.state, batch.attempt, batch.attempts = BatchState.PENDING, None, 0
            session.delete(attempt)


def test_a_machine_that_never_sent_begins_at_once_and_holds_nobody(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    restore_guard.begin(database, first)
    send(sending, first, 2)
    restore_guard.begin(database, second)
    send(sending, second, 3)
    restore_guard.begin(database, first)
    send(sending, first)
    assert [restore_guard.hold_reason(database, each) for each in (first, second)] == [None, None]


def test_machines_that_begin_at_one_moment_all_may(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    files, together = [folder(f"machine-{n}") for n in range(10)], Barrier(10)

    def start(file: RestoreGuardFile) -> None:
        together.wait(60)
        restore_guard.begin(database, file)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(start, files))
    send(sending, files[0])
    assert [restore_guard.hold_reason(database, each) for each in files] == [None] * 10
    with database.read() as session:
        assert len(session.exec(select(Installation)).all()) == 1


def test_what_a_person_says_on_one_machine_holds_for_all(
    database: Database, sending: EditionSend, folder: Folder, now: datetime
) -> None:
    first, second = folder("first"), folder("second")
    restore_guard.begin(database, first)
    send(sending, first, 2)
    assert restore_guard.accept_restore(
        database, second, by="Ann", why="looked", now=now
    ).paused == [1]
    assert [restore_guard.hold_reason(database, each) for each in (first, second)] == [None, None]
    restore_guard.begin(database, first)
    with database.write() as session:
        session.get_one(Issue, 1).state = IssueState.PREPARED
    send(sending, first)
    assert [restore_guard.hold_reason(database, each) for each in (first, second)] == [None, None]


def test_a_folder_copied_with_its_file_counts_along_with_the_original(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    restore_guard.begin(database, first)
    send(sending, first, 2)
    shutil.copy(first.path, second.path)
    for file in (second, first, second):
        restore_guard.begin(database, file)
        send(sending, file)
    assert [restore_guard.hold_reason(database, each) for each in (first, second)] == [None, None]


def test_A14_a_database_put_back_in_its_place_is_held(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    file = folder("first")
    restore_guard.begin(database, file)
    send(sending, file, 2)
    before = known(database)
    send(sending, file, 3)
    put_back(database, before)
    with pytest.raises(
        DatabaseRestored, match="3 of the last 5 requests to the provider aren't in this database"
    ):
        restore_guard.begin(database, file)


def test_a_machine_that_comes_back_with_an_empty_disk_joins_at_once_and_watches(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    file = folder("first")
    restore_guard.begin(database, file)
    send(sending, file, 2)
    before = known(database)
    send(sending, file)
    file.path.unlink()
    restore_guard.begin(database, file)
    put_back(database, before)  # what was sent before its disk was lost is seen as well
    with pytest.raises(DatabaseRestored, match="1 of the last 3 requests"):
        restore_guard.begin(database, file)


def test_A14_growth_since_a_restore_hides_nothing(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    restore_guard.begin(database, first)
    restore_guard.begin(database, second)
    send(sending, first)
    before = known(database)
    send(sending, first)
    put_back(database, before)
    send(sending, second, 5)  # it knows of nothing, and was quicker
    with pytest.raises(DatabaseRestored, match="1 of the last 2 requests"):
        restore_guard.begin(database, first)
    with pytest.raises(DatabaseRestored, match="1 of the last 2 requests"):
        restore_guard.begin(database, second)


def test_A14_a_copy_on_a_server_is_held_while_the_original_goes_on(
    database: Database, sending: EditionSend, folder: Folder, postgres: URL
) -> None:
    first, another = folder("first"), folder("another")
    restore_guard.begin(database, first)
    send(sending, first)
    database.close()
    with copied_database(postgres, str(database.url.database)) as url:
        copy = Database(url.render_as_string(hide_password=False))
        with closing(copy):
            for file in (first, another):  # the file of the original is no excuse
                with pytest.raises(DatabaseRestored, match="a copy of the one that sent mail"):
                    restore_guard.begin(copy, file)
    send(sending, first)
    restore_guard.begin(database, first)


def test_A14_what_one_machine_finds_missing_holds_the_others_too(
    database: Database, sending: EditionSend, folder: Folder, now: datetime
) -> None:
    first, second, third = folder("first"), folder("second"), folder("third")
    restore_guard.begin(database, first)
    restore_guard.begin(database, second)
    send(sending, first)
    before = known(database)
    send(sending, first, 4)
    put_back(database, before)
    with pytest.raises(DatabaseRestored):
        restore_guard.begin(database, first)
    for file in (second, third):  # neither saw what the first did
        with pytest.raises(DatabaseRestored, match="4 of the last 5 requests"):
            restore_guard.begin(database, file)
    assert restore_guard.accept_restore(
        database, second, by="Ann", why="looked", now=now
    ).paused == [1]
    assert [restore_guard.hold_reason(database, each) for each in (first, second, third)] == [
        None
    ] * 3


def test_A14_a_machine_that_kept_up_holds_what_it_did_not_send_itself(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    restore_guard.begin(database, first)
    restore_guard.refresh_guard(database, second)
    send(sending, first)
    before = known(database)
    send(sending, first, 4)
    restore_guard.refresh_guard(database, second)
    put_back(database, before)
    with pytest.raises(
        DatabaseRestored, match=r"4 of the last 5 requests .*: it is older than what was sent"
    ):
        restore_guard.begin(database, second)


def test_a_machine_keeps_up_only_where_mail_was_sent(database: Database, folder: Folder) -> None:
    file = folder("first")
    restore_guard.refresh_guard(database, file)
    assert file.read() is None


def test_A14_a_database_of_an_earlier_version_lets_the_machine_with_the_file_begin_first(
    database: Database, sending: EditionSend, folder: Folder
) -> None:
    first, second = folder("first"), folder("second")
    restore_guard.begin(database, first)
    send(sending, first)
    with database.write() as session:
        session.connection().exec_driver_sql("DELETE FROM epoch")
    with pytest.raises(DatabaseRestored, match="is missing, but this database has sent mail"):
        restore_guard.begin(database, second)
    restore_guard.begin(database, first)
    restore_guard.begin(database, second)
