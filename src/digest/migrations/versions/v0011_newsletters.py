"""A newsletter has its own sender, count, points of the pick, accent, and place on the site."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import MOMENT

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS: tuple[sa.Column[Any], ...] = (
    sa.Column("min_per_issue", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("points", sa.JSON(), nullable=False, server_default="{}"),
    sa.Column("sender", sa.String(length=400), nullable=False, server_default=""),
    sa.Column("reply_to", sa.String(length=400), nullable=False, server_default=""),
    sa.Column("postal_address", sa.Text(), nullable=False, server_default=""),
    sa.Column("accent", sa.String(length=7), nullable=False, server_default=""),
    sa.Column("public", sa.Boolean(), nullable=False, server_default=sa.true()),
    sa.Column("archived_at", MOMENT, nullable=True),
)


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("newsletter", column)


def downgrade() -> None:
    for column in COLUMNS:  # in place: issues refer to the table, so it can't be made anew
        op.execute(sa.text(f"ALTER TABLE newsletter DROP COLUMN {column.name}"))
