"""What lists and searches need of each comparison, and a full-text index of it."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

from digest.comparisons.directory_entry import EntrySide, entry_values
from digest.migrations.kinds import MOMENT

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WORDS = sa.Text().with_variant(TSVECTOR(), "postgresql")
CHUNK = 200  #: comparisons whose texts are in memory at one time
FULL_TEXT = {
    "sqlite": (
        "CREATE VIRTUAL TABLE directory_words USING fts5(names, shelf, words,"
        " content='directory_entry', content_rowid='comparison_id', tokenize='ascii',"
        " prefix='1 2 3', detail='column')",
        "CREATE TRIGGER directory_entry_added AFTER INSERT ON directory_entry BEGIN"
        " INSERT INTO directory_words(rowid, names, shelf, words)"
        " VALUES (new.comparison_id, new.names, new.shelf, new.words); END",
        "CREATE TRIGGER directory_entry_removed AFTER DELETE ON directory_entry BEGIN"
        " INSERT INTO directory_words(directory_words, rowid, names, shelf, words)"
        " VALUES ('delete', old.comparison_id, old.names, old.shelf, old.words); END",
        "CREATE TRIGGER directory_entry_changed AFTER UPDATE ON directory_entry BEGIN"
        " INSERT INTO directory_words(directory_words, rowid, names, shelf, words)"
        " VALUES ('delete', old.comparison_id, old.names, old.shelf, old.words);"
        " INSERT INTO directory_words(rowid, names, shelf, words)"
        " VALUES (new.comparison_id, new.names, new.shelf, new.words); END",
    ),
    "postgresql": ("CREATE INDEX directory_words ON directory_entry USING gin (words)",),
}


def columns(table: str, *names: str) -> Any:
    return sa.table(table, *(sa.column(name) for name in names))


COMPARISON = sa.table(
    "comparison", sa.column("id"), sa.column("latest"), sa.column("first_imported_at", MOMENT)
)
REVISION = sa.table(
    "comparison_revision",
    *(sa.column(name) for name in ("id", "comparison_id", "number", "title")),
    sa.column("published_on", sa.Date()),
    sa.column("labels", sa.JSON()),
)
CONTENDER = columns(
    "contender", "id", "revision_id", "side", "name", "category", "tagline", "description"
)
VERDICT = columns("verdict", "contender_id", "seat", "quote")


def upgrade() -> None:
    table = op.create_table(
        "directory_entry",
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("left_category", sa.String(length=100), nullable=False),
        sa.Column("right_category", sa.String(length=100), nullable=False),
        sa.Column("names", WORDS, nullable=False),
        sa.Column("shelf", WORDS, nullable=False),
        sa.Column("words", WORDS, nullable=False),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparison.id"]),
        sa.PrimaryKeyConstraint("comparison_id"),
    )
    op.create_index("ix_directory_entry_day", "directory_entry", ["day", "comparison_id"])
    op.create_index("ix_directory_entry_left_category", "directory_entry", ["left_category"])
    op.create_index("ix_directory_entry_right_category", "directory_entry", ["right_category"])
    for statement in FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))
    for entries in filled():
        op.get_bind().execute(sa.insert(table), entries)


def downgrade() -> None:
    op.drop_table("directory_entry")
    op.execute(sa.text("DROP TABLE IF EXISTS directory_words"))


def filled() -> Iterator[list[dict[str, Any]]]:
    """Yield the entries of the comparisons that are there, in chunks."""
    newest = (REVISION.c.comparison_id == COMPARISON.c.id) & (
        REVISION.c.number == COMPARISON.c.latest
    )
    statement = sa.select(
        COMPARISON.c.first_imported_at,
        *(REVISION.c[name] for name in ("id", "comparison_id", "title", "published_on", "labels")),
    )
    rows = op.get_bind().execute(statement.join(REVISION, newest)).all()
    for first in range(0, len(rows), CHUNK):
        chunk = rows[first : first + CHUNK]
        sides = by_parent(CONTENDER, "revision_id", "side", [row.id for row in chunk])
        contenders = [side.id for each in sides.values() for side in each]
        verdicts = by_parent(VERDICT, "contender_id", "seat", contenders)
        yield [entry(row, sides.get(row.id, []), verdicts) for row in chunk]


def by_parent(table: Any, parent: str, order: str, ids: list[int]) -> dict[int, list[Any]]:
    """Return the rows of *table* by the id of their parent."""
    found: dict[int, list[Any]] = {}
    chosen = sa.select(table).where(table.c[parent].in_(ids)).order_by(table.c[order])
    for row in op.get_bind().execute(chosen):
        found.setdefault(row._mapping[parent], []).append(row)
    return found


def entry(row: Any, sides: list[Any], verdicts: dict[int, list[Any]]) -> dict[str, Any]:
    texts = [
        EntrySide(
            name=side.name,
            category=side.category,
            tagline=side.tagline,
            description=side.description,
            quotes=[verdict.quote for verdict in verdicts.get(side.id, [])],
        )
        for side in sides
    ]
    day = row.published_on or row.first_imported_at.date()
    values = entry_values(day=day, title=row.title, labels=row.labels, sides=texts)
    return {"comparison_id": row.comparison_id, **values}
