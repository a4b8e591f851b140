"""Find the votes of one network, which many new addresses may share."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_vote_network",
        "vote",
        ["comparison_id", "network_hash"],
        sqlite_where=sa.text("network_hash IS NOT NULL"),
        postgresql_where=sa.text("network_hash IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_vote_network", "vote")
