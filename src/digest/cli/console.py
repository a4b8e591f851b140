"""Print for people, as wide as their terminal is.

Hides when a table becomes a list: where a column would be cut. Lines are divided between words, and
keep their indent, on a terminal only: a program that reads the output finds each line whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

_ANY_WIDTH = 10_000
_INDENT = "    "


class FittingConsole(Console):
    """A console whose tables and lines fit its terminal."""

    def __init__(self, **settings: Any) -> None:
        # A title may say ":star:", and the table of such words takes 6 MB of a command's memory.
        super().__init__(highlight=False, soft_wrap=True, emoji=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print *objects* as `Console.print` does; on a terminal what doesn't fit is laid out."""
        if self.is_terminal:
            markup = settings.get("markup")
            objects = tuple(self._fitting(each, markup) for each in objects)
            settings.setdefault("soft_wrap", not any(isinstance(one, Table) for one in objects))
        super().print(*objects, **settings)

    def _fitting(self, printed: Any, markup: bool | None) -> Any:
        if isinstance(printed, str):
            return self._divided(self.render_str(printed, markup=markup).split(allow_blank=True))
        if not isinstance(printed, Table) or not printed.columns or self._fits(printed):
            return printed
        return self._divided(self._as_list(printed))

    def _fits(self, table: Table) -> bool:
        for column in table.columns:
            if column.no_wrap:
                column.min_width = max(self._text(cell).cell_len for cell in _all_cells(column))
        space = self.options.update(width=_ANY_WIDTH)
        return Measurement.get(self, space, table).minimum <= self.width

    def _as_list(self, table: Table) -> Iterator[Text]:
        """Yield a table's rows below each other: the first cell, then each with its heading."""
        if table.title:
            yield self._text(table.title)
        headings = [self._text(column.header) for column in table.columns]
        for row in zip(*(column.cells for column in table.columns), strict=True):
            cells = [self._text(cell) for cell in row]
            yield Text(" ").join(text for text in (headings[0], cells[0]) if text.plain)
            for heading, cell in zip(headings[1:], cells[1:], strict=True):
                if cell.plain.strip():
                    yield Text.assemble(_INDENT, heading, ": " if heading.plain else "", cell)

    def _divided(self, lines: Any) -> Text:
        """Return lines that fit, divided between words; what goes on keeps the line's indent."""
        fitting: list[Text] = []
        for line in lines:
            indent = len(line.plain) - len(line.plain.lstrip(" "))
            width = max(self.width - indent, 1)
            pieces = line[indent:].wrap(self, width) if line.cell_len > self.width else [line]
            before = " " * indent if line.cell_len > self.width else ""
            fitting += [Text.assemble(before, piece) for piece in pieces]
        return Text("\n").join(fitting)

    def _text(self, cell: Any) -> Text:
        return cell.copy() if isinstance(cell, Text) else self.render_str(str(cell))


def _all_cells(column: Column) -> Iterator[Any]:
    yield column.header
    yield from column.cells
