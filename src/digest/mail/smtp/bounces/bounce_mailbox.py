"""Decides when a returned mail may be removed: once its event is on disk, and never before.

A mailbox is a Maildir or an mbox, as a mail server fills it. It is Digest's alone: a mail that
could be used is removed, and one that couldn't is moved to a mailbox beside it, up to `MAX_ASIDE`
of them. Mails read twice are one event, so a reading that is cut off is simply begun again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from mailbox import Error, ExternalClashError, Mailbox, Maildir, NoSuchMailboxError, mbox
from pathlib import Path
from typing import Any, BinaryIO

from digest.errors import DigestError
from digest.mail.smtp.bounces.mail_parts import MAX_MAIL
from digest.mail.smtp.bounces.packed_events import pack_events
from digest.mail.smtp.bounces.returned_mail import ReturnedMail, ReturnSort, read_returned_mail
from digest.mail.smtp.return_path import ReturnPaths

MAX_ASIDE = 1000  #: unusable mails that are kept
MAX_MAILS = 20_000  #: mails of one reading; the others wait for the next
ASIDE = "unused"
_SET_ASIDE = (ReturnSort.FOREIGN, ReturnSort.UNREADABLE)


class MailboxUnreadable(DigestError):
    """The mailbox for bounces can't be read."""

    next_step = "it must be a Maildir or an mbox that this user may read and write"


@dataclass
class MailboxReading:
    """How many mails were read, of each sort, and how many unusable ones were kept."""

    mails: Counter[ReturnSort] = field(default_factory=Counter)
    kept: int = 0
    closed: int = 0  #: mails that this user may not open
    aside: Path | None = None  #: where those are

    @property
    def total(self) -> int:
        """How many mails were read."""
        return self.mails.total()


@dataclass(frozen=True, kw_only=True)
class ReturnedMailReader:
    """Reads mails that came back, and puts their events on disk."""

    paths: ReturnPaths
    keep: Callable[[bytes, int], object]  #: a record and its moment, on disk; raises `SpoolFull`
    now: int  #: seconds since 1970
    group: int = 200  #: mails whose events are written to disk together

    def read_one(self, source: BinaryIO, recipient: str = "") -> ReturnedMail:
        """Read one mail to its end and put its event on disk; raises `SpoolFull`."""
        raw = source.read(MAX_MAIL)
        while source.read(MAX_MAIL):  # a mail server takes a pipe closed early for a failure
            pass
        mail = self._mail(raw, recipient)
        self._store([mail])
        return mail

    def read_mailbox(
        self, path: Path, on_progress: Callable[[int, int], None] = lambda _done, _all: None
    ) -> MailboxReading:
        """Read the mails in a mailbox, and remove each once its event is on disk.

        Raise `MailboxUnreadable`, for mails of another user once the rest was read, and `SpoolFull`
        with the rest of the mails still in the mailbox.
        """
        with _opened(path) as box, closing(_Aside(path, box)) as aside:
            done = MailboxReading(aside=aside.path)
            keys = sorted(set(box.keys()) - _no_files(path))[:MAX_MAILS]
            for start in range(0, len(keys), self.group):
                group = keys[start : start + self.group]
                self._read_group(box, group, aside, done)
                on_progress(start + len(group), len(keys))
        if done.closed:
            whose = "1 mail belongs" if done.closed == 1 else f"{done.closed:,} mails belong"
            raise MailboxUnreadable(
                f"{path}: {whose} to another user and can't be opened; the rest was read",
                next_step="let this user read and remove every mail there",
            )
        return done

    def _read_group(
        self, box: Mailbox[Any], keys: Sequence[Any], aside: _Aside, done: MailboxReading
    ) -> None:
        raws = {}
        for key in keys:
            try:
                raw = _raw(box, key)
            except PermissionError:
                done.closed += 1
                continue
            if raw is not None:
                raws[key] = raw
        found = {key: self._mail(raw) for key, raw in raws.items()}
        self._store(list(found.values()))
        for key, mail in found.items():
            done.mails[mail.sort] += 1
            if mail.sort in _SET_ASIDE:
                done.kept += aside.keep(raws[key])
            box.discard(key)

    def _mail(self, raw: bytes, recipient: str = "") -> ReturnedMail:
        return read_returned_mail(raw, self.paths, received=self.now, recipient=recipient)

    def _store(self, mails: Sequence[ReturnedMail]) -> None:
        if any(mail.event is not None or mail.note for mail in mails):
            self.keep(pack_events(mails), self.now)


def mails_waiting(path: Path) -> int:
    """Return how many mails wait in a mailbox, without reading any; raise `MailboxUnreadable`."""
    with _opened(path) as box:
        return len(box)


class _Aside:
    """The mailbox of the mails that couldn't be used, which is made for the first of them."""

    def __init__(self, path: Path, box: Mailbox[Any]) -> None:
        self._box = box
        is_maildir = isinstance(box, Maildir)
        self.path = path / f".{ASIDE}" if is_maildir else path.with_name(f"{path.name}.{ASIDE}")
        self._mails: Mailbox[Any] | None = None

    def keep(self, raw: bytes) -> bool:
        """Add a mail; return false if that many are kept already that this one isn't."""
        if self._mails is None:
            self._mails = self._open()
        if len(self._mails) >= MAX_ASIDE:
            return False
        self._mails.add(raw)
        self._mails.flush()
        return True

    def close(self) -> None:
        """Close the mailbox, if there was such a mail."""
        if self._mails is not None:
            self._mails.close()

    def _open(self) -> Mailbox[Any]:
        if isinstance(self._box, Maildir):
            return self._box.add_folder(ASIDE)
        return mbox(self.path)


def _no_files(path: Path) -> set[str]:
    """Return the keys in a Maildir of what is no file: a pipe would hang, a link lead elsewhere."""
    found = [entry for each in ("new", "cur") for entry in path.glob(f"{each}/*")]
    return {
        entry.name.partition(":")[0] for entry in found if entry.is_symlink() or not entry.is_file()
    }


def _raw(box: Mailbox[Any], key: Any) -> bytes | None:
    """Return the beginning of a mail; ``None`` if another process has read it meanwhile."""
    try:
        with box.get_file(key) as file:
            return bytes(file.read(MAX_MAIL))
    except (KeyError, FileNotFoundError):
        return None


@contextmanager
def _opened(path: Path) -> Iterator[Mailbox[Any]]:
    """Open and lock a mailbox, and write and close it in the end; raise `MailboxUnreadable`."""
    try:
        box: Mailbox[Any] = (Maildir if path.is_dir() else mbox)(path, create=False)
        try:
            box.lock()
            yield box
        finally:
            box.close()
    except NoSuchMailboxError:
        raise MailboxUnreadable(f"{path}: there is no mailbox") from None
    except ExternalClashError:
        raise MailboxUnreadable(
            f"{path}: another program has locked the mailbox", next_step="try again in a moment"
        ) from None
    except (OSError, Error) as fault:
        why = fault.strerror if isinstance(fault, OSError) else type(fault).__name__
        raise MailboxUnreadable(f"{path}: the mailbox can't be read: {why}") from None
