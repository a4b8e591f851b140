"""Reads a list's lines, whatever its encoding and delimiter, and never more than a little at once.

Broken bytes come out as surrogates, which no address may hold: they cost a line, not the list.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from functools import partial
from io import BufferedReader, TextIOWrapper
from itertools import chain

from subscribers.errors import BadImport

MAX_LINE = 65_536  # characters; an address has 254
_DELIMITERS = ",;\t|"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVE = b"PK\x03\x04"  # .xlsx and .zip alike
#: How a spreadsheet is told the delimiter; no line of readers looks like it.
_SEPARATOR = re.compile(r'sep=(?P<delimiter>\t|[^\w\s"])[\r\n]*\Z', re.IGNORECASE)

Line = tuple[int, list[str]]  #: its number as an editor counts, its fields


def lines(file: BufferedReader) -> Generator[Line, None, None]:
    """Yield every line that isn't empty, the header included; raises `BadImport` for no list.

    A quotation mark that is never closed would make one field of the rest of the list.
    """
    text = _decoded(file)
    read = partial(text.readline, MAX_LINE)
    try:
        first = read()
        told = _SEPARATOR.match(first)
        rest = iter(read, "")
        counted = _Counted(rest, before=1) if told else _Counted(chain([first], rest))
        delimiter = told["delimiter"] if told else max(_DELIMITERS, key=first.count)
        for fields in csv.reader(counted, delimiter=delimiter):
            begun = counted.end_record()
            if fields:
                yield begun, fields
    except csv.Error as fault:
        raise BadImport(f"the list can't be read: {fault}") from None
    except UnicodeError:
        raise BadImport("the file isn't text in the encoding it begins with") from None
    finally:
        text.detach()  # the file is the caller's to close


class _Counted:
    """Lines, none without end; knows where a record began and whether its quotation marks pair."""

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
        """Return the line a record began in.

        Refuses one of many lines with a mark too many: it has swallowed its neighbours.
        """
        if self._line > self._begun and self._marks % 2:
            raise BadImport(
                f"a quotation mark that is opened in line {self._begun} is never closed: mend that"
                " line, and import the list again"
            )
        begun, self._begun, self._marks = self._begun, self._line + 1, 0
        return begun


def _decoded(file: BufferedReader) -> TextIOWrapper:
    start = file.peek(4)[:4].ljust(4, b" ")
    if start == _ARCHIVE:
        raise BadImport(
            "this is a workbook or an archive: save its list as CSV, or unpack it, and import that"
        )
    encoding = _encoding(start)
    return TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")


def _encoding(start: bytes) -> str:
    if start[:2] in _UTF16:
        return "utf-16"
    if start[1::2] == b"\0\0":  # without a mark, and begun in plain letters
        return "utf-16-le"
    return "utf-16-be" if start[::2] == b"\0\0" else "utf-8-sig"


def _bounded(line: str) -> str:
    if len(line) == MAX_LINE:
        raise BadImport(f"a line is longer than {MAX_LINE} characters; this is no list of readers")
    return line
