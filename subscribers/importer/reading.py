"""Reads a list's lines, whatever its encoding and delimiter, and never more than a little at once.

Broken bytes come out as surrogates, which no address may hold: they cost a line, not the list.
"""

from __future__ import annotations

import csv
from collections.abc import Generator
from functools import partial
from io import BufferedReader, TextIOWrapper
from itertools import chain

from subscribers.errors import BadImport

MAX_LINE = 65_536  # characters; an address has 254
_DELIMITERS = ",;\t"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def lines(file: BufferedReader) -> Generator[list[str], None, None]:
    """Yield every line's fields, the header included; raises `BadImport` for what is no list."""
    text = _decoded(file)
    read = partial(text.readline, MAX_LINE)
    try:
        first = read()
        delimiter = max(_DELIMITERS, key=first.count)
        rest = iter(read, "")
        yield from csv.reader(map(_bounded, chain([first], rest)), delimiter=delimiter)
    except csv.Error as fault:
        raise BadImport(f"the list can't be read: {fault}") from None
    except UnicodeError:
        raise BadImport("the file isn't text in the encoding it begins with") from None
    finally:
        text.detach()  # the file is the caller's to close


def _decoded(file: BufferedReader) -> TextIOWrapper:
    start = file.peek(2)[:2]
    encoding = "utf-16" if start in _UTF16 else "utf-8-sig"
    return TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")


def _bounded(line: str) -> str:
    if len(line) == MAX_LINE:
        raise BadImport(f"a line is longer than {MAX_LINE} characters; this is no list of readers")
    return line
