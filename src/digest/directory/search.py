"""How a visitor's words become a condition and an order in either database.

Every word has to be there, the last one as it begins. What has them in its names comes first, then
what has them in names, categories and taglines, then the rest. Words reach the database as letters
and digits only, so that nothing a visitor types is syntax there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, cast, column, false, literal_column, select, table
from sqlmodel import Session, col

from digest.comparisons.models import DirectoryEntry
from digest.comparisons.search_words import words

LONGEST = 200  #: characters of a query that are looked at
_MOST = 8  #: words of a query that are looked at
_FULL_TEXT = table("directory_words", column("rowid"))


class Search:
    """A query over directory entries."""

    def __init__(self, session: Session, query: str) -> None:
        self._words = words([query[:LONGEST]])[:_MOST]
        self._is_sqlite = session.get_bind().dialect.name == "sqlite"

    @property
    def has_words(self) -> bool:
        """Whether anything is searched for; only then is there an order."""
        return bool(self._words)

    @property
    def condition(self) -> ColumnElement[bool]:
        """The condition that an entry has all the words; no entry has none."""
        return self._has("words") if self._words else false()

    @property
    def order(self) -> ColumnElement[int]:
        """The place of an entry among those found, the smallest first."""
        return case((self._has("names"), 0), (self._has("shelf"), 1), else_=2)

    def _has(self, name: str) -> ColumnElement[bool]:
        if self._is_sqlite:
            asked = f"{{{name}}} : ({_matching(self._words)})"
            found = select(_FULL_TEXT.c.rowid).where(literal_column("directory_words").match(asked))
            return col(DirectoryEntry.comparison_id).in_(found)
        from sqlalchemy.dialects.postgresql import TSQUERY  # long to import

        asked = " & ".join([*self._words[:-1], f"{self._words[-1]}:*"])
        return col(getattr(DirectoryEntry, name)).bool_op("@@")(cast(asked, TSQUERY))


def _matching(asked: Sequence[str]) -> str:
    """Return words in the language of SQLite's full-text index."""
    return " AND ".join(f'"{word}"' for word in asked) + "*"
