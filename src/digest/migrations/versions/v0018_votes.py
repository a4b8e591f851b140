"""Votes of readers, with their history, counts and scanners, and what follows from them."""

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import BIG_ID, MOMENT

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ADDED: tuple[tuple[str, "sa.Column[str] | sa.Column[bool] | sa.Column[int]"], ...] = (
    (
        "sign_up_asked",
        sa.Column("asks_for", sa.String(length=400), nullable=False, server_default=""),
    ),
    ("sign_up_asked", sa.Column("joins", sa.Boolean(), nullable=False, server_default=sa.true())),
    (
        "letter_to_send",
        sa.Column("asks_for", sa.String(length=400), nullable=False, server_default=""),
    ),
    ("batch", sa.Column("seat", sa.Integer(), nullable=False, server_default="0")),
)
TABLES = (
    "voter",
    "scanned_copy",
    "vote_visit",
    "vote_count",
    "vote_change",
    "vote",
    "edition_variant",
)


def upgrade() -> None:
    for table, column in ADDED:
        op.add_column(table, column)
    op.create_table(
        "edition_variant",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"]),
        sa.PrimaryKeyConstraint("edition_id", "seat"),
    )
    votes()
    scanners()
    op.create_table(
        "voter",
        sa.Column("subscriber_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reviewer_since", MOMENT, nullable=True),
        sa.Column("changes_since", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("subscriber_id"),
    )


def votes() -> None:
    op.create_table(
        "vote",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("tool_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", BIG_ID, nullable=True),
        sa.Column("call", sa.String(length=24), nullable=True),
        sa.Column("held", sa.String(length=24), nullable=True),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("mailbox_hash", sa.String(length=32), nullable=True),
        sa.Column("network_hash", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparison.id"]),
        sa.ForeignKeyConstraint(["tool_id"], ["tool.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("comparison_id", "tool_id", "subscriber_id"),
    )
    op.create_index("ix_vote_subscriber", "vote", ["subscriber_id"])
    op.create_index("ix_vote_mailbox", "vote", ["comparison_id", "mailbox_hash"])
    op.create_index(
        "ix_vote_held",
        "vote",
        ["held"],
        sqlite_where=sa.text("held IS NOT NULL"),
        postgresql_where=sa.text("held IS NOT NULL"),
    )
    op.create_index(
        "ix_vote_network",
        "vote",
        ["comparison_id", "network_hash"],
        sqlite_where=sa.text("network_hash IS NOT NULL"),
        postgresql_where=sa.text("network_hash IS NOT NULL"),
    )
    op.create_table(
        "vote_change",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("vote_id", BIG_ID, nullable=False),
        sa.Column("call", sa.String(length=24), nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["vote_id"], ["vote.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_vote_change_vote_id", "vote_change", ["vote_id"])
    op.create_table(
        "vote_count",
        sa.Column("comparison_id", sa.Integer(), nullable=False),
        sa.Column("tool_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ships", sa.Integer(), nullable=False),
        sa.Column("skips", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparison.id"]),
        sa.ForeignKeyConstraint(["tool_id"], ["tool.id"]),
        sa.PrimaryKeyConstraint("comparison_id", "tool_id", "day"),
    )


def scanners() -> None:
    op.create_table(
        "vote_visit",
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.BigInteger(), nullable=False),
        sa.Column("machine", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "edition_id", "moment", "link"),
    )
    op.create_index("ix_vote_visit_moment", "vote_visit", ["moment"])
    op.create_table(
        "scanned_copy",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.BigInteger(), nullable=False),
        sa.Column("sign", sa.String(length=24), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("pressed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("edition_id", "subscriber_id"),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    for table, column in reversed(ADDED):  # in place: as a batch, SQLite would copy the table
        op.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {column.name}"))
