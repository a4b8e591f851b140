"""The migration to one outbox: what was sent isn't sent again, and what waits is sent once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text
from sqlmodel import select

from digest.db import Database
from digest.letters import send_notice
from digest.mail.mailing import Content, Mailbox, Mailing
from digest.mail.memory import MemoryTransport
from digest.migrations.upgrade import config, upgrade
from subscribers import letter_queue
from subscribers.letter_queue import send_waiting
from subscribers.models import LetterKind, LetterState, LetterToSend, SendOutcome
from subscribers.reader_letter import Letter
from subscribers.tokens import Hashes, Links, Tokens
from tests.migrations.test_revisions import ON_ITS_WAY

SECRET = "a secret for these tests, long enough"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AT = "2026-11-24 09:00:00+00:00"
#: The notices of revision 0008, of each outcome, with the tries of each.
NOTICES = (
    ("draft", 1, "accepted"),
    ("reminder", 3, "not-sent"),
    ("no-draft", 1, ""),
    ("held", 1, "in-doubt"),
    ("missed", 1, "refused"),
    ("skipped", 1, "unmakeable"),
)
Row = tuple[str, dict[str, object]]
ROWS: tuple[Row, ...] = (
    (
        "INSERT INTO issue (id, newsletter_id, number, period, state, note, pick, built_at)"
        " VALUES (2, 1, 2, '2026-W49', 'sent', '', '{}', :at)",
        {},
    ),
    (
        "INSERT INTO edition (id, issue_id, slice, revision, language, subject, preheader, html,"
        " text, fingerprint, frozen_at, tracking)"
        " VALUES (2, 2, 'all', 1, 'en', 'S', '', 'H', 'T', 'f', :at, 'off')",
        {},
    ),
    (
        "INSERT INTO subscriber (id, address, address_key, language, created_at)"
        " VALUES (1, 'ann@example.org', 'ann@example.org', 'en', :at)",
        {},
    ),
    (
        "INSERT INTO subscription (id, subscriber_id, newsletter, standing, source, since)"
        " VALUES (1, 1, 'weekly', 'confirmed', '', :at)",
        {},
    ),
    *(
        (
            "INSERT INTO letter_to_send (id, subscriber_id, newsletter, kind, state, language,"
            " asked_at, since) VALUES (:id, 1, 'weekly', 'welcome', :state, 'en', :at, :at)",
            {"id": number, "state": state},
        )
        for number, state in enumerate(("waiting", "started", "sent"), start=1)
    ),
    *(
        (
            "INSERT INTO notice (id, newsletter_id, period, kind, at, tries, outcome)"
            " VALUES (:id, 1, '2026-W48', :kind, :at, :tries, :outcome)",
            {"id": number, "kind": kind, "tries": tries, "outcome": outcome},
        )
        for number, (kind, tries, outcome) in enumerate(NOTICES, start=1)
    ),
    *(
        (
            "INSERT INTO canary (edition_id, attempt, sent_at, outcome, heard_at)"
            " VALUES (:id, :attempt, :at, :outcome, :heard)",
            {"id": number, "attempt": letter * 32, "outcome": outcome, "heard": heard},
        )
        for number, letter, outcome, heard in ((1, "a", "accepted", AT), (2, "b", "notsent", None))
    ),
)


@pytest.fixture
def upgraded(bare: Database) -> Database:
    """A database of revision 0008 with mails in every state, upgraded."""
    with bare.write() as session:
        command.upgrade(config(session.connection()), "0008")
        for statement in ON_ITS_WAY:
            session.connection().exec_driver_sql(statement)
        for insert, values in ROWS:
            session.execute(text(insert), {"at": AT, **values})
        if not bare.is_sqlite:  # the rows above took their numbers themselves
            after = "SELECT setval(pg_get_serial_sequence('letter_to_send', 'id'), 3)"
            session.connection().exec_driver_sql(after)
    with bare.write() as session:
        assert upgrade(session.connection()) is True
    return bare


class Carrier:
    """A carrier that keeps the letters it accepted."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, letter: Letter) -> SendOutcome:
        """Accept each letter."""
        self.sent.append(letter.kind)
        return SendOutcome.ACCEPTED


def notice(database: Database, kind: str) -> tuple[SendOutcome | None, Sequence[Mailing]]:
    """Send a notice, whatever became of it before."""
    transport = MemoryTransport()
    content = Content(subject="S", html="H", text="T", sender=Mailbox("us@example.com"))
    outcome = send_notice(
        database,
        lambda mailing: transport.hand_over(transport.prepare(mailing)),
        Mailing(content=content, recipients=[], issue="editors"),
        "weekly",
        f"weekly/2026-W48/{kind}",
        NOW,
    )
    return outcome, transport.accepted


def test_a_letter_that_waited_is_sent_once(upgraded: Database) -> None:
    carrier, hashes = Carrier(), Hashes([SECRET])
    links = Links("https://news.example.com", Tokens([SECRET]))
    for _ in range(2):
        send_waiting(upgraded, carrier, links, hashes, lambda: NOW + timedelta(hours=1))
    with upgraded.read() as session:
        rows = session.exec(select(LetterToSend).where(LetterToSend.kind == LetterKind.WELCOME))
        states = {row.id: row.state for row in rows.all()}
    assert carrier.sent == ["welcome"]
    assert states == {1: LetterState.SENT, 2: LetterState.IN_DOUBT, 3: LetterState.SENT}


@pytest.mark.parametrize("kind", [kind for kind, _, outcome in NOTICES if outcome != "not-sent"])
def test_a_notice_that_may_have_gone_out_or_never_will_is_not_sent_again(
    upgraded: Database, kind: str
) -> None:
    assert notice(upgraded, kind) == (None, [])


def test_a_notice_that_was_not_sent_is_sent_once(upgraded: Database) -> None:
    outcome, sent = notice(upgraded, "reminder")
    assert (outcome, len(sent)) == (SendOutcome.ACCEPTED, 1)
    assert notice(upgraded, "reminder") == (None, [])


def test_seed_copies_keep_what_was_heard_of_them(upgraded: Database) -> None:
    later = NOW + timedelta(minutes=5)
    with upgraded.write() as session:
        attempts = ["a" * 32, "b" * 32, "c" * 32]
        assert letter_queue.note_events(session, attempts, later) == {"a" * 32, "b" * 32}
    with upgraded.read() as session:
        seeds = select(LetterToSend).where(LetterToSend.kind == LetterKind.SEED)
        rows = {row.about: (row.state, row.outcome, row.heard_at) for row in session.exec(seeds)}
    assert rows == {
        "edition/1": (LetterState.SENT, SendOutcome.ACCEPTED, NOW),
        "edition/2": (LetterState.FAILED, SendOutcome.NOT_SENT, later),
    }


def test_the_downgrade_puts_the_two_tables_back(upgraded: Database) -> None:
    with upgraded.write() as session:
        command.downgrade(config(session.connection()), "0008")

        def rows(query: str) -> list[Any]:
            return [tuple(row) for row in session.execute(text(query))]

        kinds = rows("SELECT kind, tries, outcome FROM notice ORDER BY id")
        seeds = rows("SELECT edition_id, attempt, outcome FROM canary ORDER BY edition_id")
        letters = rows("SELECT id, state FROM letter_to_send ORDER BY id")
    assert kinds == list(NOTICES)
    assert seeds == [(1, "a" * 32, "accepted"), (2, "b" * 32, "notsent")]
    assert letters == [(1, "waiting"), (2, "started"), (3, "sent")]
