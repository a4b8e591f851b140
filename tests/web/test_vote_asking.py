"""Asking for a link to vote: the form, its answers, the letter, and what nobody learns from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import event, select, update
from sqlmodel import col

from digest.comparisons import editorial
from digest.issues.models import Newsletter
from subscribers import consent, export, lifecycle, store, suppression
from subscribers.address import parse
from subscribers.models import (
    LetterToSend,
    RecordedSignup,
    Standing,
    SuppressionReason,
)
from subscribers.store import Evidence
from tests.subscribers.web.conftest import hidden
from tests.web.asking import PATH, AskingSite, asking_site, radios, text_of
from tests.web.conftest import SLUG, Running

MakeAsking = Callable[..., AskingSite]
VOTER = "voter@example.net"
KNOWN = "ada@example.org"  # confirmed in the stock
CHOICES = (("tool-lintwick", "ship"), ("tool-ravelin-coder-2", "skip"))
JOINS = ("joins", "1")
PRESET = ["tool-lintwick=ship", "tool-ravelin-coder-2=skip"]
KINDS = ("new", "asked again", "pending", "confirmed", "left", "complained", "erased", "bounced")


@pytest.fixture
def make_asking(stock: Path, tmp_path: Path) -> Iterator[MakeAsking]:
    """Return a function that runs a site; options are settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(asking_site(stock, tmp_path, **settings))


@pytest.fixture
def asking(make_asking: MakeAsking) -> AskingSite:
    return make_asking()


def withdraw(site: AskingSite) -> None:
    with site.app.database.write() as session:
        editorial.withdraw(session, SLUG, "It was wrong.", site.clock())


def test_the_form_asks_for_both_tools_the_address_and_the_newsletter(asking: AskingSite) -> None:
    page = asking.http.get(PATH).text

    assert "<h1>Lintwick vs Ravelin Coder 2</h1>" in page
    assert "<legend>Would you ship Lintwick?</legend>" in page
    assert page.count('type="radio"') == 4
    assert 'type="email"' in page
    assert "Do you want Weekly AI Tool Verdicts every Tuesday, too?" in page
    assert "Send me Weekly AI Tool Verdicts by email. I can unsubscribe" in page
    assert "<button>Email me the link to vote</button>" in page
    assert radios(page) == []


def test_a_comparison_s_page_leads_to_the_form(site: Running) -> None:
    page = site.get(f"/comparisons/{SLUG}").text

    assert f'<a href="{PATH}?lang=en">Get a link to vote</a>' in page
    assert "<h1>Lintwick vs Ravelin Coder 2</h1>" in site.get(f"{PATH}?lang=en").text


def test_the_letter_brings_a_link_with_the_choices_preset(asking: AskingSite) -> None:
    answer = asking.ask(VOTER, *CHOICES)
    [letter] = asking.letters()
    page = asking.http.get(asking.link(letter))

    assert answer.status_code == 200
    assert "<h1>Check your inbox</h1>" in answer.text
    assert letter["Subject"] == "Your vote on Lintwick vs Ravelin Coder 2"
    assert letter["To"] == VOTER
    assert "ubscri" not in text_of(letter)
    assert page.status_code == 200
    assert radios(page.text) == PRESET


def test_who_asks_for_a_link_alone_joins_nothing(asking: AskingSite) -> None:
    asking.ask(VOTER)
    asking.letters()

    reader = asking.reader(VOTER)
    assert reader is not None
    assert asking.standings(VOTER) == {}
    with asking.app.database.read() as session:
        assert consent.entries(session, reader.id) == []


def test_who_ticks_the_box_asks_for_both_in_one_letter(asking: AskingSite) -> None:
    asking.ask(VOTER, JOINS, *CHOICES)
    [letter] = asking.letters()

    assert "subscribe to Weekly AI Tool Verdicts" in text_of(letter)
    assert asking.standings(VOTER) == {"weekly": "pending"}
    reader = asking.reader(VOTER)
    assert reader is not None
    with asking.app.database.read() as session:
        [entry] = consent.entries(session, reader.id)
    assert (entry["act"], entry["form"]) == ("asked", "vote")
    assert entry["wording"].startswith("Send me Weekly AI Tool Verdicts by email.")
    assert entry["network"] is not None


