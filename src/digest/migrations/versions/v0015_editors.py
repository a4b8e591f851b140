"""Who edited a comparison's words."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "comparison_revision",
        sa.Column("editor", sa.String(length=200), server_default="", nullable=False),
    )


def downgrade() -> None:
    # What an editor wrote stays, as if it had been imported.
    op.drop_column("comparison_revision", "editor")
