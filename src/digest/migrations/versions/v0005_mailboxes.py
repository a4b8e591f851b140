"""What is counted of mailboxes that asked for nothing."""

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import MOMENT

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("seconds", sa.BigInteger(), nullable=False, server_default="86400")
        )
    op.create_table(
        "declined_mailbox",
        sa.Column("mailbox_hash", sa.String(length=64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_hash"),
    )


def downgrade() -> None:
    op.drop_table("declined_mailbox")
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.drop_column("seconds")
