"""Hides the format of the spool: files of checksummed records that wait for the event consumer.

Each process appends to files of its own; the consumer reads all files in the order in which they
were created. `Spool.append` returns once the record is synced to disk (fsync), so the webhook may
answer 2xx then, however busy the database is.
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

from digest.errors import SpoolFull
from digest.process_id import alive, this_process

MAGIC = b"DGE1"
_HEAD = Struct(">4sQQII")  # magic, received and signed in seconds, length, checksum
_SUFFIX = ".events"
MOST_BYTES = 2 << 30  #: limit for all files together
DAY_SECONDS = 24 * 60 * 60
FILE_BYTES = 64 << 20  #: size at which a new file is begun


class SpoolRecord(NamedTuple):
    """One webhook post, byte for byte as it was received."""

    body: bytes
    received: int  #: seconds since 1970
    signed: int  #: seconds since 1970, by the sender's timestamp header; 0 if unreadable
    end: int  #: offset in bytes at which the next record of the file begins


class SpoolOffset(NamedTuple):
    """Where a record ends: the record is applied once its file is applied up to there."""

    file: str
    end: int


@dataclass
class _OpenFile:
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
    _open: _OpenFile | None = None
    _closed: set[str] = field(default_factory=set)  #: files of this process that are complete
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _syncing: threading.Lock = field(default_factory=threading.Lock)

    def append(self, body: bytes, received: int, signed: int = 0) -> SpoolOffset:
        """Write a post to disk, and return where its record ends.

        Threads that arrive during a sync share the next one. Raise `SpoolFull` when the size limit
        is reached or the disk can't be written to.
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
            raise SpoolFull(f"the event spool isn't writable: {fault.strerror}") from fault
        return SpoolOffset(file.name, end)

    def files(self) -> list[str]:
        """Return the names of the spool files, the oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.glob(f"*{_SUFFIX}"))

    def size(self) -> int:
        """Return the size of all files in bytes, applied records of unfinished files included."""
        total = 0
        for name in self.files():
            with suppress(FileNotFoundError):
                total += (self.folder / name).stat().st_size
        return total

    def read(self, name: str, offset: int, most: int) -> list[SpoolRecord]:
        """Return the records of a file from *offset* on, about *most* bytes of them."""
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(offset)
                # A single record may be larger than *most*, but never larger than a post may be.
                raw = file.read(most + _HEAD.size)
                records = _records(raw, offset)
                if not records and len(raw) > most:
                    records = _records(raw + file.read(), offset)[:1]
        except FileNotFoundError:
            return []
        return records

    def finish(self, name: str, offset: int) -> bool:
        """Delete a file applied up to *offset*; return false if it holds or may get more."""
        with self._writing, self._syncing:
            open_file = self._open
            if open_file is not None and open_file.name == name:
                if open_file.written > offset:
                    return False
                os.close(open_file.number)
                self._open = None
            elif name not in self._closed and (alive(_owner(name)) or self._young(name)):
                return False
            self._closed.discard(name)
        (self.folder / name).unlink(missing_ok=True)
        return True

    def _write(self, record: bytes) -> _OpenFile:
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
            os.ftruncate(
                file.number, file.written
            )  # a partial record would hide the records behind it
            raise
        file.written += done
        return file

    def _begin(self, before: _OpenFile | None) -> _OpenFile:
        """Begin a new file, after syncing the one *before* for the threads that wait for it."""
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
        self._open = _OpenFile(name, number, 0)
        return self._open

    def _young(self, name: str) -> bool:
        """Return whether a file whose writer can't be checked may still be written to."""
        if alive(_owner(name)) is False:
            return False
        with suppress(FileNotFoundError):
            return time.time() - (self.folder / name).stat().st_mtime < DAY_SECONDS
        return False


def _owner(name: str) -> str:
    return "/".join(name.removesuffix(_SUFFIX).split("+")[2:])


def _records(raw: bytes, offset: int) -> list[SpoolRecord]:
    """Cut raw bytes into records; skip damaged records, and stop at a partial one at the end."""
    records: list[SpoolRecord] = []
    at = 0
    while len(raw) - at >= _HEAD.size:
        magic, received, signed, length, sum_ = _HEAD.unpack_from(raw, at)
        body = raw[at + _HEAD.size : at + _HEAD.size + length]
        if magic == MAGIC and len(body) == length and crc32(body) == sum_:
            at += _HEAD.size + length
            records.append(SpoolRecord(body, received, signed, offset + at))
            continue
        at = raw.find(MAGIC, at + 1)
        if at < 0:
            break
    return records
