"""What a letter on a changed verdict says, and when it isn't sent any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from digest.comparisons.models import Comparison
from digest.directory import PublicTerms
from digest.issues.identity import MailIdentity
from digest.letters import LetterTransport, verdict_link
from digest.mail.mailing import Mailing
from digest.mail.memory import MemoryTransport
from digest.votes.models import VoterPreference
from subscribers.letter_queue import send_waiting
from subscribers.models import LetterState, Standing, Subscriber, Subscription
from subscribers.reader_letter import AskedLetter, AskedLink
from subscribers.tokens import Hashes, Links, Tokens
from tests.letters.conftest import World

SECRET = "a secret for tests only, long enough"
BASE = "https://news.example.com"


def sent(world: World, *, language: str = "en") -> list[Mailing]:
    """Send the letters that wait, and return those that left."""
    with world.database.write() as session:
        session.connection().execute(update(Subscriber).values(language=language))
    world.told()
    return sent_now(world)


def sent_now(world: World) -> list[Mailing]:
    transport = MemoryTransport()
    carrier = LetterTransport(
        store=world.database,
        transport=transport,
        identity=MailIdentity(sender="Us <us@example.com>", postal_address="12 Example Street"),
        base_url=BASE,
        hours=48,
    )

    def asked(letter: AskedLetter) -> AskedLink | None:
        with world.database.write() as session:
            return verdict_link(session, letter, PublicTerms(now=world.now), base_url=BASE)

    links, hashes = Links(BASE, Tokens([SECRET])), Hashes([SECRET])
    send_waiting(world.database, carrier, links, hashes, lambda: world.now, asked=asked)
    return transport.accepted


def text_of(mailing: Mailing) -> str:
    return " ".join(mailing.content.text.split())


@pytest.mark.usefixtures("reader")
def test_the_letter_says_what_changed_and_leads_to_the_page(world: World) -> None:
    world.revise(75.0)

    [mailing] = sent(world)
    assert mailing.content.subject == "The verdict changed: Lathe vs Mortar"
    assert "The panel’s share of Lathe went from 100% to 75%." in text_of(mailing)
    assert f"{BASE}/comparisons/lathe-vs-mortar?lang=en" in text_of(mailing)
    assert "because you asked for an email when a verdict changes on tools" in text_of(mailing)


@pytest.mark.usefixtures("reader")
def test_in_german_it_says_so_in_german(world: World) -> None:
    world.revise(75.0)

    [mailing] = sent(world, language="de")
    assert mailing.content.subject == "Neues Urteil: Lathe vs Mortar"
    assert "Der Jury-Anteil von Lathe liegt jetzt bei 75 % statt bei 100 %." in text_of(mailing)


@pytest.mark.usefixtures("reader")
def test_one_click_in_the_mail_program_leaves_the_newsletter(world: World) -> None:
    world.revise(75.0)

    [mailing] = sent(world)
    [recipient] = mailing.recipients
    assert recipient.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"<{BASE}/u/" in recipient.headers["List-Unsubscribe"]
    assert f"{BASE}/p/" in text_of(mailing)


def test_each_reader_is_told_against_what_they_were_told(world: World) -> None:
    early, late = world.reader(), world.reader()
    world.send(early)
    world.revise(75.0)
    world.send(late)
    world.revise(50.0)

    texts = [text_of(mailing) for mailing in sent(world)]
    assert ["from 100% to 50%" in text for text in texts] == [True, False]
    assert ["from 75% to 50%" in text for text in texts] == [False, True]


TOOLS = tuple(f"Lathe{number}" for number in range(1, 13))


def told_of(world: World, *tools: str) -> list[int]:
    """Let the verdicts on some tools change by one import, which a reader's issue carried."""
    world.bulk(100.0, *tools)
    world.send(world.reader(), tools=tools)
    return world.bulk(75.0, *tools)


def test_one_letter_tells_of_several_verdicts_with_a_link_to_each(world: World) -> None:
    told_of(world, *TOOLS[:3])

    [mailing] = sent(world)
    assert mailing.content.subject == "3 verdicts have changed"
    for tool in TOOLS[:3]:
        assert f"The panel’s share of {tool} went from 100% to 75%." in text_of(mailing)
        link = f"{BASE}/comparisons/{tool.lower()}-vs-mortar?lang=en"
        assert link in text_of(mailing)
        assert f'clicktracking=off href="{link}"' in mailing.content.html
    assert f"See all comparisons {BASE}/comparisons?lang=en" in text_of(mailing)


