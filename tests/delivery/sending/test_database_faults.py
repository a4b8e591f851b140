"""Database faults during a send: locked, full, read-only, gone or damaged (fault matrix, D)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import select

from digest.db import Database
from digest.delivery.counts import DeliveryCounts
from digest.delivery.models import Attempt, Delivery
from digest.delivery.sending.batch_worker import EditionSend
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.planning import plan_deliveries
from digest.issues.models import Edition, Issue, IssueState
from digest.mail.memory import MemoryTransport
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.sending.test_dispatcher import counted

READERS = 9


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """A store with a short timeout for locks."""
    event.listen(
        sqlite_database.engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=20")
    )
    sqlite_database.engine.dispose()
    return sqlite_database


@pytest.fixture
def path(database: Database) -> Path:
    return Path(str(database.url.database))


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


@pytest.fixture
def sending(
    make_readers: MakeReaders, make_sending: MakeSending, transport: MemoryTransport
) -> EditionSend:
    make_readers(READERS)
    return make_sending(transport)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock, as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def once(at: str, do: Callable[[], object]) -> Callable[[str], None]:
    """Return a step hook that calls *act* the first time a step is reached."""
    done: list[str] = []

    def step(name: str) -> None:
        if name == at and not done:
            done.append(name)
            do()

    return step


def resumed(sending: EditionSend, database: Database) -> DeliveryCounts:
    """Send again as a process that takes over from a dead one."""
    counts = dispatch(sending, concurrency=1, is_alive=lambda _: False)
    assert counts.balances
    return counts


def started(database: Database) -> set[str]:
    with database.read() as session:
        attempts = session.exec(select(Attempt).where(Attempt.started_at.is_not(None)))  # type: ignore[union-attr]  # a column
        return {attempt.key for attempt in attempts}


def test_D01_no_request_leaves_when_its_start_cannot_be_written(
    database: Database, path: Path, sending: EditionSend, transport: MemoryTransport
) -> None:
    holder = locked(path)
    blocked = replace(sending, step=once("claimed", holder.__enter__))
    with pytest.raises(OperationalError, match="locked"):
        dispatch(blocked, concurrency=1)
    assert transport.accepted == []
    holder.__exit__(None, None, None)
    assert resumed(sending, database).accepted == READERS
    assert len(transport.addresses()) == len(set(transport.addresses())) == READERS


def test_D01_an_answer_is_written_as_soon_as_the_lock_is_gone(
    database: Database, path: Path, sending: EditionSend, transport: MemoryTransport
) -> None:
    holder = locked(path)

    def hold() -> None:
        holder.__enter__()
        threading.Timer(0.15, holder.__exit__, (None, None, None)).start()

    counts = dispatch(replace(sending, step=once("answered", hold)), concurrency=1)
    assert (counts.accepted, counts.in_doubt) == (READERS, 0)


def test_D01_an_answer_that_can_never_be_written_leaves_doubt(
    database: Database, path: Path, sending: EditionSend, transport: MemoryTransport
) -> None:
    holder = locked(path)
    with pytest.raises(OperationalError, match="locked"):
        dispatch(replace(sending, step=once("answered", holder.__enter__)), concurrency=1)
    holder.__exit__(None, None, None)
    counts = resumed(sending, database)
    assert (counts.accepted, counts.in_doubt) == (READERS - 3, 3)
    assert len(transport.addresses()) == READERS  # the doubtful three were in fact mailed, once


def test_D02_a_plan_that_does_not_fit_on_the_disk_leaves_nothing(
    database: Database, make_readers: MakeReaders, make_issue: Callable[[], tuple[int, int]],
    now: datetime,
) -> None:  # fmt: skip
    make_readers(600)
    issue_id, edition_id = make_issue()

    def plan() -> None:
        with database.write() as session:
            plan_deliveries(
                session,
                issue=session.get_one(Issue, issue_id),
                edition=session.get_one(Edition, edition_id),
                newsletter="weekly",
                batch_size=3,
                now=now,
            )

    with full(database), pytest.raises(OperationalError, match="full"):
        plan()
    with database.read() as session:
        assert session.get_one(Issue, issue_id).state is IssueState.BUILT
        assert session.exec(select(Delivery)).first() is None
    plan()
    assert counted(database, edition_id).pending == 600


@pytest.mark.parametrize("spare", range(5))
def test_D02_a_disk_that_fills_while_sending_costs_no_reader(
    database: Database,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    transport: MemoryTransport,
    spare: int,
) -> None:
    make_readers(80)
    sending = make_sending(transport, batch_size=1)
    with full(database, spare), pytest.raises(OperationalError, match="full"):
        dispatch(sending, concurrency=1)
    assert {mailing.attempt for mailing in transport.accepted} <= started(database)
    counts = resumed(sending, database)
    # What was answered was written, since that takes no room: there is no doubt.
    assert (counts.accepted, counts.in_doubt) == (80, 0)
    assert len(transport.addresses()) == len(set(transport.addresses())) == 80


def test_D03_a_store_that_cannot_be_written_sends_nothing(
    path: Path, sending: EditionSend, transport: MemoryTransport
) -> None:
    reading = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(OperationalError, match="readonly"):
        dispatch(replace(sending, store=reading), concurrency=1)
    reading.close()
    assert transport.accepted == []


def test_D03_a_store_whose_folder_is_gone_sends_nothing(
    tmp_path: Path, sending: EditionSend, transport: MemoryTransport
) -> None:
    nowhere = Database(f"sqlite:///{tmp_path / 'gone' / 'digest.db'}")
    with pytest.raises(OperationalError, match="unable to open"):
        dispatch(replace(sending, store=nowhere), concurrency=1)
    assert transport.accepted == []


def test_D03_a_file_put_in_its_place_is_not_written_by_who_had_the_other(
    path: Path, database: Database, sending: EditionSend, transport: MemoryTransport
) -> None:
    """Its own sender finishes with the file it opened; what stands in its place is as it was."""
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE stranger (id)")
    strange = other.read_bytes()

    def replace_file() -> None:
        path.rename(path.with_name("moved.db"))
        other.rename(path)

    counts = dispatch(replace(sending, step=once("claimed", replace_file)), concurrency=1)
    assert counts.accepted + counts.in_doubt + counts.pending == READERS
    assert path.read_bytes() == strange
    assert len(transport.addresses()) == len(set(transport.addresses()))


@pytest.mark.parametrize("damage", ["head", "cut", "zeros", "flips"])
def test_D04_a_damaged_store_mails_nobody_twice(
    path: Path, database: Database, sending: EditionSend, transport: MemoryTransport, damage: str
) -> None:
    dispatch(sending, concurrency=1)
    sent = list(transport.addresses())
    database.close()
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(DatabaseError):
        _used(path, sending, database)
    assert transport.addresses() == sent


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "head": lambda raw: b"not a database  " + raw[16:],
    "cut": lambda raw: raw[: len(raw) // 3],
    "zeros": lambda raw: raw[:4096] + bytes(len(raw) - 4096),
    "flips": lambda raw: raw[:4096] + bytes(byte ^ 0x10 for byte in raw[4096:]),
}


def _used(path: Path, sending: EditionSend, database: Database) -> None:
    """Send again, then check the whole file, as the service does at its start."""
    resumed(sending, database)
    with closing(sqlite3.connect(path)) as db:
        if db.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise DatabaseError("quick_check", None, ValueError("damaged"))


@contextmanager
def full(database: Database, spare: int = 0) -> Iterator[None]:
    """Limit the growth of the store to *spare* pages."""
    with database.read() as session:
        pages = session.connection().exec_driver_sql("PRAGMA page_count").scalar_one() + spare

    def cap(raw: sqlite3.Connection, _: object) -> None:
        raw.execute(f"PRAGMA max_page_count={pages}")

    event.listen(database.engine, "connect", cap)
    database.engine.dispose()
    try:
        yield
    finally:
        event.remove(database.engine, "connect", cap)
        database.engine.dispose()
