"""Holds event posts on disk until they are applied, however busy the database is.

Each process appends to files of its own; whoever drains reads all files in the order they were
begun. A record is on disk before `append` returns, which is what the provider's 2xx stands for.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from digest.delivery.sending import alive, this_process
from digest.errors import SpoolFull

MAGIC = b"DGE1"
_HEAD = Struct(">4sQQII")  # magic, received and signed in seconds, length, checksum
_SUFFIX = ".events"
MOST_BYTES = 2 << 30  #: of all files together
FILE_BYTES = 64 << 20  #: a file that has grown so large is followed by another


class SpoolRecord(NamedTuple):
    """One post as it came in."""

    body: bytes
    received: int  #: seconds since 1970
    signed: int  #: when its sender says it was signed; 0 where that can't be read
    end: int  #: where the next record begins in its file


class SpoolOffset(NamedTuple):
    """Where a record ends: it is applied once its file is applied that far."""

    file: str
    end: int


@dataclass
class _Open:
    """The file this process appends to."""

    name: str
    number: int  #: the file descriptor
    written: int
    synced: int = 0


@dataclass
class Spool:
    """A folder of files of records; safe to use from many threads and processes."""

    folder: Path
    most_bytes: int = MOST_BYTES
    file_bytes: int = FILE_BYTES
    _open: _Open | None = None
    _closed: set[str] = field(default_factory=set)  #: files of this process that are complete
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _syncing: threading.Lock = field(default_factory=threading.Lock)

    def append(self, body: bytes, received: int, signed: int = 0) -> SpoolOffset:
        """Put a post on disk; raises `SpoolFull` when that can't be done now.

        Threads that arrive while a sync is under way share the next one.
        """
        record = _HEAD.pack(MAGIC, received, signed, len(body), crc32(body)) + body
        try:
            with self._writing:
                file = self._write(record)
                end = file.written
            with self._syncing:
                if file.synced < end:
                    reached = file.written
                    os.fsync(file.number)
                    file.synced = reached
        except OSError as fault:
            raise SpoolFull(f"the event spool can't be written: {fault.strerror}") from fault
        return SpoolOffset(file.name, end)

    def files(self) -> list[str]:
        """Name the files there are, the oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.glob(f"*{_SUFFIX}"))

    def size(self) -> int:
        """Return how many bytes wait, those applied in unfinished files included."""
        total = 0
        for name in self.files():
            with suppress(FileNotFoundError):
                total += (self.folder / name).stat().st_size
        return total

    def read(self, name: str, offset: int, most: int) -> list[SpoolRecord]:
        """Return records of a file from *offset* on, about *most* bytes of them."""
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(offset)
                # One record may be larger than what was asked for, never than a post may be.
                raw = file.read(most + _HEAD.size)
                found = _records(raw, offset)
                if not found and len(raw) > most:
                    found = _records(raw + file.read(), offset)[:1]
        except FileNotFoundError:
            return []
        return found

    def finish(self, name: str, offset: int) -> bool:
        """Delete a file that is applied up to *offset*, unless more is in it or may come."""
        with self._writing, self._syncing:
            mine = self._open
            if mine is not None and mine.name == name:
                if mine.written > offset:
                    return False
                os.close(mine.number)
                self._open = None
            elif name not in self._closed and (alive(_owner(name)) or self._young(name)):
                return False
            self._closed.discard(name)
        (self.folder / name).unlink(missing_ok=True)
        return True

    def _write(self, record: bytes) -> _Open:
        if self.size() + len(record) > self.most_bytes:
            raise SpoolFull
        file = self._open
        if file is None or file.written >= self.file_bytes:
            file = self._begin(file)
        done = 0
        try:
            while done < len(record):
                done += os.write(file.number, record[done:])
        except OSError:
            os.ftruncate(file.number, file.written)  # half a record would hide those behind it
            raise
        file.written += done
        return file

    def _begin(self, before: _Open | None) -> _Open:
        """Begin a file; who waits for a sync of the one before finds that it was done."""
        if before is not None:
            with self._syncing:
                os.fsync(before.number)
                before.synced = before.written
                os.close(before.number)
                self._closed.add(before.name)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = this_process().replace("/", "+")
        name = f"{time.time_ns():020}+{token_hex(2)}+{owner}{_SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        number = os.open(self.folder / name, flags, 0o600)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._open = _Open(name, number, 0)
        return self._open

    def _young(self, name: str) -> bool:
        """Tell whether a file whose writer can't be seen may still be written to."""
        if alive(_owner(name)) is False:
            return False
        with suppress(FileNotFoundError):
            return time.time() - (self.folder / name).stat().st_mtime < 86_400  # noqa: PLR2004
        return False


def _owner(name: str) -> str:
    return "/".join(name.removesuffix(_SUFFIX).split("+")[2:])


def _records(raw: bytes, offset: int) -> list[SpoolRecord]:
    """Cut raw bytes into records; damaged ones are passed over, half a one at the end waits."""
    found: list[SpoolRecord] = []
    at = 0
    while len(raw) - at >= _HEAD.size:
        magic, received, signed, length, sum_ = _HEAD.unpack_from(raw, at)
        body = raw[at + _HEAD.size : at + _HEAD.size + length]
        if magic == MAGIC and len(body) == length and crc32(body) == sum_:
            at += _HEAD.size + length
            found.append(SpoolRecord(body, received, signed, offset + at))
            continue
        at = raw.find(MAGIC, at + 1)
        if at < 0:
            break
    return found
