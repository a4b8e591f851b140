"""Who a list says left, by any of its lines: the whole of it is read before anybody comes in.

An address may stand in a list twice, and the line that says it left wins, whichever comes first.
The addresses are kept in a database on disk that has no name and ends with the import, so that
memory doesn't grow with the list.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice

from subscribers.errors import BadAddress, BadImport
from subscribers.importer import leaving_words
from subscribers.importer.csv_reader import Line
from subscribers.importer.formats import ColumnLayout, address_in
from subscribers.importer.refusal import Refusal

AT_ONCE = 500  #: addresses a statement asks for

#: Who may not be mailed by these words, whatever another line says.
_LEFT = frozenset(
    {
        Refusal.LEFT_THERE,
        Refusal.BOUNCED_THERE,
        Refusal.COMPLAINED_THERE,
        Refusal.SUPPRESSED_THERE,
    }
)
#: Who may have left, for all that is understood here.
_MAY_HAVE_LEFT = frozenset({Refusal.PAUSED_THERE, Refusal.UNKNOWN_THERE})


class Leavers:
    """The addresses a list says left, and those it may say so of."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.execute(
            "CREATE TABLE leaver (address_key TEXT PRIMARY KEY, line INTEGER, left INTEGER)"
            " WITHOUT ROWID"
        )

    def add(self, key: str, line: int, *, left: bool) -> None:
        """Note that a line speaks against an address."""
        self._database.execute(
            "INSERT INTO leaver VALUES (?, ?, ?) ON CONFLICT (address_key) DO UPDATE"
            " SET left = max(left, excluded.left)",
            (key, line, left),
        )

    def among(self, keys: Collection[str]) -> Iterator[str]:
        """Yield those of the addresses that some line of the list speaks against."""
        if self._database.execute("SELECT 1 FROM leaver LIMIT 1").fetchone() is None:
            return
        rest = iter(keys)
        while part := list(islice(rest, AT_ONCE)):
            marks = ", ".join("?" * len(part))
            asked = f"SELECT address_key FROM leaver WHERE address_key IN ({marks})"  # noqa: S608
            for (key,) in self._database.execute(asked, part):
                yield key

    def left(self) -> Iterator[list[tuple[int, str]]]:
        """Yield lines and addresses of those who left, so many at once."""
        found = self._database.execute(
            "SELECT line, address_key FROM leaver WHERE left ORDER BY line"
        )
        while part := found.fetchmany(AT_ONCE):
            yield part


@contextmanager
def leavers(rows: Iterable[Line], layout: ColumnLayout) -> Iterator[Leavers]:
    """Read a list for who left; raises `BadImport` for a cell that says so and can't be read."""
    with closing(sqlite3.connect("")) as database:
        found = Leavers(database)
        for line, fields in rows:
            _refuse_unread(layout, line, fields)
            refusal = layout.standing(fields)
            if refusal in _LEFT or refusal in _MAY_HAVE_LEFT:
                _note(found, layout, line, fields, left=refusal in _LEFT)
        yield found


def _note(
    found: Leavers, layout: ColumnLayout, line: int, fields: list[str], *, left: bool
) -> None:
    try:
        address = address_in(fields[layout.address] if layout.address < len(fields) else "")
    except BadAddress:
        return
    found.add(address.key, line, left=left)


def _refuse_unread(layout: ColumnLayout, line: int, fields: list[str]) -> None:
    """Stop for a cell that says a reader left, in a column that isn't read for that."""
    for column, name in layout.unread:
        if column < len(fields) and leaving_words.leaving(fields[column]):
            raise BadImport(
                f'line {line} says "{fields[column].strip()}" in the column "{name}", and nobody'
                " here can read that column: its words may say who left. Take those who left out"
                f' of the list, then import it with --ignore-column "{name}"'
            )
    if layout.has_header and len(fields) > len(layout.header):
        _refuse_behind(line, fields[len(layout.header) :])


def _refuse_behind(line: int, fields: list[str]) -> None:
    said = next(filter(leaving_words.leaving, fields), None)
    if said:
        raise BadImport(
            f'line {line} says "{said.strip()}" behind its last column: it has more fields than'
            " the first line. Mend that line, and import the list again"
        )
