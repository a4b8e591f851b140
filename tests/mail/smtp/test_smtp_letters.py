"""Letters by SMTP: a confirmation reaches its reader, and each reply has its usual outcome."""

from __future__ import annotations

import pytest

from digest.db import Database
from digest.issues.models import Newsletter
from digest.letters.sender import LetterTransport
from subscribers.models import SendOutcome
from tests.delivery.test_letters import BASE, CONFIRM, IDENTITY, WELCOME
from tests.mail.smtp.relay import PATHS, RunningRelay


@pytest.fixture
def letters(database: Database, relay: RunningRelay) -> LetterTransport:
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
    return LetterTransport(
        store=database,
        transport=relay.provider().transport(),
        identity=IDENTITY,
        base_url=BASE,
        hours=48,
        key=lambda: "0123456789abcdef" * 2,
    )


def test_a_confirmation_reaches_its_reader(letters: LetterTransport, relay: RunningRelay) -> None:
    assert letters.send(CONFIRM) is SendOutcome.ACCEPTED
    [mail] = relay.taken
    assert mail.recipient == "ada@example.org"
    assert mail.parsed["To"] == "ada@example.org"
    text = mail.parsed.get_body(("plain",))
    assert text is not None
    assert CONFIRM.action_url in text.get_content()
    token = mail.sender.partition("+")[2].partition("@")[0]
    assert PATHS.read(token).delivery == f"confirm-{'0123456789abcdef' * 2}"


def test_a_welcome_can_be_left_by_one_click(letters: LetterTransport, relay: RunningRelay) -> None:
    assert letters.send(WELCOME) is SendOutcome.ACCEPTED
    assert relay.taken[0].parsed["List-Unsubscribe"] == f"<{WELCOME.unsubscribe_url}>"


@pytest.mark.parametrize(
    ("orders", "outcome"),
    [
        ({"rcpt": "550 5.1.1 nobody"}, SendOutcome.REFUSED),
        ({"rcpt": "450 4.2.0 greylisted"}, SendOutcome.NOT_SENT),
        ({"mail": "550 5.7.1 not from here"}, SendOutcome.HALTED),
        ({"end": "take and drop"}, SendOutcome.IN_DOUBT),
    ],
)
def test_each_reply_has_its_usual_outcome(
    letters: LetterTransport, relay: RunningRelay, orders: dict[str, str], outcome: SendOutcome
) -> None:
    relay.orders(**orders)
    assert letters.send(CONFIRM) is outcome
