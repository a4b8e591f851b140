"""Counts of what is over, so that nothing is counted again, and indexes by time."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
PSEUDONYMS = "delivery_id < 0"


def upgrade() -> None:
    op.create_table(
        "settled_counts",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("settled_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("edition_id"),
    )
    op.create_table(
        "event_count",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("edition_id", "kind"),
    )
    op.create_table(
        "consent_count",
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("act"),
    )
    op.execute(
        "INSERT INTO event_count (edition_id, kind, number)"
        " SELECT edition_id, kind, count(*) FROM mail_event GROUP BY edition_id, kind"
    )
    op.create_index("ix_consent_at", "consent", ["newsletter", "at"])
    op.create_index("ix_letter_to_send_asked_at", "letter_to_send", ["asked_at"])
    op.create_index(
        "ix_mail_event_pseudonym",
        "mail_event",
        ["edition_id"],
        sqlite_where=sa.text(PSEUDONYMS),
        postgresql_where=sa.text(PSEUDONYMS),
    )


def downgrade() -> None:
    op.drop_index("ix_mail_event_pseudonym", "mail_event")
    op.drop_index("ix_letter_to_send_asked_at", "letter_to_send")
    op.drop_index("ix_consent_at", "consent")
    for table in ("consent_count", "event_count", "settled_counts"):
        op.drop_table(table)
