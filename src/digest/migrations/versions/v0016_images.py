"""Images, and a newsletter's own logo, fonts and tags on links."""

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import MOMENT

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS: tuple[sa.Column[str] | sa.Column[bool], ...] = (
    sa.Column("logo_alt", sa.String(length=200), nullable=False, server_default=""),
    sa.Column("font", sa.String(length=24), nullable=False, server_default="classic"),
    sa.Column("utm", sa.Boolean(), nullable=False, server_default=sa.false()),
)


def upgrade() -> None:
    op.create_table(
        "image",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=24), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    # One statement: as a batch, SQLite would copy the table, to which issues refer.
    op.execute("ALTER TABLE newsletter ADD COLUMN logo VARCHAR(64) REFERENCES image (key)")
    for column in COLUMNS:
        op.add_column("newsletter", column)


def downgrade() -> None:
    for name in ("logo", *(column.name for column in COLUMNS)):  # in place, as above
        op.execute(sa.text(f"ALTER TABLE newsletter DROP COLUMN {name}"))
    op.drop_table("image")
