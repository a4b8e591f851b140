"""An issue may correct another."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One statement: as a batch, SQLite would copy the table, to which editions refer.
    op.execute("ALTER TABLE issue ADD COLUMN corrects_issue_id INTEGER REFERENCES issue (id)")


def downgrade() -> None:
    op.drop_column("issue", "corrects_issue_id")
