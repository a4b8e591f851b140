"""Reviewing: a record of approvals with what was sent back, two approvers, codes by mail."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import BIG_ID, MOMENT

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    (
        "newsletter",
        sa.Column("approvals_needed", sa.Integer(), nullable=False, server_default="1"),
    ),
    ("approval", sa.Column("act", sa.String(24), nullable=False, server_default="approved")),
    ("approval", sa.Column("note", sa.Text(), nullable=False, server_default="")),
    ("approval", sa.Column("channel", sa.String(24), nullable=True)),
)


def upgrade() -> None:
    for table, column in COLUMNS:
        op.add_column(table, column)
    op.create_table(
        "review_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("editor", sa.String(length=8), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=32), nullable=False),
        sa.Column("letter_id", BIG_ID, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_review_code_issue_id"), "review_code", ["issue_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_review_code_issue_id"), table_name="review_code")
    op.drop_table("review_code")
    # The version before takes any row for an approval that holds, and one for enough.
    op.execute(
        "DELETE FROM approval WHERE EXISTS (SELECT 1 FROM approval AS later WHERE"
        " later.issue_id = approval.issue_id AND later.id >= approval.id"
        " AND later.act <> 'approved')"
    )
    op.execute(
        "DELETE FROM approval WHERE issue_id IN (SELECT issue.id FROM issue JOIN newsletter"
        " ON newsletter.id = issue.newsletter_id WHERE newsletter.approvals_needed > 1"
        " AND issue.state = 'built')"
    )
    # A code's letter is of a kind that the version before doesn't know.
    op.execute("DELETE FROM letter_to_send WHERE kind = 'review-code'")
    for table, column in COLUMNS:  # in place: rows refer to the table, so it can't be made anew
        op.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {column.name}"))
