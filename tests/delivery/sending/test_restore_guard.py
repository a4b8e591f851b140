"""The restore guard: a database restored from a backup sends nothing by itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from digest.db import Database
from digest.delivery.models import Attempt
from digest.delivery.sending import restore_guard
from digest.delivery.sending.dispatcher import dispatch
from digest.delivery.sending.restore_guard import DatabaseRestored, GuardRecord, RestoreGuardFile
from digest.issues import approval
from digest.issues.models import Approval, Issue, IssueState, Newsletter, Slot, SlotState
from digest.service.backup import back_up
from tests.delivery.conftest import MakeReaders, MakeSending
from tests.delivery.guarded import send as send_one
from tests.delivery.guarded import with_guard


@pytest.fixture
def file(tmp_path: Path) -> RestoreGuardFile:
    return RestoreGuardFile(tmp_path / "digest.db.epoch")


@pytest.fixture
def send(
    sqlite_database: Database,
    file: RestoreGuardFile,
    make_readers: MakeReaders,
    make_sending: MakeSending,
) -> Callable[[], None]:
    """Return a function that sends an issue of nine readers in three batches."""

    def act() -> None:
        make_readers(9)
        sending = make_sending()
        restore_guard.begin(sqlite_database, file)
        dispatch(with_guard(sending, file), concurrency=1)

    return act


@dataclass(frozen=True)
class ContestedGuardFile(RestoreGuardFile):
    """A guard file whose first access lets *meanwhile* run before it."""

    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def read(self) -> GuardRecord | None:
        if self.meanwhile:
            self.meanwhile.pop()()
        return super().read()


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def path_of(database: Database) -> Path:
    return Path(str(database.url.database))


def put_back(database: Database, copy: Path) -> Database:
    """Replace the database's file, as an operator would, and open it anew."""
    database.close()
    for beside in ("-wal", "-shm"):
        Path(f"{path_of(database)}{beside}").unlink(missing_ok=True)
    shutil.copy(copy, path_of(database))
    return Database(str(database.url))


def test_a_database_that_has_never_sent_may_begin(
    database: Database, file: RestoreGuardFile
) -> None:
    restore_guard.begin(database, file)
    restore_guard.begin(database, file)
    assert file.read() is not None


def test_every_attempt_is_named(
    database: Database, send: Callable[[], None], file: RestoreGuardFile
) -> None:
    send()
    noted = file.read()
    assert noted is not None
    with database.read() as session:
        assert set(noted.attempts) == set(session.exec(select(Attempt.key)).all())


def test_the_last_attempts_are_named_and_the_file_stays_small(file: RestoreGuardFile) -> None:
    keys = [f"{number:032x}" for number in range(100)]
    file.begin(keys[0])
    for key in keys:
        file.note(key)
    noted = file.read()
    assert noted is not None
    assert noted.attempts == tuple(keys[-32:])
    assert file.path.stat().st_size < 2000


def test_a_file_that_named_more_is_read_to_its_end(file: RestoreGuardFile) -> None:
    first, second = "0" * 32, "1" * 32
    file.begin(first, [second])
    file.begin(second)
    assert file.read() == GuardRecord(key=second)


def test_A14_a_database_older_than_what_was_sent_is_held(
    database: Database, send: Callable[[], None], file: RestoreGuardFile, tmp_path: Path
) -> None:
    restore_guard.begin(database, file)
    database.close()
    shutil.copy(path_of(database), tmp_path / "copy.db")
    send()
    restored = put_back(database, tmp_path / "copy.db")
    with pytest.raises(
        DatabaseRestored, match="3 of the last 3 requests to the provider aren't in this database"
    ):
        restore_guard.begin(restored, file)
    restored.close()


def test_A14_a_copy_from_before_the_first_send_is_held(
    database: Database, send: Callable[[], None], file: RestoreGuardFile, tmp_path: Path
) -> None:
    database.close()
    shutil.copy(path_of(database), tmp_path / "copy.db")
    send()
    restored = put_back(database, tmp_path / "copy.db")
    with pytest.raises(DatabaseRestored, match="belongs to another database"):
        restore_guard.begin(restored, file)
    restored.close()


def test_A14_our_own_backup_is_held_although_nothing_was_sent_since(
    database: Database,
    send: Callable[[], None],
    file: RestoreGuardFile,
    tmp_path: Path,
    now: datetime,
) -> None:
    send()
    copy = back_up(path_of(database), tmp_path / "backups", keep=3, now=now)
    restore_guard.begin(database, file)  # the original goes on
    restored = put_back(database, copy)
    with pytest.raises(DatabaseRestored, match="a copy made on 2026-11-24 at 09:00 UTC"):
        restore_guard.begin(restored, file)
    restored.close()


@pytest.mark.parametrize("left", [b"", b"rubbish"])
def test_A14_without_a_readable_file_a_database_that_has_sent_is_held(
    database: Database, send: Callable[[], None], file: RestoreGuardFile, left: bytes
) -> None:
    send()
    file.path.write_bytes(left)
    with pytest.raises(DatabaseRestored):
        restore_guard.begin(database, file)


def test_A14_another_databases_file_holds(
    database: Database, send: Callable[[], None], file: RestoreGuardFile
) -> None:
    send()
    file.path.write_bytes(b"digest-epoch 0123456789abcdef0123456789abcdef 000000000000000\n")
    with pytest.raises(DatabaseRestored, match="belongs to another database"):
        restore_guard.begin(database, file)


