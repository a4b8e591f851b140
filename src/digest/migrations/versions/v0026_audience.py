"""Indexes of the few readers who may be left out, so that no count of an audience reads it all."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create(
        "ix_subscriber_suppressed", "subscriber", ["suppressed", "id"], "suppressed IS NOT NULL"
    )
    _create(
        "ix_subscription_topics",
        "subscription",
        ["newsletter", "standing", "subscriber_id"],
        "topics IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index("ix_subscription_topics", "subscription")
    op.drop_index("ix_subscriber_suppressed", "subscriber")


def _create(name: str, table: str, columns: list[str], rows: str) -> None:
    where = sa.text(rows)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
