"""How the addresses that left are remembered while a list is imported.

The whole list is read for them before the first line is imported, since an address may stand in it
twice, and the line that says it left wins. The addresses are in a temporary SQLite database on disk
(https://www.sqlite.org/inmemorydb.html), so that memory doesn't grow with the list.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager

from subscribers.errors import BadAddress, BadImport
from subscribers.importer import leaving_words
from subscribers.importer.csv_reader import Line
from subscribers.importer.formats import ColumnLayout, address_in
from subscribers.importer.refusal import Refusal
from subscribers.sql import chunks

CHUNK_SIZE = 500  #: addresses a query

#: Refusals that hold for an address, whatever another line says.
_LEFT = frozenset(
    {
        Refusal.LEFT_THERE,
        Refusal.BOUNCED_THERE,
        Refusal.COMPLAINED_THERE,
        Refusal.SUPPRESSED_THERE,
    }
)
#: Refusals behind which the reader may have left.
_MAY_HAVE_LEFT = frozenset({Refusal.PAUSED_THERE, Refusal.UNKNOWN_THERE})


class Leavers:
    """The addresses of readers who, by a list, left or may have left."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.execute(
            "CREATE TABLE leaver (address_key TEXT PRIMARY KEY, line INTEGER, left INTEGER)"
            " WITHOUT ROWID"
        )

    def add(self, key: str, line: int, *, left: bool) -> None:
        """Record that by a line of the list an address left, or may have where *left* is unset."""
        self._database.execute(
            "INSERT INTO leaver VALUES (?, ?, ?) ON CONFLICT (address_key) DO UPDATE"
            " SET left = max(left, excluded.left)",
            (key, line, left),
        )

    def among(self, keys: Collection[str]) -> Iterator[str]:
        """Yield those of the address keys that left, or may have, by any line."""
        if self._database.execute("SELECT 1 FROM leaver LIMIT 1").fetchone() is None:
            return
        for part in chunks(keys, CHUNK_SIZE):
            marks = ", ".join("?" * len(part))
            # The part put in is question marks.
            query = f"SELECT address_key FROM leaver WHERE address_key IN ({marks})"  # noqa: S608
            for (key,) in self._database.execute(query, part):
                yield key

    def left(self) -> Iterator[list[tuple[int, str]]]:
        """Yield line numbers and address keys of those who left, in parts of up to `CHUNK_SIZE`."""
        cursor = self._database.execute(
            "SELECT line, address_key FROM leaver WHERE left ORDER BY line"
        )
        while part := cursor.fetchmany(CHUNK_SIZE):
            yield part


@contextmanager
def leavers(rows: Iterable[Line], layout: ColumnLayout) -> Iterator[Leavers]:
    """Yield the leavers of all lines; raise `BadImport` for a word for it in an unread column."""
    with closing(sqlite3.connect("")) as database:
        collected = Leavers(database)
        for line, fields in rows:
            _refuse_unread(layout, line, fields)
            refusal = layout.refusal(fields)
            if refusal in _LEFT or refusal in _MAY_HAVE_LEFT:
                _note(collected, layout, line, fields, left=refusal in _LEFT)
        yield collected


def _note(
    collected: Leavers, layout: ColumnLayout, line: int, fields: list[str], *, left: bool
) -> None:
    try:
        address = address_in(fields[layout.address] if layout.address < len(fields) else "")
    except BadAddress:
        return
    collected.add(address.key, line, left=left)


def _refuse_unread(layout: ColumnLayout, line: int, fields: list[str]) -> None:
    """Raise `BadImport` for a cell that says a reader left, in a column that isn't read."""
    for column, name in layout.unread:
        if column < len(fields) and leaving_words.leaving(fields[column]):
            raise BadImport(
                f'line {line} says "{fields[column].strip()}" in the column "{name}", which'
                " can't be read: its words may say who left. Take those who left out"
                f' of the list, then import it with --ignore-column "{name}"'
            )
    if layout.has_header and len(fields) > len(layout.header):
        _refuse_surplus(line, fields[len(layout.header) :])


def _refuse_surplus(line: int, fields: list[str]) -> None:
    field = next(filter(leaving_words.leaving, fields), None)
    if field:
        raise BadImport(
            f'line {line} says "{field.strip()}" behind its last column: it has more fields than'
            " the first line. Fix that line, and import the list again"
        )
