"""How a CSV file's encoding, delimiter and records are recognised, in bounded memory.

Bytes that are invalid in the encoding are read as surrogates, which no address may hold: they cost
a line, not the list.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from functools import partial
from io import BufferedReader, TextIOWrapper
from itertools import chain

from subscribers.errors import BadImport

MAX_LINE = 65_536  # characters; an address has at most 254
_DELIMITERS = ",;\t|"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVE = b"PK\x03\x04"  # the signature of .zip, and so of .xlsx
#: The line that tells a spreadsheet the delimiter; no line of a list looks like it.
_SEPARATOR = re.compile(r'sep=(?P<delimiter>\t|[^\w\s"])[\r\n]*\Z', re.IGNORECASE)

Line = tuple[int, list[str]]  #: the number, as an editor counts from 1, and the fields


def lines(file: BufferedReader) -> Generator[Line, None, None]:
    """Yield every line that isn't empty, the header included.

    Raise `BadImport` for a file that is no CSV, a line longer than `MAX_LINE`, and a quotation mark
    that is never closed, which would make one field of the rest of the list. The file stays open.
    """
    text = _decoded(file)
    read = partial(text.readline, MAX_LINE)
    try:
        first = read()
        separator = _SEPARATOR.match(first)
        rest = iter(read, "")
        counted = _Counted(rest, before=1) if separator else _Counted(chain([first], rest))
        delimiter = separator["delimiter"] if separator else max(_DELIMITERS, key=first.count)
        for fields in csv.reader(counted, delimiter=delimiter):
            number = counted.end_record()
            if fields:
                yield number, fields
    except csv.Error as fault:
        raise BadImport(f"the list can't be read: {fault}") from None
    except UnicodeError:
        raise BadImport("the file isn't text in the encoding that its start declares") from None
    finally:
        text.detach()  # the file is the caller's to close


class _Counted:
    """An iterator over lines that tracks where a record began and whether its quotes pair."""

    def __init__(self, lines: Iterator[str], before: int = 0) -> None:
        self._lines = lines
        self._begun, self._line, self._marks = before + 1, before, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = _bounded(next(self._lines))
        self._line += 1
        self._marks += line.count('"')
        return line

    def end_record(self) -> int:
        """Return the number of the line a record began in.

        Raise `BadImport` for a record of several lines whose quotation marks don't pair.
        """
        if self._line > self._begun and self._marks % 2:
            raise BadImport(
                f"a quotation mark that is opened in line {self._begun} is never closed: fix that"
                " line, and import the list again"
            )
        begun, self._begun, self._marks = self._begun, self._line + 1, 0
        return begun


def _decoded(file: BufferedReader) -> TextIOWrapper:
    start = file.peek(4)[:4].ljust(4, b" ")
    if start == _ARCHIVE:
        raise BadImport(
            "this is a workbook or an archive: save the list as CSV, or unpack it, and import that"
        )
    encoding = _encoding(start)
    return TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")


def _encoding(start: bytes) -> str:
    if start[:2] in _UTF16:
        return "utf-16"
    if start[1::2] == b"\0\0":  # no byte-order mark, and ASCII at the start
        return "utf-16-le"
    return "utf-16-be" if start[::2] == b"\0\0" else "utf-8-sig"


def _bounded(line: str) -> str:
    if len(line) == MAX_LINE:
        raise BadImport(
            f"a line is longer than {MAX_LINE} characters; this isn't a list of readers"
        )
    return line
