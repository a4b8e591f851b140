"""Notices and seed copies are mails of the letter queue."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from digest.migrations.kinds import MOMENT

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: The state of each outcome; an empty one was of a mail under way.
STATES = {"": "started", "accepted": "sent", "in-doubt": "in-doubt"}
#: A notice that certainly wasn't sent is sent again.
AGAIN = {"not-sent": "waiting", "halted": "waiting"}
#: What the version before calls an outcome of a notice.
NOTICE_WORDS = {"unmade": "unmakeable", "halted": "not-sent"}

LETTER = sa.table(
    "letter_to_send",
    *(sa.column(name) for name in ("subscriber_id", "newsletter", "kind", "state", "language")),
    *(sa.column(name) for name in ("about", "attempt", "tries", "outcome")),
    *(sa.column(name, MOMENT) for name in ("asked_at", "since", "heard_at")),
)
NOTICE = sa.table(
    "notice",
    *(sa.column(name) for name in ("newsletter_id", "period", "kind", "tries", "outcome")),
    sa.column("at", MOMENT),
)
CANARY = sa.table(
    "canary",
    *(sa.column(name) for name in ("edition_id", "attempt", "outcome")),
    *(sa.column(name, MOMENT) for name in ("sent_at", "heard_at")),
)
NEWSLETTER = sa.table("newsletter", sa.column("id"), sa.column("slug"))
EDITION = sa.table("edition", sa.column("id"), sa.column("issue_id"))
ISSUE = sa.table("issue", sa.column("id"), sa.column("newsletter_id"))


def upgrade() -> None:
    with op.batch_alter_table("letter_to_send", schema=None) as batch_op:
        batch_op.alter_column("subscriber_id", nullable=True)
        batch_op.add_column(sa.Column("about", sa.String(length=120), nullable=True))
        batch_op.add_column(sa.Column("attempt", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("outcome", sa.String(24), nullable=True))
        batch_op.add_column(sa.Column("heard_at", MOMENT, nullable=True))
    for name in ("about", "attempt"):
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_letter_to_send_{name}",
            "letter_to_send",
            [name],
            unique=True,
            sqlite_where=there,
            postgresql_where=there,
        )
    op.bulk_insert(LETTER, [*map(_from_notice, _notices()), *map(_from_canary, _canaries())])
    op.drop_table("notice")
    op.drop_table("canary")


def downgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("newsletter_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["newsletter_id"], ["newsletter.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("newsletter_id", "period", "kind"),
    )
    op.create_table(
        "canary",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.String(length=32), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("heard_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"]),
        sa.PrimaryKeyConstraint("edition_id"),
        sa.UniqueConstraint("attempt"),
    )
    newsletters = {row.slug: row.id for row in op.get_bind().execute(sa.select(NEWSLETTER))}
    notices = [_to_notice(row, newsletters) for row in _letters("notice")]
    op.bulk_insert(NOTICE, notices)
    op.bulk_insert(CANARY, [_to_canary(row) for row in _letters("seed")])
    op.execute(sa.delete(LETTER).where(LETTER.c.subscriber_id.is_(None)))
    for name in ("about", "attempt"):
        op.drop_index(f"ix_letter_to_send_{name}", table_name="letter_to_send")
    with op.batch_alter_table("letter_to_send", schema=None) as batch_op:
        for name in ("about", "attempt", "tries", "outcome", "heard_at"):
            batch_op.drop_column(name)
        batch_op.alter_column("subscriber_id", nullable=False)


def _notices() -> Any:
    slug = NEWSLETTER.c.slug.label("slug")
    joined = NOTICE.join(NEWSLETTER, NEWSLETTER.c.id == NOTICE.c.newsletter_id)
    return op.get_bind().execute(sa.select(NOTICE, slug).select_from(joined)).all()


def _canaries() -> Any:
    joined = (
        CANARY.join(EDITION, EDITION.c.id == CANARY.c.edition_id)
        .join(ISSUE, ISSUE.c.id == EDITION.c.issue_id)
        .join(NEWSLETTER, NEWSLETTER.c.id == ISSUE.c.newsletter_id)
    )
    slug = NEWSLETTER.c.slug.label("slug")
    return op.get_bind().execute(sa.select(CANARY, slug).select_from(joined)).all()


def _letters(kind: str) -> Any:
    return op.get_bind().execute(sa.select(LETTER).where(LETTER.c.kind == kind)).all()


def _from_notice(row: Any) -> dict[str, Any]:
    outcome = "unmade" if row.outcome == "unmakeable" else row.outcome
    return {
        "newsletter": row.slug,
        "kind": "notice",
        "state": (STATES | AGAIN).get(outcome, "failed"),
        "language": "en",
        "asked_at": row.at,
        "since": row.at,
        "about": f"{row.slug}/{row.period}/{row.kind}",
        "attempt": None,
        "tries": row.tries,
        "outcome": outcome or None,
        "heard_at": None,
    }


def _from_canary(row: Any) -> dict[str, Any]:
    return {
        "newsletter": row.slug,
        "kind": "seed",
        "state": STATES.get(row.outcome, "failed"),
        "language": "en",
        "asked_at": row.sent_at,
        "since": row.sent_at,
        "about": f"edition/{row.edition_id}",
        "attempt": row.attempt,
        "tries": 1,
        "outcome": row.outcome or None,
        "heard_at": row.heard_at,
    }


def _to_notice(row: Any, newsletters: dict[str, int]) -> dict[str, Any]:
    _, period, kind = row.about.split("/")
    return {
        "newsletter_id": newsletters[row.newsletter],
        "period": period,
        "kind": kind,
        "at": row.since,
        "tries": row.tries,
        "outcome": NOTICE_WORDS.get(row.outcome, _outcome(row)),
    }


def _to_canary(row: Any) -> dict[str, Any]:
    return {
        "edition_id": int(row.about.removeprefix("edition/")),
        "attempt": row.attempt,
        "sent_at": row.asked_at,
        "outcome": _outcome(row),
        "heard_at": row.heard_at,
    }


def _outcome(row: Any) -> str:
    """Return the outcome as the version before stores it; "" for a mail that was cut off."""
    return "" if row.state == "started" else row.outcome or row.state
