"""What is counted of mailboxes that asked for nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("seconds", sa.BigInteger(), nullable=False, server_default="86400")
        )


def downgrade() -> None:
    with op.batch_alter_table("throttle", schema=None) as batch_op:
        batch_op.drop_column("seconds")