def test_an_address_that_is_none_is_refused_and_nothing_is_lost(asking: AskingSite) -> None:
    answer = asking.ask("voter@nowhere", JOINS, *CHOICES)

    assert answer.status_code == 422
    assert 'role="alert" id="fault"' in answer.text
    assert 'value="voter@nowhere"' in answer.text
    assert 'name="joins" value="1" checked' in answer.text
    assert radios(answer.text) == PRESET
    assert asking.letters() == []


def test_a_disposable_address_is_refused(make_asking: MakeAsking, tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("example.net\n")
    site = make_asking(disposable_domains=tmp_path / "domains")

    assert site.ask(VOTER).status_code == 422
    assert site.letters() == []


def test_a_form_sent_too_soon_is_to_be_sent_once_more(asking: AskingSite) -> None:
    answer = asking.ask(VOTER, *CHOICES, wait=0.1)
    again = {**hidden(answer.text), "email": VOTER, "tool-lintwick": "ship"}
    second = asking.http.post(PATH, data=again)

    assert answer.status_code == 200
    assert "press the button again" in answer.text
    assert radios(answer.text) == PRESET
    assert "<h1>Check your inbox</h1>" in second.text
    assert len(asking.letters()) == 1


def test_a_robot_s_form_is_answered_alike_and_sends_nothing(asking: AskingSite) -> None:
    person = asking.ask(VOTER)
    robot = asking.ask("robot@example.net", ("website", "https://example.com"))

    assert (robot.status_code, robot.text) == (person.status_code, person.text)
    assert [letter["To"] for letter in asking.letters()] == [VOTER]


def test_another_site_s_form_sends_nothing(asking: AskingSite) -> None:
    form = hidden(asking.http.get(PATH).text)
    asking.clock.advance(seconds=3)
    answer = asking.http.post(
        PATH, data={**form, "email": VOTER}, headers={"Origin": "https://elsewhere.example"}
    )

    assert "press the button again" in answer.text
    assert asking.letters() == []


def test_a_network_past_its_limit_is_told_to_come_later(make_asking: MakeAsking) -> None:
    site = make_asking(sign_ups_per_network=2)
    first, second, third = (site.ask(f"voter{n}@example{n}.net") for n in range(3))

    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 429)
    assert third.headers["Retry-After"]
    assert "Please try again later" in third.text
    assert len(site.letters()) == 2


def test_past_the_cap_a_harder_proof_leads_on_and_nothing_is_lost(make_asking: MakeAsking) -> None:
    site = make_asking(sign_ups_in_all=1)
    site.ask("first@example.com")
    answer = site.ask(VOTER, JOINS, *CHOICES)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "data-at-once" in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert f'value="{VOTER}"' in answer.text
    assert radios(answer.text) == PRESET


def test_links_to_vote_and_letters_to_confirm_share_one_limit(asking: AskingSite) -> None:
    asking.ask(VOTER)
    form = hidden(asking.http.get("/subscribe").text)
    asking.clock.advance(minutes=10)
    asking.http.post("/subscribe", data={**form, "email": VOTER})

    assert len(asking.letters()) == 1


def test_a_comparison_that_is_not_there_has_no_form(asking: AskingSite) -> None:
    assert asking.http.get("/comparisons/no-such-thing/vote").status_code == 404
    assert asking.http.post("/comparisons/no-such-thing/vote", data={}).status_code == 404
    withdraw(asking)
    gone = asking.http.get(PATH)
    assert gone.status_code == 410
    assert "withdrawn" in gone.text


def test_what_was_withdrawn_meanwhile_is_not_voted_on(asking: AskingSite) -> None:
    asking.ask(VOTER)
    withdraw(asking)

    assert asking.letters() == []


def test_where_no_newsletter_takes_sign_ups_one_can_still_vote(asking: AskingSite) -> None:
    with asking.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(archived_at=asking.clock()))
    page = asking.http.get(PATH).text
    answer = asking.ask(VOTER, JOINS)

    assert 'name="joins"' not in page
    assert "<h1>Check your inbox</h1>" in answer.text
    assert len(asking.letters()) == 1
    assert asking.standings(VOTER) == {}


