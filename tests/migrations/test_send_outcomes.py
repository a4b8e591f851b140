"""The migration to one enum of outcomes: every word an older version has stored still reads."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text
from sqlmodel import col, select

from digest.db import Database
from digest.delivery.models import Attempt
from digest.migrations.upgrade import config, upgrade
from subscribers.models import SendOutcome
from tests.migrations.test_revisions import ON_ITS_WAY

#: What revision 0008 may hold, and what it reads as.
WORDS = {
    None: None,
    "accepted": SendOutcome.ACCEPTED,
    "refused": SendOutcome.REFUSED,
    "notsent": SendOutcome.NOT_SENT,
    "halted": SendOutcome.HALTED,
    "indoubt": SendOutcome.IN_DOUBT,
    "in-doubt": SendOutcome.IN_DOUBT,
    "pending": SendOutcome.NOT_SENT,
    "parked": SendOutcome.NOT_SENT,
}
ATTEMPT = text(
    "INSERT INTO attempt (key, batch_id, number, owner, claimed_at, lease_until, outcome, detail)"
    " VALUES (:key, 1, :number, 'o', '2026-11-24 09:00:00+00:00', '2026-11-24 09:02:00+00:00',"
    " :outcome, '')"
)


def test_every_word_of_revision_0008_is_read_and_downgraded(bare: Database) -> None:
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0008")
        for statement in ON_ITS_WAY:
            session.connection().exec_driver_sql(statement)
        for number, word in enumerate(WORDS):
            session.execute(ATTEMPT, {"key": str(word), "number": number, "outcome": word})
    with bare.write() as session:
        assert upgrade(session.connection()) is True
    with bare.read() as session:
        kept = dict(session.exec(select(Attempt.key, col(Attempt.outcome))).all())
    assert kept == {str(word): outcome for word, outcome in WORDS.items()}
    with bare.write() as session:
        command.downgrade(config(session.connection()), "0008")
        old = session.execute(text("SELECT DISTINCT outcome FROM attempt")).scalars()
        assert set(old) == {None, "accepted", "refused", "notsent", "halted", "in-doubt"}
