"""One word for one outcome of a send."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: An attempt that was recovered or parked had sent nothing.
WORDS = {"notsent": "not-sent", "indoubt": "in-doubt", "pending": "not-sent", "parked": "not-sent"}
TABLES = ("attempt", "canary")


def upgrade() -> None:
    for old, new in WORDS.items():
        _reword(old, new)


def downgrade() -> None:
    # The version before this revision reads "in-doubt" as well as "indoubt".
    _reword("not-sent", "notsent")


def _reword(old: str, new: str) -> None:
    for name in TABLES:
        table = sa.table(name, sa.column("outcome", sa.String))
        op.execute(sa.update(table).where(table.c.outcome == old).values(outcome=new))
