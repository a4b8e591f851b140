"""A cancelled week can be built again; comparisons can be withdrawn and set by editors."""

import re

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import MOMENT

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEX = "ix_issue_period"
ONE_A_PERIOD = ["newsletter_id", "period"]
NOT_CANCELLED = sa.text("state <> 'cancelled'")
UNIQUE = re.compile(
    r',\s*(?:CONSTRAINT \S+ )?UNIQUE \("?newsletter_id"?, "?period"?\)', re.IGNORECASE
)
END = re.compile(r"\s*\)\s*$")
ISSUE = sa.table("issue", *(sa.column(name) for name in ("id", "newsletter_id", "period", "state")))
#: What a downgrade writes after the period of a cancelled issue whose week was built again.
MARK = "/"


def upgrade() -> None:
    with op.batch_alter_table("comparison", schema=None) as batch_op:
        batch_op.add_column(sa.Column("withdrawn_at", MOMENT, nullable=True))
        batch_op.add_column(
            sa.Column("withdrawn_why", sa.Text(), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("set_by_editors", sa.JSON(), nullable=False, server_default="{}")
        )
    if _is_sqlite():
        _rewrite_issue(UNIQUE, "")
    else:
        op.drop_constraint(_unique_constraint(), "issue", type_="unique")
    op.create_index(
        INDEX,
        "issue",
        ONE_A_PERIOD,
        unique=True,
        sqlite_where=NOT_CANCELLED,
        postgresql_where=NOT_CANCELLED,
    )
    marked = ISSUE.c.period.contains(MARK)
    for row in op.get_bind().execute(sa.select(ISSUE).where(marked)).all():
        _set_period(row.id, row.period.partition(MARK)[0])


def downgrade() -> None:
    _mark_cancelled_twins()
    op.drop_index(INDEX, table_name="issue")
    if _is_sqlite():
        _rewrite_issue(END, ", UNIQUE (newsletter_id, period))")
    else:
        op.create_unique_constraint("issue_newsletter_id_period_key", "issue", ONE_A_PERIOD)
    with op.batch_alter_table("comparison", schema=None) as batch_op:
        for name in ("withdrawn_at", "withdrawn_why", "set_by_editors"):
            batch_op.drop_column(name)


def _mark_cancelled_twins() -> None:
    """Give each cancelled issue whose week has another issue a period of its own."""
    cancelled = sa.select(ISSUE).where(ISSUE.c.state == "cancelled").order_by(ISSUE.c.id)
    for row in op.get_bind().execute(cancelled).all():
        twins = sa.select(sa.func.count()).where(
            ISSUE.c.newsletter_id == row.newsletter_id, ISSUE.c.period == row.period
        )
        if op.get_bind().execute(twins).scalar_one() > 1:
            _set_period(row.id, f"{row.period}{MARK}{row.id}"[:16])


def _set_period(number: int, period: str) -> None:
    op.execute(sa.update(ISSUE).where(ISSUE.c.id == number).values(period=period))


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _unique_constraint() -> str:
    constraints = sa.inspect(op.get_bind()).get_unique_constraints("issue")
    return next(str(each["name"]) for each in constraints if each["column_names"] == ONE_A_PERIOD)


def _rewrite_issue(old: re.Pattern[str], new: str) -> None:
    """Make the table of issues anew by its changed definition, in place, with its rows.

    SQLite can't drop a constraint, and other tables refer to this one: their foreign keys are
    checked when the transaction ends, and hold again once the rows are back.
    """
    connection = op.get_bind()
    read = "SELECT sql FROM sqlite_master WHERE tbl_name = 'issue' AND type = '{}' AND sql <> ''"
    [definition] = connection.exec_driver_sql(read.format("table")).scalars().all()
    indexes = connection.exec_driver_sql(read.format("index")).scalars().all()
    changed, times = old.subn(new, definition)
    if times != 1:
        raise RuntimeError("the table of issues isn't the one of the revision before")
    for statement in (
        "PRAGMA defer_foreign_keys=ON",
        "CREATE TABLE issue_before AS SELECT * FROM issue",
        "DROP TABLE issue",
        changed,
        "INSERT INTO issue SELECT * FROM issue_before",
        "DROP TABLE issue_before",
        *indexes,
    ):
        connection.exec_driver_sql(statement)
