"""The press on a letter's link: it votes, and subscribes who asked for that, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from itertools import product
from pathlib import Path

import httpx2
import pytest
from sqlmodel import col, select

from digest.comparisons.models import Comparison, Tool
from digest.votes import VoteCount, counts_of
from subscribers import consent, lifecycle, retention, store, suppression
from subscribers.address import parse
from subscribers.models import Standing, SuppressionReason
from subscribers.store import Evidence
from tests.web.asking import AskingSite, asking_site
from tests.web.conftest import SLUG
from tests.web.voter import BROWSER, LEFT, RIGHT

VOTER = "voter@example.net"
JOINS = ("joins", "1")
SHIP = {"tool-lintwick": "ship"}
SKIP = {"tool-lintwick": "skip"}
ONE = VoteCount(ships=1)


@pytest.fixture
def asking(stock: Path, tmp_path: Path) -> Iterator[AskingSite]:
    with ExitStack() as stack:
        yield stack.enter_context(asking_site(stock, tmp_path))


@pytest.fixture
def get_link(asking: AskingSite) -> Callable[..., str]:
    """Return a function that asks for a link to vote and returns its path, with ``?``."""

    def get_link(*fields: tuple[str, str]) -> str:
        asking.ask(VOTER, *SHIP.items(), *fields)
        [letter] = asking.letters()
        asking.clock.advance(minutes=1)
        return asking.link(letter)

    return get_link


def press(site: AskingSite, link: str, choices: Mapping[str, str] = SHIP) -> httpx2.Response:
    """Press the button of a letter's page in a browser, on its preset unless told otherwise."""
    return site.http.post(link.partition("?")[0], data=dict(choices), headers=BROWSER)


def counted(site: AskingSite) -> VoteCount:
    """Return the counted votes on the left tool."""
    with site.app.database.read() as session:
        comparison = session.exec(select(Comparison).where(col(Comparison.slug) == SLUG)).one()
        tool = session.exec(select(Tool).where(col(Tool.slug) == "lintwick")).one()
        counts = counts_of(session, [comparison.id or 0])
        return counts.get(comparison.id or 0, {}).get(tool.id or 0, VoteCount())


