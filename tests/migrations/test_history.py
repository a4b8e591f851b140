"""Revision 0025: events that are stored already are counted once, when it is made."""

from __future__ import annotations

from alembic import command
from sqlalchemy import text

from digest.db import Database
from digest.delivery.events import events_by_kind
from digest.migrations.upgrade import config, upgrade

EVENTS = text(
    "INSERT INTO mail_event (delivery_id, kind, moment, link, edition_id, machine, cause, detail)"
    " VALUES (1, 'delivered', 5, 0, 1, 0, '', ''), (2, 'delivered', 5, 0, 1, 0, '', ''),"
    " (3, 'delivered', 5, 0, 2, 0, '', ''), (-7, 'opened', 6, 0, 2, 1, '', '')"
)


def test_stored_events_are_counted(bare: Database) -> None:
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0024")
        session.connection().execute(EVENTS)
    with bare.write() as session:
        upgrade(session.connection())
    with bare.read() as session:
        assert events_by_kind(session) == {"delivered": 3, "opened": 1}
