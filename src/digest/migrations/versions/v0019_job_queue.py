"""The job queue's own tables on PostgreSQL, as Procrastinate ships them, and posts that wait."""

import sqlalchemy as sa
from alembic import op

from digest.migrations import job_queue_schema
from digest.migrations.kinds import BIG_ID

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    job_queue_schema.bring_up(op.get_bind())
    op.create_table(
        "event_post",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def downgrade() -> None:
    op.drop_table("event_post")
    job_queue_schema.drop(op.get_bind())
