"""Tables of comparisons: every revision is stored whole and never updated."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Index,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    event,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import Field, Relationship, SQLModel

from subscribers.sql import TableModel, closed_set

SEATS = 4  #: reviewers on the panel
MAX_SEATS = 12  #: the largest panel that can be read


class Entry(StrEnum):
    """The pricing of a tool, as published under "Entry"."""

    FREE = "free"  #: can be started without paying
    PAID = "paid"  #: has to be paid for
    OTHER = "other"  #: any other published word


class Call(StrEnum):
    """A reviewer's call on a tool."""

    SHIP = "ship"  #: would use it
    SKIP = "skip"  #: would not


class SourceForm(StrEnum):
    """The format a comparison was read from."""

    PAGE = "page"  #: the text of a published page
    JSON = "json"  #: the format of docs/comparison-format.md


class Tool(TableModel, table=True):
    """A product; it is kept when a comparison of it is removed."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, sa_type=String(200))
    name: str = Field(sa_type=String(200))


class Verdict(TableModel, table=True):
    """One reviewer's quote on one contender."""

    __table_args__ = (UniqueConstraint("contender_id", "seat"),)

    id: int | None = Field(default=None, primary_key=True)
    #: Set when the contender is stored, like every foreign key to a parent here.
    contender_id: int = Field(default=None, foreign_key="contender.id", nullable=False)
    seat: int  #: 1 to 4; the reviewer's identity across comparisons
    quote: str = Field(sa_type=Text)
    call: Call | None = Field(default=None, sa_type=closed_set(Call))
    reviewer: str | None = Field(default=None, sa_type=String(200))


class Contender(TableModel, table=True):
    """A tool as one revision of a comparison shows it."""

    __table_args__ = (UniqueConstraint("revision_id", "side"),)

    id: int | None = Field(default=None, primary_key=True)
    revision_id: int = Field(default=None, foreign_key="comparison_revision.id", nullable=False)
    side: int  #: 0 left, 1 right
    tool_id: int = Field(default=None, foreign_key="tool.id", index=True, nullable=False)
    name: str = Field(sa_type=String(200))
    category: str = Field(default="", sa_type=String(100))
    tagline: str = Field(default="", sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    entry: Entry | None = Field(default=None, sa_type=closed_set(Entry))
    entry_text: str = Field(default="", sa_type=String(100))  #: the published word
    panel_share: float | None = None  #: percent of the panel that would ship
    community_share: float | None = None  #: percent of voters; ``None`` is "no votes", not 0
    url: str | None = Field(default=None, sa_type=String(2000))
    tool: Tool = Relationship(sa_relationship_kwargs={"lazy": "joined", "innerjoin": True})
    verdicts: list[Verdict] = Relationship(
        sa_relationship_kwargs={"order_by": "Verdict.seat", "lazy": "selectin"}
    )


class Revision(TableModel, table=True):
    """The content of a comparison as imported, or as an editor left it, at one time."""

    __tablename__ = "comparison_revision"
    __table_args__ = (UniqueConstraint("comparison_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    comparison_id: int = Field(default=None, foreign_key="comparison.id", nullable=False)
    number: int
    fingerprint: str = Field(sa_type=String(64))  #: SHA-256 of the content, without its layout
    title: str = Field(sa_type=String(400))
    kicker: str = Field(default="", sa_type=String(200))
    question: str = Field(default="", sa_type=Text)
    intro: str = Field(default="", sa_type=Text)
    closing: list[str] = Field(default_factory=list, sa_type=JSON)
    published_on: date | None = None  #: ``None`` when it isn't published
    url: str | None = Field(default=None, sa_type=String(2000))  #: the full comparison
    weight: float = 1.0
    labels: list[str] = Field(default_factory=list, sa_type=JSON)
    seats: int = SEATS
    form: SourceForm = Field(sa_type=closed_set(SourceForm))
    source: str = Field(default="", sa_type=Text)  #: the whole text it was parsed from
    imported_at: datetime  #: or edited at
    #: Who edited it at the desk; empty where it was imported.
    editor: str = Field(default="", sa_type=String(200), sa_column_kwargs={"server_default": ""})
    comparison: "Comparison" = Relationship(
        sa_relationship_kwargs={"lazy": "joined", "innerjoin": True}
    )
    contenders: list[Contender] = Relationship(
        sa_relationship_kwargs={"order_by": "Contender.side", "lazy": "selectin"}
    )


class Comparison(TableModel, table=True):
    """A comparison of two tools; its content is the revision with the highest number."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, sa_type=String(400))
    latest: int = 1  #: number of the newest revision
    first_imported_at: datetime
    withdrawn_at: datetime | None = None  #: set while it is picked by no issue and on no page
    withdrawn_why: str = Field(default="", sa_type=Text)
    #: Values that editors have set, by field; an import doesn't change them.
    set_by_editors: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class SearchWords(TypeDecorator[str]):
    """Words with a space between them, each once; on PostgreSQL in the form that it searches."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the type of a database's own."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.postgresql import TSVECTOR  # long to import

        return dialect.type_descriptor(TSVECTOR())


class DirectoryEntry(TableModel, table=True):
    """What lists and searches need of a comparison's newest revision, kept along with it."""

    __tablename__ = "directory_entry"
    __table_args__ = (Index("ix_directory_entry_day", "day", "comparison_id"),)

    comparison_id: int = Field(foreign_key="comparison.id", primary_key=True)
    day: date  #: published on, else imported on
    left_category: str = Field(
        index=True, sa_type=String(100)
    )  #: a slug; empty where there is none
    right_category: str = Field(index=True, sa_type=String(100))
    names: str = Field(sa_type=SearchWords)  #: the words of both names and the title
    shelf: str = Field(sa_type=SearchWords)  #: those, and of categories, labels and taglines
    words: str = Field(sa_type=SearchWords)  #: those, and the words of descriptions and verdicts


#: The full-text index of the table above, which follows it by itself: SQLite's and PostgreSQL's.
_FULL_TEXT = {
    "sqlite": (
        """CREATE VIRTUAL TABLE directory_words USING fts5(names, shelf, words,
        content='directory_entry', content_rowid='comparison_id', tokenize='ascii',
        prefix='1 2 3', detail='column')""",
        """CREATE TRIGGER directory_entry_added AFTER INSERT ON directory_entry BEGIN
        INSERT INTO directory_words(rowid, names, shelf, words)
        VALUES (new.comparison_id, new.names, new.shelf, new.words); END""",
        """CREATE TRIGGER directory_entry_removed AFTER DELETE ON directory_entry BEGIN
        INSERT INTO directory_words(directory_words, rowid, names, shelf, words)
        VALUES ('delete', old.comparison_id, old.names, old.shelf, old.words); END""",
        """CREATE TRIGGER directory_entry_changed AFTER UPDATE ON directory_entry BEGIN
        INSERT INTO directory_words(directory_words, rowid, names, shelf, words)
        VALUES ('delete', old.comparison_id, old.names, old.shelf, old.words);
        INSERT INTO directory_words(rowid, names, shelf, words)
        VALUES (new.comparison_id, new.names, new.shelf, new.words); END""",
    ),
    "postgresql": ("CREATE INDEX directory_words ON directory_entry USING gin (words)",),
}


def _add_full_text(_table: object, connection: Connection, **_options: object) -> None:
    for statement in _FULL_TEXT[connection.dialect.name]:
        connection.exec_driver_sql(statement)


event.listen(SQLModel.metadata.tables["directory_entry"], "after_create", _add_full_text)