def test_a_look_says_what_the_button_does_and_does_nothing(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    page = asking.http.get(get_link(JOINS), headers=BROWSER).text

    assert "The button also subscribes you to Weekly AI Tool Verdicts." in page
    assert "<button>Vote and subscribe</button>" in page
    assert asking.standings(VOTER) == {"weekly": "pending"}
    assert counted(asking) == VoteCount()


def test_one_press_votes_and_subscribes(asking: AskingSite, get_link: Callable[..., str]) -> None:
    answer = press(asking, get_link(JOINS))
    [welcome] = asking.letters()

    assert "You’d ship Lintwick." in answer.text
    assert "You’ll get Weekly AI Tool Verdicts from now on." in answer.text
    assert asking.standings(VOTER) == {"weekly": "confirmed"}
    assert counted(asking) == ONE
    assert welcome["Subject"] == "Welcome to Weekly AI Tool Verdicts"
    reader = asking.reader(VOTER)
    assert reader is not None
    with asking.app.database.read() as session:
        asked, confirmed = consent.entries(session, reader.id)
    assert (asked["act"], confirmed["act"], confirmed["channel"]) == ("asked", "confirmed", "page")


def test_another_press_changes_the_vote_alone(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link(JOINS)
    press(asking, link)
    asking.letters()
    page = asking.http.get(link, headers=BROWSER).text
    answer = press(asking, link, SKIP)

    assert "<button>Vote</button>" in page
    assert "from now on" not in answer.text
    assert counted(asking) == VoteCount(skips=1)
    assert asking.letters() == []


def test_a_press_without_a_choice_does_neither(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    answer = press(asking, get_link(JOINS), {})

    assert answer.status_code == 422
    assert "<button>Vote and subscribe</button>" in answer.text
    assert asking.standings(VOTER) == {"weekly": "pending"}


def test_who_asked_for_a_link_alone_is_not_subscribed(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link()
    page = asking.http.get(link, headers=BROWSER).text
    answer = press(asking, link)

    assert "<button>Vote</button>" in page
    assert "subscribe" not in answer.text
    assert asking.standings(VOTER) == {}
    assert counted(asking) == ONE


def test_a_link_older_than_a_confirmation_still_votes(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link(JOINS)
    asking.clock.advance(hours=49)
    page = asking.http.get(link, headers=BROWSER).text
    answer = press(asking, link)

    assert "<button>Vote</button>" in page
    assert "this link could do that only for 48 hours." in answer.text
    assert "Subscribe to Weekly AI Tool Verdicts" in answer.text
    assert asking.standings(VOTER) == {"weekly": "pending"}
    assert counted(asking) == ONE


def test_who_has_left_since_is_not_brought_back(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link(JOINS)
    press(asking, link)
    reader = asking.reader(VOTER)
    assert reader is not None
    asking.clock.advance(hours=1)
    with asking.app.database.write() as session:
        now = asking.clock()
        lifecycle.leave(session, reader.id, "weekly", Evidence(channel="page"), now)
    answer = press(asking, link, SKIP)

    assert "you unsubscribed after this link was sent" in answer.text
    assert asking.standings(VOTER) == {"weekly": "unsubscribed"}
    assert counted(asking) == VoteCount(skips=1)


def test_who_was_erased_comes_back_and_the_vote_counts(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    with asking.app.database.write() as session:
        now, hashes = asking.clock(), asking.app.hashes
        number = store.add(session, parse(VOTER), now)
        store.join(session, number, "weekly", Standing.CONFIRMED, now, source="form")
        lifecycle.erase(session, number, Evidence(channel="page"), hashes, now)
    answer = press(asking, get_link(JOINS))

    assert "Thank you for your vote" in answer.text
    assert asking.standings(VOTER) == {"weekly": "confirmed"}
    assert counted(asking) == ONE


def test_an_address_that_must_not_be_mailed_is_told_so(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link(JOINS)
    with asking.app.database.write() as session:
        reason, hashes = SuppressionReason.COMPLAINT, asking.app.hashes
        suppression.suppress(session, VOTER, reason, hashes, asking.clock())
    answer = press(asking, link)

    assert "You aren’t subscribed to Weekly AI Tool Verdicts" in answer.text
    assert asking.standings(VOTER) == {"weekly": "pending"}
    assert counted(asking) == VoteCount()


def test_a_program_that_presses_subscribes_nobody_and_a_person_still_can(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link(JOINS)
    for choice in product((LEFT, RIGHT), ("ship", "skip")):
        asking.http.get("/".join((link.partition("?")[0], *choice)), headers=BROWSER)
    answer = press(asking, link)
    scanned = asking.standings(VOTER), counted(asking)
    asking.clock.advance(minutes=5)
    press(asking, link)

    assert "from now on" not in answer.text
    assert scanned == ({"weekly": "pending"}, VoteCount())
    assert asking.standings(VOTER) == {"weekly": "confirmed"}
    assert counted(asking) == ONE


def test_a_press_sooner_than_a_letter_is_read_does_neither_and_asks_again(
    asking: AskingSite,
) -> None:
    asking.ask(VOTER, *SHIP.items(), JOINS)
    [letter] = asking.letters()
    answer = press(asking, asking.link(letter))
    scanned = asking.standings(VOTER), counted(asking)
    asking.clock.advance(seconds=10)
    press(asking, asking.link(letter))

    assert "Please press the button again" in answer.text
    assert "<button>Vote and subscribe</button>" in answer.text
    assert scanned == ({"weekly": "pending"}, VoteCount())
    assert asking.standings(VOTER) == {"weekly": "confirmed"}
    assert counted(asking) == ONE


def test_a_press_amid_a_burst_of_looks_does_neither_and_says_what_the_next_one_does(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link(JOINS)
    for choice in ("lintwick/ship", "lintwick/skip", "ravelin-coder-2/ship"):
        asking.http.get(f"{link.partition('?')[0]}/{choice}", headers=BROWSER)
    answer = press(asking, link)

    assert "Please press the button again" in answer.text
    assert "<button>Vote and subscribe</button>" in answer.text
    assert asking.standings(VOTER) == {"weekly": "pending"}
    assert counted(asking) == VoteCount()


def test_a_client_that_is_no_browser_is_told_so_and_subscribes_nobody(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    answer = asking.http.post(get_link(JOINS).partition("?")[0], data=SHIP)

    assert "Please open the link elsewhere" in answer.text
    assert "Vote and subscribe" not in answer.text
    assert (asking.standings(VOTER), counted(asking)) == ({"weekly": "pending"}, VoteCount())


def test_who_only_voted_is_forgotten_in_time_and_the_vote_stays(
    asking: AskingSite, get_link: Callable[..., str]
) -> None:
    link = get_link()
    press(asking, link)
    with asking.app.database.read() as session:
        known = store.find(session, VOTER) is not None
    later = asking.clock() + timedelta(days=8)
    retention.purge(asking.app.database, asking.app.hashes, later)

    assert known
    assert asking.reader(VOTER) is None
    assert counted(asking) == ONE
    assert press(asking, link).status_code == 410
    assert counted(asking) == ONE
