"""Outgoing webhooks: endpoints, the messages on their way to them, and what is told once."""

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import BIG_ID, MOMENT

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("newsletter", sa.String(length=64), nullable=False),
        sa.Column("addresses", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("former_nonce", sa.String(length=32), nullable=False),
        sa.Column("rotated_at", MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("rest_until", MOMENT, nullable=True),
        sa.Column("claimed_by", sa.String(length=32), nullable=False),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "webhook_kind",
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "webhook_id"),
    )
    op.create_table(
        "webhook_message",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("subscriber_id", BIG_ID, nullable=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhook.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_webhook_message_state", "webhook_message", ["webhook_id", "state", "id"])
    op.create_index(
        "ix_webhook_message_subject", "webhook_message", ["webhook_id", "subject", "id"]
    )
    op.create_index("ix_webhook_message_settled", "webhook_message", ["state", "settled_at"])
    op.create_table(
        "announcement",
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject"),
    )


def downgrade() -> None:
    for table in ("announcement", "webhook_message", "webhook_kind", "webhook"):
        op.drop_table(table)
