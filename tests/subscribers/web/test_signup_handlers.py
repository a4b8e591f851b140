"""The sign-up handlers: form and JSON, letters, languages and refusals."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from subscribers import suppression
from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.audience import audience
from subscribers.letter_queue import send_waiting
from subscribers.models import LetterKind, LetterState, SendOutcome, Standing, SuppressionReason
from subscribers.tokens import Hashes, Purpose
from subscribers.web import routes
from tests.subscribers.conftest import NEWSLETTER, MakeReader
from tests.subscribers.web.conftest import INFO, Site, hidden

READER = "reader@example.com"
INBOX = "Check your inbox"


def test_the_form_works_without_script_and_says_what_one_agrees_to(site: Site) -> None:
    page = site.http.get("/subscribe").text
    assert "<script" not in page
    assert 'type="email"' in page
    assert "I can unsubscribe at any time" in page
    assert 'href="/issues/3"' in page


def test_signing_up_sends_one_letter_and_makes_nobody_a_reader(site: Site) -> None:
    answer = site.fill_in(READER)
    assert INBOX in answer.text
    assert site.standing(READER) is Standing.PENDING
    assert [letter.kind for letter in site.deliver()] == [LetterKind.CONFIRM]


def test_the_address_is_kept_as_given_and_mailed_in_ascii(site: Site) -> None:
    site.fill_in("Reader@münchen.de")
    assert site.deliver()[0].address == "Reader@xn--mnchen-3ya.de"


def test_a_bad_address_is_refused_with_the_reason_and_stays_in_the_field(site: Site) -> None:
    answer = site.fill_in('reader"@example.com')
    assert answer.status_code == 422
    assert "Quotation marks" in answer.text
    assert 'value="reader&#34;@example.com"' in answer.text


def test_a_reader_who_signs_up_again_stays_one_and_is_told_by_letter_only(
    site: Site, make_reader: MakeReader
) -> None:
    with site.config.sessions.write() as session:
        make_reader(session, READER)
    assert INBOX in site.fill_in(READER).text
    assert site.standing(READER) is Standing.CONFIRMED
    assert [letter.kind for letter in site.deliver()] == [LetterKind.ALREADY]


def test_somebody_else_signing_up_who_left_does_not_undo_that(
    site: Site, make_reader: MakeReader
) -> None:
    with site.config.sessions.write() as session:
        make_reader(session, READER, Standing.UNSUBSCRIBED)
    site.fill_in(READER)
    assert site.standing(READER) is Standing.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("reason", "age_days", "letters"),
    [
        (SuppressionReason.ERASED, 0, 1),
        (SuppressionReason.HARD_BOUNCE, 1, 0),
        (SuppressionReason.HARD_BOUNCE, 31, 1),
        (SuppressionReason.COMPLAINT, 400, 0),
        (SuppressionReason.PROVIDER, 400, 0),
        (SuppressionReason.MANUAL, 400, 0),
    ],
)
def test_a_suppressed_address_gets_the_same_page_and_a_letter_only_if_it_may_return(
    site: Site, hashes: Hashes, reason: SuppressionReason, age_days: int, letters: int
) -> None:
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, reason, hashes, site.clock.now)
    site.clock.advance(days=age_days)
    assert INBOX in site.fill_in(READER).text
    assert len(site.deliver()) == letters


def test_an_erased_reader_who_confirms_again_may_be_mailed_again(
    site: Site, hashes: Hashes
) -> None:
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, SuppressionReason.ERASED, hashes, site.clock.now)
    site.fill_in(READER)
    site.http.post(site.path(site.deliver()[0].action_url))
    with site.config.sessions.read() as session:
        found = session.execute(audience("weekly", site.clock.now)).one()
    assert (found.standing, found.exclusion) == (Standing.CONFIRMED, None)


def test_H07_the_letter_holds_nothing_the_visitor_typed_but_the_address(site: Site) -> None:
    advert = "Buy now at https://spam.example"
    site.fill_in(READER, name=advert, first_name=advert, form="spam.example/buy?now")
    letter = site.deliver()[0]
    assert "spam" not in f"{letter.action_url} {letter.newsletter} {letter.language}"


def test_H06_a_line_end_in_the_address_reaches_nobody(site: Site) -> None:
    for break_ in ("\r\n", "\n", "%0d%0a", "\u2028"):
        answer = site.fill_in(f"reader@example.com{break_}Bcc: other@example.com")
        assert answer.status_code == 422
    assert site.deliver() == []


def test_H09_links_come_from_the_settings_whatever_the_host_header_says(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(base_url="https://news.example.com")
    spoofed = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example",
    }
    form = hidden(site.http.get("/subscribe", headers=spoofed).text)
    site.clock.advance(seconds=3)
    site.http.post("/subscribe", data={**form, "email": READER}, headers=spoofed)
    assert site.deliver()[0].action_url.startswith("https://news.example.com/c/")


# What stops a flood


def test_G09_a_victim_gets_one_letter_in_the_window_however_often_it_is_asked_for(
    site: Site,
) -> None:
    for _ in range(50):
        assert INBOX in site.fill_in(READER, wait=2).text
    assert len(site.deliver()) == 1
    assert len(site.rows("consent")) == 1


def test_G09_a_victim_gets_three_letters_a_day_at_most(site: Site) -> None:
    for _ in range(20):
        site.fill_in(READER)
        site.clock.advance(hours=1)
    assert len(site.deliver()) <= 3


def test_G09_a_mailbox_gets_one_letter_however_its_address_is_spelled(site: Site) -> None:
    tagged = [f"bombed+{n}@gmail.com" for n in range(100)]
    dotted = ["b.ombed@gmail.com", "bom.bed@googlemail.com", "B.O.M.B.E.D@Gmail.com"]
    for spelling in (*tagged, *dotted):
        assert INBOX in site.fill_in(spelling, wait=2).text
    assert len(site.deliver()) == 1


def test_G09_one_network_is_stopped_and_told_to_come_later(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(limits=RateLimits(network=RateLimit(5, 3600)))
    answers = [site.fill_in(f"reader{n}@example{n}.com") for n in range(8)]
    assert [one.status_code for one in answers] == [200] * 5 + [429] * 3
    assert answers[-1].headers["retry-after"] == "3600"
    assert len(site.deliver()) == 5


@pytest.mark.parametrize("path", ["/subscribe", "/subscribe/frame", "/api/subscribe"])
def test_G09_who_goes_on_waits_for_each_answer(make_site: Callable[..., Site], path: str) -> None:
    site = make_site(limits=RateLimits(network=RateLimit(1, 3600)), hold=3600.0)
    statuses = [site.fill_in(f"reader{n}@example{n}.com").status_code for n in range(2)]
    assert statuses == [200, 429]

    async def go_on() -> None:
        transport = httpx2.ASGITransport(app=Starlette(routes=routes(site.config)))
        async with httpx2.AsyncClient(transport=transport, base_url=site.url) as http:
            asked = asyncio.ensure_future(http.post(path, json={"email": READER}))
            async with asyncio.timeout(10):
                while not site.config.flood_guard.held:
                    await asyncio.sleep(0)
            assert not asked.done()
            asked.cancel()

    asyncio.run(go_on())


def test_G09_a_restart_does_not_forget_the_counts(make_site: Callable[..., Site]) -> None:
    limits = RateLimits(network=RateLimit(5, 3600))
    for n in range(5):
        make_site(limits=limits).fill_in(f"reader{n}@example{n}.com")
    assert make_site(limits=limits).fill_in("one.more@example.com").status_code == 429


def test_G09_the_network_may_ask_again_after_the_window(make_site: Callable[..., Site]) -> None:
    limits = RateLimits(network=RateLimit(1, 3600))
    make_site(limits=limits).fill_in("a@example.com")
    site = make_site(limits=limits)
    site.clock.advance(hours=1)
    assert site.fill_in("b@example.com").status_code == 200


def test_G09_many_addresses_of_one_domain_are_stopped(make_site: Callable[..., Site]) -> None:
    site = make_site(limits=RateLimits(domain=RateLimit(3, 3600), network=RateLimit(100, 3600)))
    answers = [site.fill_in(f"reader{n}@victim.example.com") for n in range(5)]
    assert [one.status_code for one in answers] == [200] * 3 + [429] * 2


def test_G09_a_mailbox_provider_is_no_single_domain(make_site: Callable[..., Site]) -> None:
    site = make_site(limits=RateLimits(domain=RateLimit(3, 3600), network=RateLimit(100, 3600)))
    answers = [site.fill_in(f"reader{n}@gmail.com") for n in range(5)]
    assert {one.status_code for one in answers} == {200}


def test_G09_many_networks_together_are_stopped_too(make_site: Callable[..., Site]) -> None:
    site = make_site(limits=RateLimits(everyone=RateLimit(4, 3600)))
    answers = [site.fill_in(f"reader{n}@example{n}.com") for n in range(6)]
    assert [one.status_code for one in answers] == [200] * 4 + [429] * 2


def test_G09_what_was_stopped_is_counted(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.fill_in(READER)
    for _ in range(3):
        site.fill_in(READER)
    assert {row.reason: row.count for row in site.rows("stopped")} == {
        "let in": 1,
        "address": 3,
    }


def test_a_robot_that_fills_in_the_hidden_field_is_thanked_and_ignored(site: Site) -> None:
    assert INBOX in site.fill_in(READER, website="https://spam.example").text
    assert site.rows("subscriber") == []


@pytest.mark.parametrize(
    "change",
    [{"token": ""}, {"token": "made-up"}],
    ids=["missing", "made-up"],
)
def test_a_form_that_is_not_ours_is_shown_once_more(site: Site, change: dict[str, Any]) -> None:
    answer = site.fill_in(READER, **change)
    assert "press the button again" in answer.text
    assert site.rows("subscriber") == []
    site.clock.advance(seconds=3)
    again = site.http.post("/subscribe", data={**hidden(answer.text), "email": READER})
    assert INBOX in again.text


def test_a_form_sent_too_fast_need_only_be_sent_again_however_soon(site: Site) -> None:
    early = site.fill_in(READER, wait=0.5)
    assert "press the button again" in early.text
    assert INBOX in site.http.post("/subscribe", data={**hidden(early.text), "email": READER}).text


def test_a_form_that_was_sent_once_is_no_pass_for_other_addresses(site: Site) -> None:
    form = hidden(site.fill_in(READER, wait=0.5).text)
    for address in ("a@example.org", "b@example.net"):
        answer = site.http.post("/subscribe", data={**form, "email": address})
        assert "press the button again" in answer.text
    assert site.rows("sign_up_asked") == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_kept_as_the_wording_is_what_the_form_said(site: Site, language: str) -> None:
    told = site.http.get("/api/subscribe", params={"lang": language}).json()
    site.clock.advance(seconds=3)
    sent = {"email": READER, "newsletter": "weekly", "token": told["token"]}
    assert site.http.post("/api/subscribe", json=sent).status_code == 202
    site.take_in()
    assert [row.form for row in site.rows("consent")] == ["api"]
    assert [row.text for row in site.rows("wording")] == [told["wording"]]
    assert [row.language for row in site.rows("consent")] == [language]


@pytest.mark.parametrize("change", [{"name": "Daily Casino Offers"}, {"slug": "other"}])
def test_a_form_that_said_something_else_is_shown_once_more(
    make_site: Callable[..., Site], change: dict[str, Any]
) -> None:
    offers = {NEWSLETTER: INFO}
    site = make_site(newsletters=offers)
    form = hidden(site.http.get("/subscribe").text)
    offers[NEWSLETTER] = replace(INFO, **change)
    site.clock.advance(seconds=3)
    answer = site.http.post("/subscribe", data={**form, "email": READER})
    assert "press the button again" in answer.text
    assert site.rows("sign_up_asked") == []


def test_a_form_filled_in_faster_than_a_person_can_is_shown_once_more(site: Site) -> None:
    assert "press the button again" in site.fill_in(READER, wait=0.5).text


def test_a_form_left_open_overnight_is_shown_once_more(site: Site) -> None:
    assert "press the button again" in site.fill_in(READER, wait=12 * 3600).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": ""},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://shop.example.com"},
    ],
)
def test_a_form_sent_by_another_site_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    form = hidden(site.http.get("/subscribe").text)
    site.clock.advance(seconds=3)
    answer = site.http.post("/subscribe", data={**form, "email": READER}, headers=headers)
    assert "press the button again" in answer.text
    assert site.rows("subscriber") == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}],
)
def test_a_form_of_our_own_is_taken(site: Site, headers: dict[str, str]) -> None:
    form = hidden(site.http.get("/subscribe").text)
    site.clock.advance(seconds=3)
    answer = site.http.post("/subscribe", data={**form, "email": READER}, headers=headers)
    assert INBOX in answer.text


def test_throw_away_domains_are_refused_where_that_is_set(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(disposable=frozenset({"mailinator.com"}))
    for domain in ("mailinator.com", "inbox.mailinator.com"):
        assert "throwaway" in site.fill_in(f"reader@{domain}").text
    assert site.rows("subscriber") == []


# The other ways in


def test_the_form_for_other_sites_needs_one_more_press_of_a_button(site: Site) -> None:
    snippet = site.http.get("/subscribe/snippet").text
    assert f'action="{site.url}/subscribe"' in snippet
    assert "<script" not in snippet
    assert f'href="{site.url}/privacy?newsletter=weekly&amp;lang=en"' in snippet
    foreign = site.http.post(
        "/subscribe",
        data={**hidden(snippet), "email": READER},
        headers={"Origin": "https://blog.example", "Sec-Fetch-Site": "cross-site"},
    )
    site.clock.advance(seconds=3)
    assert f'value="{READER}"' in foreign.text
    assert (
        INBOX in site.http.post("/subscribe", data={**hidden(foreign.text), "email": READER}).text
    )
    assert site.rows("subscription")[0].source == "embed"


def test_the_form_works_inside_a_frame(site: Site) -> None:
    form = hidden(site.http.get("/subscribe/frame").text)
    site.clock.advance(seconds=3)
    answer = site.http.post("/subscribe/frame", data={**form, "email": READER})
    assert INBOX in answer.text


LOCKED_IN = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(("path", "presses"), [("/subscribe/frame", 1), ("/subscribe", 2)])
def test_a_form_that_is_locked_in_says_where_to_sign_up_and_asks_no_more(
    site: Site, path: str, presses: int
) -> None:
    page = site.http.get(path)
    for _ in range(presses):
        site.clock.advance(seconds=3)
        sent = {**hidden(page.text), "email": READER}
        page = site.http.post(path, data=sent, headers=LOCKED_IN)
    assert f"<p>{site.url}/subscribe?newsletter=weekly&amp;lang=en</p>" in page.text
    assert "<form" not in page.text
    assert site.rows("sign_up_asked") == []


def test_a_program_signs_up_by_json(site: Site) -> None:
    offer = site.http.get("/api/subscribe").json()
    site.clock.advance(seconds=offer["wait_seconds"])
    answer = site.http.post("/api/subscribe", json={"token": offer["token"], "email": READER})
    assert (answer.status_code, answer.json()) == (202, {"status": "inbox"})
    assert len(site.deliver()) == 1


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"token": ""}, 409, "again"),
        ({"email": "nobody"}, 422, "fault"),
        ({"website": "x"}, 202, "inbox"),
        ({"newsletter": "unknown"}, 404, "unknown newsletter"),
    ],
)
def test_every_check_is_made_on_the_json_route(
    site: Site, change: dict[str, str], status: int, told: str
) -> None:
    offer = site.http.get("/api/subscribe").json()
    site.clock.advance(seconds=3)
    fields = {"token": offer["token"], "email": READER, **change}
    answer = site.http.post("/api/subscribe", json=fields)
    assert (answer.status_code, answer.json()["status"]) == (status, told)
    assert site.rows("subscriber") == []


def test_the_json_route_shares_the_counts_of_the_form(make_site: Callable[..., Site]) -> None:
    site = make_site(limits=RateLimits(network=RateLimit(1, 3600)))
    site.fill_in(READER)
    offer = site.http.get("/api/subscribe").json()
    site.clock.advance(seconds=3)
    fields = {"token": offer["token"], "email": "other@example.com"}
    assert site.http.post("/api/subscribe", json=fields).status_code == 429


def test_a_form_of_another_site_cannot_use_the_json_route(site: Site) -> None:
    body = json.dumps({"email": READER}).encode()
    answer = site.http.post("/api/subscribe", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_the_page_speaks_the_readers_language(site: Site) -> None:
    german = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
    page = site.http.get("/subscribe", headers=german).text
    assert '<html lang="de">' in page
    assert "Ihre E-Mail-Adresse" in page
    site.clock.advance(seconds=3)
    answer = site.http.post("/subscribe", data={**hidden(page), "email": READER})
    assert "Sehen Sie in Ihr Postfach" in answer.text
    assert site.deliver()[0].language == "de"


def test_a_newsletter_nobody_knows_is_no_page(site: Site) -> None:
    assert site.http.get("/subscribe?newsletter=unknown").status_code == 404


# Letters


def test_G10_a_letter_in_doubt_is_not_tried_again_and_may_be_asked_for_later(site: Site) -> None:
    site.letters.answer = SendOutcome.IN_DOUBT
    site.fill_in(READER)
    assert len(site.deliver()) == 1
    assert site.deliver() == []
    site.letters.answer = SendOutcome.ACCEPTED
    site.clock.advance(hours=1)
    site.fill_in(READER)
    assert len(site.deliver()) == 1
    assert [row.state for row in site.rows("letter_to_send")] == [
        LetterState.IN_DOUBT.value,
        LetterState.SENT.value,
    ]


def test_a_letter_that_could_not_leave_is_tried_again(site: Site) -> None:
    site.letters.answer = SendOutcome.NOT_SENT
    site.fill_in(READER)
    site.deliver()
    site.letters.answer = SendOutcome.ACCEPTED
    assert len(site.deliver()) == 1


def test_G10_a_letter_cut_off_by_a_crash_is_in_doubt_and_not_sent_again(site: Site) -> None:
    class Crash(Exception):
        """The process is gone."""

    class CrashingPost:
        def send(self, letter: object) -> SendOutcome:
            raise Crash

    site.fill_in(READER)
    site.take_in()
    front = site.config
    with pytest.raises(Crash):
        send_waiting(front.sessions, CrashingPost(), front.links, front.hashes, site.clock)
    site.clock.advance(minutes=11)
    assert site.deliver() == []
    assert site.rows("letter_to_send")[0].state == LetterState.IN_DOUBT.value


def test_a_sign_up_is_processed_by_itself_and_wakes_the_letter_worker(
    make_site: Callable[..., Site],
) -> None:
    told = threading.Event()
    make_site(pause=0.0, on_letter=told.set).fill_in(READER)
    assert told.wait(10)


def test_sign_ups_that_a_crash_left_are_processed_later(site: Site) -> None:
    site.fill_in(READER)
    assert len(site.deliver()) == 1  # the site's own turn never came


def test_while_the_store_is_out_of_order_nobody_is_promised_a_letter(
    make_site: Callable[..., Site],
) -> None:
    class Unreachable:
        def read(self) -> None:
            raise OperationalError("SELECT", None, Exception("the disk is full"))

        write = read

    answer = make_site(sessions=Unreachable()).fill_in(READER)
    assert answer.status_code == 503
    assert INBOX not in answer.text


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("POST", b"{", 400),
        ("POST", b"[]", 400),
        ("POST", b"[" * 10_000, 400),
        ("POST", b"x" * 20_000, 413),
        ("PUT", b"", 405),
    ],
)
def test_a_program_is_answered_in_json_whatever_it_sends(
    site: Site, method: str, body: bytes, status: int
) -> None:
    asked = {"content-type": "application/json"}
    answer = site.http.request(method, "/api/subscribe", content=body, headers=asked)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert list(answer.json()) == ["status"]


def test_a_form_of_an_earlier_version_is_shown_once_more(site: Site) -> None:
    moment = int(site.clock.now.timestamp() * 1000) - 60_000
    token = site.config.tokens.sign(Purpose.FORM, f"weekly:{moment}")
    answer = site.http.post("/subscribe", data={"email": READER, "token": token})
    assert answer.status_code == 200
    assert "press the button again" in answer.text
