"""Mailboxes of returned mail: no mail is removed before its event is on disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from mailbox import Maildir, mbox
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from digest.errors import SpoolFull
from digest.mail.provider_events import EventKind
from digest.mail.smtp.bounces import (
    MailboxUnreadable,
    ReturnedMailReader,
    ReturnSort,
    mails_waiting,
    parse_events,
)
from digest.mail.smtp.bounces.bounce_mailbox import MAX_ASIDE
from tests.another_user import somebody_else
from tests.mail.smtp import returned_mails as mails
from tests.mail.smtp.returned_mails import AT, PATHS, failed, report, token, verp

FOREIGN = report(failed(), to="bounces@news.example", returned="Subject: x\n")


class Stored:
    """A spool in memory, which can be full."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.records: list[bytes] = []

    def keep(self, record: bytes, _received: int) -> None:
        if len(self.records) >= self.room:
            raise SpoolFull
        self.records.append(record)

    @property
    def deliveries(self) -> list[str | None]:
        return [event.delivery for record in self.records for event in parse_events(record).events]

    @property
    def dead(self) -> int:
        return sum(parse_events(record).unread for record in self.records)


def reader(stored: Stored) -> ReturnedMailReader:
    return ReturnedMailReader(paths=PATHS, keep=stored.keep, now=AT + 60)


def bounce(delivery: int) -> bytes:
    return report(failed(), to=verp(token(str(delivery))))


def maildir(path: Path, *raws: bytes) -> Path:
    box = Maildir(path)
    for raw in raws:
        box.add(raw)
    return path


def one_file(path: Path, *raws: bytes) -> Path:
    box = mbox(path)
    for raw in raws:
        box.add(raw)
    box.close()
    return path


Made = Callable[..., Path]
BOTH = pytest.mark.parametrize("made", [maildir, one_file])


@BOTH
def test_a_mailbox_is_emptied_into_the_spool(made: Made, tmp_path: Path) -> None:
    box, stored = made(tmp_path / "b", bounce(1), mails.OUT_OF_OFFICE, bounce(2)), Stored()
    done = reader(stored).read_mailbox(box)
    assert done.mails == {ReturnSort.REPORT: 2, ReturnSort.ANSWER: 1}
    assert sorted(str(each) for each in stored.deliveries) == ["1", "2"]
    assert mails_waiting(box) == 0


@BOTH
def test_what_cannot_be_used_is_kept_aside_and_counted(made: Made, tmp_path: Path) -> None:
    box, stored = made(tmp_path / "b", bounce(1), FOREIGN), Stored()
    done = reader(stored).read_mailbox(box)
    assert (done.kept, stored.dead, mails_waiting(box)) == (1, 1, 0)
    assert done.aside is not None
    assert mails_waiting(done.aside) == 1
    assert done.mails == {ReturnSort.REPORT: 1, ReturnSort.FOREIGN: 1}


def test_so_many_are_kept_aside_and_no_more(tmp_path: Path) -> None:
    box = maildir(tmp_path / "b")
    aside = Maildir(box).add_folder("unused")
    for number in range(MAX_ASIDE - 1):
        (Path(box) / ".unused" / "new" / f"{number}").write_bytes(b"x")
    Maildir(box).add(FOREIGN)
    Maildir(box).add(FOREIGN)
    stored = Stored()
    assert reader(stored).read_mailbox(box).kept == 1
    assert (len(aside), stored.dead, mails_waiting(box)) == (MAX_ASIDE, 2, 0)


@BOTH
def test_a_full_spool_leaves_the_mails_where_they_are(made: Made, tmp_path: Path) -> None:
    box = made(tmp_path / "b", *(bounce(number) for number in range(5)))
    with pytest.raises(SpoolFull):
        replace(reader(Stored(room=1)), group=2).read_mailbox(box)
    assert mails_waiting(box) == 3
    rest = Stored()
    reader(rest).read_mailbox(box)
    assert len(rest.deliveries) == 3


def test_a_mail_that_another_process_has_read_is_no_fault(tmp_path: Path) -> None:
    box = maildir(tmp_path / "b", bounce(1), bounce(2))

    class Racing(Stored):
        def keep(self, record: bytes, received: int) -> None:
            super().keep(record, received)
            Maildir(box).clear()

    stored = Racing()
    assert reader(stored).read_mailbox(box).total == 2
    assert mails_waiting(box) == 0


def test_a_mail_of_another_user_stops_no_other_mail() -> None:
    with TemporaryDirectory() as place:
        box, stored = maildir(Path(place) / "b", bounce(1), bounce(2), bounce(3)), Stored()
        for path in (Path(place), box, *box.rglob("*")):
            path.chmod(0o777)
        closed = sorted((box / "new").iterdir())[0]
        closed.chmod(0)
        with somebody_else(), pytest.raises(MailboxUnreadable, match="1 mail belongs") as caught:
            reader(stored).read_mailbox(box)
        assert "let this user read" in str(caught.value.next_step)
        assert (len(stored.deliveries), list((box / "new").iterdir())) == (2, [closed])


def test_what_is_no_file_in_a_maildir_is_left_alone(tmp_path: Path) -> None:
    stored, path = Stored(), tmp_path / "box"
    box = Maildir(path)
    box.add(FOREIGN)
    (tmp_path / "letter").write_text("of somebody else")
    (path / "new" / "a-link").symlink_to(tmp_path / "letter")
    os.mkfifo(path / "new" / "a-pipe")
    done = reader(stored).read_mailbox(path)
    assert done.mails.total() == 1
    assert sorted(entry.name for entry in (path / "new").iterdir()) == ["a-link", "a-pipe"]


def test_a_mailbox_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "no-maildir").mkdir()
    for name in ("none", "no-maildir"):
        with pytest.raises(MailboxUnreadable, match=name) as caught:
            reader(Stored()).read_mailbox(tmp_path / name)
        assert "Maildir or an mbox" in str(caught.value.next_step)


def test_a_locked_mbox_is_tried_again(tmp_path: Path) -> None:
    box = one_file(tmp_path / "b", bounce(1))
    (tmp_path / "b.lock").touch()
    with pytest.raises(MailboxUnreadable, match="locked"):
        reader(Stored()).read_mailbox(box)
    (tmp_path / "b.lock").unlink()
    assert mails_waiting(box) == 1


def test_a_mail_on_a_pipe_is_read_to_its_end_and_on_disk() -> None:
    source, stored = BytesIO(bounce(7) + b"x" * 1_000_000), Stored()
    mail = reader(stored).read_one(source)
    assert mail.event is not None
    assert (mail.event.kind, stored.deliveries) == (EventKind.BOUNCED, ["7"])
    assert source.read() == b""


def test_an_answer_leaves_nothing_in_the_spool() -> None:
    stored = Stored()
    assert reader(stored).read_one(BytesIO(mails.OUT_OF_OFFICE)).sort is ReturnSort.ANSWER
    assert stored.records == []


@pytest.mark.parametrize(
    "record", [b"", b"{}", b"[7]", b'{"returned_mails":', b'{"returned_mails":{"events":[["x"]]}}']
)
def test_what_is_no_record_is_counted_and_raises_nothing(record: bytes) -> None:
    parsed = parse_events(record)
    assert (list(parsed.events), parsed.unread) == ([], 1)