def test_a_reader_who_asks_keeps_their_subscription(asking: AskingSite) -> None:
    asking.ask(KNOWN)
    [letter] = asking.letters()
    asking.http.post(asking.link(letter, "/n/"), data={"page": "1"})

    assert asking.standings(KNOWN) == {"weekly": "confirmed"}


def test_who_says_it_was_not_them_is_forgotten_and_asked_no_more(asking: AskingSite) -> None:
    asking.ask(VOTER)
    [letter] = asking.letters()
    asking.http.post(asking.link(letter, "/n/"), data={"page": "1"})
    asking.clock.advance(days=2)

    assert asking.reader(VOTER) is None
    assert "<h1>Check your inbox</h1>" in asking.ask(VOTER).text
    assert asking.letters() == []


def test_a_reader_who_only_asked_is_shown_and_told_all_that_is_kept(asking: AskingSite) -> None:
    asking.ask(VOTER)
    asking.letters()
    reader = asking.reader(VOTER)
    assert reader is not None
    with asking.app.database.read() as session:
        kept = export.person(session, reader.id)

    assert (kept["address"], kept["subscriptions"], kept["consent"]) == (VOTER, [], [])
    assert [letter["kind"] for letter in kept["letters"]] == ["vote"]


def test_in_german_form_answer_and_letter_are_german(asking: AskingSite) -> None:
    page = asking.http.get(f"{PATH}?lang=de").text
    answer = asking.ask(VOTER, JOINS, *CHOICES, lang="de")
    [letter] = asking.letters()

    assert '<html lang="de">' in page
    assert "Möchten Sie auch Weekly AI Tool Verdicts, jeden Dienstag?" in page
    assert "Erst dann haben Sie abgestimmt." in answer.text
    assert letter["Subject"] == "Ihre Stimme zu Lintwick vs Ravelin Coder 2"
    assert "lang=de" in asking.link(letter)


@pytest.fixture
def prepare(asking: AskingSite) -> Callable[[str, str], None]:
    """Return a function that makes an address one of the kinds."""
    now, hashes = asking.clock.now, asking.app.hashes

    def prepare(kind: str, address: str) -> None:
        if kind == "asked again":
            asking.ask(address)
        standing = Standing.UNSUBSCRIBED if kind == "left" else Standing.CONFIRMED
        standing = Standing.PENDING if kind == "pending" else standing
        with asking.app.database.write() as session:
            if kind in ("new", "asked again"):
                return
            number = store.add(session, parse(address), now)
            store.join(session, number, "weekly", standing, now, source="form")
            reasons = {
                "complained": SuppressionReason.COMPLAINT,
                "bounced": SuppressionReason.HARD_BOUNCE,
            }
            if kind in reasons:
                suppression.suppress(session, address, reasons[kind], hashes, now)
            if kind == "erased":
                lifecycle.erase(session, number, Evidence(channel="page"), hashes, now)

    return prepare


def test_H12_no_answer_and_no_statement_shows_whether_an_address_is_known(
    asking: AskingSite, prepare: Callable[[str, str], None]
) -> None:
    form = hidden(asking.http.get(PATH).text)
    asking.clock.advance(seconds=3)
    ran: list[str] = []
    event.listen(
        asking.app.database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: ran.append(statement),
    )
    asking.http.post(PATH, data={**form, "email": "warm.up@example.net"})
    seen, found = set(), {}
    for kind in KINDS:
        address = f"{kind.replace(' ', '.')}@example.com"
        prepare(kind, address)
        ran.clear()
        answer = asking.http.post(PATH, data={**form, "email": address, "joins": "1"})
        headers = tuple(pair for pair in answer.headers.items() if pair[0] != "date")
        seen.add((answer.status_code, headers, answer.text))
        found[kind] = tuple(ran)

    assert len(seen) == 1
    assert len(set(found.values())) == 1


def test_the_wish_is_only_recorded_while_somebody_waits(asking: AskingSite) -> None:
    asking.ask(VOTER, *CHOICES)

    with asking.app.database.read() as session:
        [recorded] = session.execute(select(RecordedSignup)).scalars()
        letters = session.execute(select(col(LetterToSend.id))).all()
    assert (recorded.joins, recorded.wording, recorded.seen_from) == (False, "", None)
    assert letters == []
