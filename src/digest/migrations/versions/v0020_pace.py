"""How fast mail may leave: a pace for all machines, and a plan to warm up."""

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import MOMENT

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "batch",
        sa.Column("mailbox_provider", sa.String(length=64), nullable=False, server_default=""),
    )
    op.create_index("ix_attempt_claimed_at", "attempt", ["claimed_at"])
    op.create_table(
        "pace",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("next_at", MOMENT, nullable=True),
        sa.Column("held_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("scope"),
    )
    op.create_table(
        "warm_up",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("first_limit", sa.Integer(), nullable=False),
        sa.Column("last_limit", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("stopped_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_by", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("warm_up")
    op.drop_table("pace")
    op.drop_index("ix_attempt_claimed_at", table_name="attempt")
    # In place: as a batch, SQLite would copy the table.
    op.execute(sa.text("ALTER TABLE batch DROP COLUMN mailbox_provider"))
