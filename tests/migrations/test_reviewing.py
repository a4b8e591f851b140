"""The migration to a record of decisions: approvals stay, and taking it back loosens nothing."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text
from sqlmodel import select

from digest.db import Database
from digest.issues.models import Approval, ApprovalAct, Newsletter
from digest.migrations.upgrade import config, upgrade
from tests.migrations.test_revisions import ON_ITS_WAY

APPROVAL = text(
    "INSERT INTO approval (id, issue_id, seal, editions, audience, templates, accepted, by, at)"
    " VALUES (1, 1, 's', '[]', 'a', 't', '[]', 'Ann', '2026-11-24 09:00:00+00:00')"
)
LATER = text(
    "INSERT INTO approval (id, issue_id, seal, editions, audience, templates, accepted, by, at,"
    " act, note) VALUES (2, 1, '', '[]', '', '', '[]', 'Kim', '2026-11-24 09:00:00+00:00',"
    " 'sent-back', 'The lead is wrong.')"
)


def stocked(bare: Database) -> None:
    """Make a database of revision 0010 with one approval, and upgrade it."""
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0010")
        for statement in ON_ITS_WAY[:2]:
            session.connection().exec_driver_sql(statement)
        session.execute(APPROVAL)
    with bare.write() as session:
        upgrade(session.connection())


def approved_by(bare: Database) -> list[str]:
    """Take the revision back, and return who approved as the version before reads it."""
    with bare.write() as session:
        command.downgrade(config(session.connection()), "0010")
    with bare.read() as session:
        return list(session.execute(text("SELECT by FROM approval")).scalars())


def test_an_approval_of_the_version_before_holds_and_one_is_enough(bare: Database) -> None:
    stocked(bare)
    with bare.read() as session:
        kept = session.exec(select(Approval)).one()
        assert (kept.by, kept.act, kept.note, kept.channel) == (
            "Ann",
            ApprovalAct.APPROVED,
            "",
            None,
        )
        assert session.exec(select(Newsletter.approvals_needed)).one() == 1
    assert approved_by(bare) == ["Ann"]


def test_what_was_sent_back_is_not_approved_in_the_version_before(bare: Database) -> None:
    stocked(bare)
    with bare.write() as session:
        session.execute(LATER)
    assert approved_by(bare) == []


def test_one_approval_of_two_is_none_in_the_version_before(bare: Database) -> None:
    stocked(bare)
    with bare.write() as session:
        session.execute(text("UPDATE newsletter SET approvals_needed = 2"))
        session.execute(text("UPDATE issue SET state = 'built'"))
    assert approved_by(bare) == []