def test_of_many_verdicts_eight_are_told_in_full_and_the_others_named(world: World) -> None:
    told_of(world, *TOOLS)

    [mailing] = sent(world)
    assert mailing.content.subject == "12 verdicts have changed"
    assert text_of(mailing).count("went from 100% to 75%") == 8
    assert mailing.content.html.count("went from 100% to 75%") == 8
    _, _, named = text_of(mailing).partition("Changed as well:")
    assert all(f"- {tool} vs Mortar {BASE}" in named for tool in TOOLS[:4])


def test_of_several_verdicts_a_german_letter_tells_in_german(world: World) -> None:
    told_of(world, *TOOLS[:2])

    [mailing] = sent(world, language="de")
    assert mailing.content.subject == "2 Urteile haben sich geändert"
    assert "Der Jury-Anteil von Lathe1 liegt jetzt bei 75 % statt bei 100 %." in text_of(mailing)
    assert "Alle Vergleiche ansehen" in text_of(mailing)


def test_a_change_taken_back_before_the_letter_leaves_is_left_out_of_it(world: World) -> None:
    told_of(world, *TOOLS[:3])
    world.told()
    world.revise(100.0, tool=TOOLS[1])

    [mailing] = sent_now(world)
    assert mailing.content.subject == "2 verdicts have changed"
    assert "Lathe2" not in text_of(mailing)


def test_where_one_change_is_left_the_letter_is_about_that_one(world: World) -> None:
    told_of(world, *TOOLS[:2])
    world.told()
    world.revise(100.0, tool=TOOLS[1])

    [mailing] = sent_now(world)
    assert mailing.content.subject == "The verdict changed: Lathe1 vs Mortar"
    assert f"{BASE}/comparisons/lathe1-vs-mortar?lang=en" in text_of(mailing)


def test_what_was_left_out_of_a_letter_is_not_taken_for_told(world: World) -> None:
    told_of(world, *TOOLS[:2])
    world.told()
    world.revise(50.0, tool=TOOLS[1])
    sent_now(world)

    world.told()
    [mailing] = sent_now(world)
    assert "The panel’s share of Lathe2 went from 100% to 50%." in text_of(mailing)


def test_what_a_waiting_letter_will_not_tell_is_told_by_the_next(world: World) -> None:
    told_of(world, *TOOLS[:2])
    world.told()
    world.revise(50.0, tool=TOOLS[1])
    world.told()

    first, second = (text_of(mailing) for mailing in sent_now(world))
    assert "Lathe2" not in first
    assert "The panel’s share of Lathe2 went from 100% to 50%." in second


def test_a_letter_of_which_nothing_holds_any_more_is_withheld(world: World) -> None:
    told_of(world, *TOOLS[:2])
    world.told()
    world.bulk(100.0, *TOOLS[:2])

    assert sent_now(world) == []
    assert [letter.state for letter in world.letters()] == [LetterState.WITHHELD]


def switched_off(world: World) -> None:
    with world.database.write() as session:
        session.connection().execute(update(VoterPreference).values(changes_since=None))


def left(world: World) -> None:
    with world.database.write() as session:
        session.connection().execute(update(Subscription).values(standing=Standing.UNSUBSCRIBED))


def paused(world: World) -> None:
    with world.database.write() as session:
        session.connection().execute(update(Subscription).values(standing=Standing.PAUSED))


def suppressed(world: World) -> None:
    with world.database.write() as session:
        session.connection().execute(update(Subscriber).values(suppressed="complaint"))


def withdrawn(world: World) -> None:
    with world.database.write() as session:
        session.connection().execute(update(Comparison).values(withdrawn_at=world.now))


def put_right(world: World) -> None:
    world.revise(100.0)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("happens", [switched_off, left, paused, suppressed, withdrawn, put_right])
def test_what_holds_no_more_when_the_letter_leaves_withholds_it(
    world: World, happens: Callable[[World], None]
) -> None:
    world.revise(75.0)
    world.told()
    happens(world)

    assert sent_now(world) == []
    assert [letter.state for letter in world.letters()] == [LetterState.WITHHELD]