def test_a_person_lets_it_go_on_and_what_was_under_way_is_paused(
    database: Database,
    file: RestoreGuardFile,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    now: datetime,
) -> None:
    make_readers(3)
    make_sending()
    file.path.write_bytes(b"digest-epoch 0123456789abcdef0123456789abcdef 000000000000009\n")
    assert restore_guard.accept_restore(database, file, by="Ann", why="looked", now=now) == (
        [1],
        [],
    )
    restore_guard.begin(database, file)
    with database.read() as session:
        issue = session.get_one(Issue, 1)
    assert issue.state is IssueState.PAUSED
    assert issue.note == "the database was restored from a copy (Ann: looked)"


def test_A14_what_was_approved_in_a_copy_has_to_be_approved_anew(
    database: Database,
    file: RestoreGuardFile,
    make_issue: Callable[[], tuple[int, int]],
    now: datetime,
) -> None:
    issue_id, _ = make_issue()
    with database.write() as session:
        terms: dict[str, Any] = {"seal": "s", "editions": [], "audience": "", "templates": ""}
        session.add(Approval(issue_id=issue_id, by="Ann", at=now, **terms))
    assert restore_guard.accept_restore(database, file, by="Ann", why="looked", now=now) == (
        [],
        [1],
    )
    with database.read() as session:
        issue = session.get_one(Issue, issue_id)
        assert approval.standing(session, issue) == []
        assert [entry.act for entry in approval.history(session, issue)] == [
            "approved",
            "withdrawn",
        ]


def test_A14_no_moment_that_has_passed_makes_an_issue_go_afterwards(
    database: Database,
    file: RestoreGuardFile,
    make_issue: Callable[[], tuple[int, int]],
    now: datetime,
) -> None:
    make_issue()
    fields: dict[str, Any] = {"newsletter_id": 1, "claimed_at": now, "state": SlotState.DRAFTED}
    with database.write() as session:
        for period, due in (("2026-W48", now), ("2026-W49", now + timedelta(weeks=1))):
            session.add(Slot(period=period, day=due.date(), due_at=due, **fields))
    restore_guard.accept_restore(database, file, by="Ann", why="looked", now=now)
    with database.read() as session:
        states = {slot.period: slot.state for slot in session.exec(select(Slot)).all()}
        since = session.get_one(Newsletter, 1).scheduled_since
    assert states == {"2026-W48": SlotState.MISSED, "2026-W49": SlotState.DRAFTED}
    assert since == now


def test_A15_a_whole_copy_is_not_noticed_and_the_manual_says_so(
    database: Database, send: Callable[[], None], file: RestoreGuardFile, tmp_path: Path
) -> None:
    restore_guard.begin(database, file)
    database.close()
    clone, beside = tmp_path / "clone.db", tmp_path / "clone.db.epoch"
    shutil.copy(path_of(database), clone)
    shutil.copy(file.path, beside)
    send()
    other = Database(f"sqlite:///{clone}")
    restore_guard.begin(other, RestoreGuardFile(beside))  # nothing tells it of the first
    other.close()
    manual = (Path(__file__).parents[3] / "docs" / "backups.md").read_text("utf-8")
    assert "What can't be noticed: two machines with copies of the same database" in manual


def test_a_second_sender_that_begins_late_does_not_take_back_what_the_first_noted(
    file: RestoreGuardFile,
) -> None:
    key, known, new = ("0" * 32, "1" * 32, "2" * 32)
    file.begin(key, [known])
    file.note(new)
    file.begin(key, [known])  # it read the database before the first sent one more
    assert file.read() == GuardRecord(key=key, attempts=(known, new))


def test_a_sender_at_work_is_no_sign_of_a_restore(
    database: Database, file: RestoreGuardFile, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    sending = make_sending()
    restore_guard.begin(database, file)
    asked = ContestedGuardFile(file.path, [lambda: send_one(sending, file)])
    assert restore_guard.hold_reason(database, asked) is None


def test_the_very_first_sender_at_work_is_no_sign_of_a_restore(
    database: Database, file: RestoreGuardFile, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    sending = make_sending()

    @dataclass(frozen=True)
    class Begun(RestoreGuardFile):
        """A file that another process creates right after it was found missing."""

        def read(self) -> GuardRecord | None:
            record = super().read()
            if record is None:
                restore_guard.begin(database, file)
                send_one(sending, file)
            return record

    assert restore_guard.hold_reason(database, Begun(file.path)) is None


def test_a_request_on_record_but_not_noted_yet_is_noted_once(
    database: Database, file: RestoreGuardFile, make_readers: MakeReaders, make_sending: MakeSending
) -> None:
    make_readers(3)
    sending = make_sending()
    restore_guard.begin(database, file)

    def another_begins(attempt: str) -> None:
        restore_guard.refresh_guard(database, file)
        file.note(attempt)

    dispatch(replace(sending, on_start=another_begins), concurrency=1)
    assert restore_guard.hold_reason(database, file) is None
    noted = file.read()
    assert noted is not None
    assert len(noted.attempts) == 1


@pytest.mark.parametrize("counts", ["{0:015d}", "{0:015d} 0123456789ab {0:015d}"])
def test_a_file_of_an_earlier_version_holds_by_its_counts_once_and_then_names_attempts(
    database: Database,
    file: RestoreGuardFile,
    make_readers: MakeReaders,
    make_sending: MakeSending,
    counts: str,
) -> None:
    make_readers(3)
    sending = make_sending()
    restore_guard.begin(database, file)
    send_one(sending, file)
    noted = file.read()
    assert noted is not None
    file.path.write_text(f"digest-epoch {noted.key} {counts.format(2)}\n", "ascii")
    assert "knows of 1 requests to the provider, and 2 were made" in str(
        restore_guard.hold_reason(database, file)
    )
    file.path.write_text(f"digest-epoch {noted.key} {counts.format(1)}\n", "ascii")
    restore_guard.begin(database, file)
    assert file.read() == noted
