"""The confirmation page: one button, repeated and expired links, languages."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import text

from subscribers import suppression
from subscribers.models import LetterKind, Standing, SuppressionReason
from subscribers.tokens import Hashes, Purpose
from tests.subscribers.web.conftest import Site, hidden

READER = "reader@example.com"


def confirm_path(site: Site, address: str = READER) -> str:
    """Sign up, and return the path of the link in the letter."""
    site.fill_in(address)
    return site.path(site.deliver()[-1].action_url)


def test_signing_up_and_confirming_makes_a_reader(site: Site) -> None:
    path = confirm_path(site)
    assert site.standing(READER) is Standing.PENDING
    answer = site.http.post(path, data=hidden(site.http.get(path).text))
    assert answer.status_code == 200
    assert "You’re subscribed" in answer.text
    assert site.standing(READER) is Standing.CONFIRMED


def test_a_welcome_letter_follows_the_confirmation(site: Site) -> None:
    site.http.post(confirm_path(site))
    letter = site.deliver()[0]
    assert letter.kind is LetterKind.WELCOME
    assert letter.unsubscribe_url.startswith(f"{site.url}/u/")


def test_the_welcome_is_in_the_language_of_the_sign_up(site: Site) -> None:
    site.fill_in(READER, lang="de")
    site.http.post(site.path(site.deliver()[0].action_url), headers={"Accept-Language": "en"})
    assert site.deliver()[0].language == "de"


@pytest.mark.parametrize(("language", "other"), [("en", "de"), ("de", "en")])
def test_every_page_behind_a_letter_is_in_its_language_whatever_the_browser_s(
    site: Site, language: str, other: str
) -> None:
    browser = {"Accept-Language": other}
    said = f'<html lang="{language}">'

    def shown(path: str) -> str:
        page = site.http.get(path, headers=browser).text
        assert said in page, path
        return page.partition("<main>")[2].partition("</main>")[0]

    site.fill_in(READER, lang=language)
    [letter] = site.deliver()
    link = site.path(letter.action_url)
    shown(site.path(letter.decline_url))
    form = hidden(shown(link))
    assert said in site.http.post(link.partition("?")[0], data=form, headers=browser).text
    [welcome] = site.deliver()
    shown(site.path(welcome.unsubscribe_url))
    page = shown(site.path(welcome.preferences_url))
    links = [path for path in re.findall(r'href="(/[^"]*)"', page) if "/data" not in path]
    assert len(links) > 4
    for path in links:
        for back in re.findall(r'href="(/p/[^"]*)"', shown(unescape(path))):
            shown(unescape(back))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_G06_a_scanner_that_fetches_the_link_confirms_nobody(site: Site, method: str) -> None:
    path = confirm_path(site)
    for _ in range(3):
        site.http.request(method, path, headers={"Sec-Purpose": "prefetch"})
    assert site.standing(READER) is Standing.PENDING


def test_G06_the_page_has_one_button_and_no_script(site: Site) -> None:
    page = site.http.get(confirm_path(site)).text
    assert page.count("<button>") == 1
    assert "<script" not in page
    assert "onload" not in page


def test_G07_confirming_twice_says_so_and_sends_one_welcome(site: Site) -> None:
    path = confirm_path(site)
    site.http.post(path)
    again = site.http.post(path)
    assert again.status_code == 200
    assert "already" in again.text
    assert [letter.kind for letter in site.deliver()] == [LetterKind.WELCOME]


def test_G07_a_link_that_has_run_out_explains_itself_and_offers_the_way_on(site: Site) -> None:
    path = confirm_path(site)
    site.clock.advance(hours=49)
    for answer in (site.http.get(path), site.http.post(path)):
        assert answer.status_code == 410
        assert "48 hours" in answer.text
        assert 'href="/subscribe?newsletter=weekly&amp;lang=en"' in answer.text
    assert site.standing(READER) is Standing.PENDING


def test_G07_an_old_link_of_a_reader_says_that_nothing_is_to_do(site: Site) -> None:
    path = confirm_path(site)
    site.http.post(path)
    site.clock.advance(days=30)
    assert "already" in site.http.get(path).text


def test_G07_a_link_older_than_leaving_brings_nobody_back(site: Site) -> None:
    path = confirm_path(site)
    site.http.post(path)
    site.clock.advance(minutes=1)
    site.http.post(site.path(site.deliver()[0].unsubscribe_url))
    answer = site.http.post(path)
    assert "unsubscribed since then" in answer.text
    assert site.standing(READER) is Standing.UNSUBSCRIBED


def test_an_address_suppressed_since_is_not_promised_anything(site: Site, hashes: Hashes) -> None:
    path = confirm_path(site)
    with site.config.sessions.write() as session:
        suppression.suppress(session, READER, SuppressionReason.COMPLAINT, hashes, site.clock.now)
    answer = site.http.post(path)
    assert "We don’t send email to this address" in answer.text
    assert site.standing(READER) is Standing.PENDING
    assert site.deliver() == []


def test_who_left_may_sign_up_again_and_confirm(site: Site) -> None:
    site.http.post(confirm_path(site))
    site.http.post(site.path(site.deliver()[0].unsubscribe_url))
    site.clock.advance(hours=2)
    site.http.post(confirm_path(site))
    assert site.standing(READER) is Standing.CONFIRMED


def test_G07_a_token_for_another_purpose_confirms_nothing(site: Site) -> None:
    site.fill_in(READER)
    subject = f"1:weekly:{int(site.clock.now.timestamp())}"
    for purpose in Purpose:
        if purpose is not Purpose.CONFIRM:
            token = site.config.tokens.sign(purpose, subject)
            assert site.http.post(f"/c/{token}").status_code == 404
    assert site.standing(READER) is Standing.PENDING


def test_G07_a_token_with_a_flipped_bit_confirms_nothing(site: Site) -> None:
    path = confirm_path(site)
    start, token = path[:3], path[3:].partition("?")[0]
    for at in range(0, len(token), 3):
        flipped = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert site.http.post(start + flipped).status_code == 404
    assert site.standing(READER) is Standing.PENDING


def test_a_sign_up_that_is_gone_is_said_before_anything_is_pressed(site: Site) -> None:
    path = confirm_path(site)
    with site.config.sessions.write() as session:
        session.execute(text("DELETE FROM subscription"))
    assert "no longer exists" in site.http.get(path).text


def test_a_sign_up_that_is_gone_explains_itself(site: Site) -> None:
    path = confirm_path(site)
    with site.config.sessions.write() as session:
        session.connection().exec_driver_sql("DELETE FROM subscriber")
    assert "no longer exists" in site.http.post(path).text


def test_the_evidence_says_what_was_agreed_to_and_how_it_was_confirmed(site: Site) -> None:
    site.http.post(confirm_path(site), data={"lang": "de"})
    asked, confirmed = site.rows("consent")
    assert (asked.act, asked.channel, asked.form, asked.language) == ("asked", "form", "page", "en")
    assert (confirmed.act, confirmed.channel, confirmed.language) == ("confirmed", "page", "de")
    assert "Weekly AI Tool Verdicts by email" in site.rows("wording")[0].text
    assert [row.network for row in site.rows("consent_network")] == ["127.0.0.0/24"] * 2


def test_G07_a_link_opened_again_says_that_nothing_is_to_do(site: Site) -> None:
    site.fill_in(READER)
    link = site.path(site.deliver()[0].action_url)
    site.http.post(link)
    again = site.http.get(link)
    assert "already subscribed" in again.text
    assert "<form" not in again.text
