"""Soft caps by domain and in total: a longer proof of work passes them, nobody is locked out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from subscribers import suppression
from subscribers.abuse_prevention.proof_of_work import ProofOfWork
from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.models import Standing, SuppressionReason
from subscribers.tokens import Hashes
from tests.subscribers.abuse_prevention.test_proof_of_work import SECRET, solve
from tests.subscribers.conftest import MakeReader
from tests.subscribers.web.conftest import Site, hidden

CAP = 3
WIDE = RateLimit(100_000, 3600)
USUAL, HARDER = ProofOfWork(secrets=[SECRET], most=300), ProofOfWork(secrets=[SECRET], most=2_000)
CAPS = {
    "domain": RateLimits(domain=RateLimit(CAP, 3600), network=WIDE, everyone=WIDE),
    "everyone": RateLimits(domain=WIDE, network=WIDE, everyone=RateLimit(CAP, 3600)),
}
INBOX = "inbox"
COLLEAGUE = "colleague@victim.example.com"


@pytest.fixture(params=sorted(CAPS))
def full(request: pytest.FixtureRequest, make_site: Callable[..., Site]) -> Site:
    """A site on which a cap was reached a moment ago."""
    site = make_site(limits=CAPS[request.param], harder=HARDER)
    for n in range(CAP):
        assert site.fill_in(f"x{n}@victim.example.com").status_code == 200
    return site


def asked(page: str) -> dict[str, Any]:
    match = re.search(r'data-proof="([^"]*)"', page)
    assert match is not None
    challenge: dict[str, Any] = json.loads(unescape(match[1]))
    return challenge


def go_on(site: Site, response: httpx2.Response, email: str = COLLEAGUE) -> httpx2.Response:
    """Solve the harder proof of work, and send the form again, as the script does."""
    fields = {**hidden(response.text), "altcha": solve(asked(response.text)), "email": email}
    return site.http.post("/subscribe", data=fields)


def test_G09_past_a_cap_the_harder_proof_leads_on(full: Site) -> None:
    response = full.fill_in(COLLEAGUE)
    assert (response.status_code, response.headers["retry-after"]) == (429, "3600")
    assert full.standing(COLLEAGUE) is None
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert f'value="{COLLEAGUE}"' in response.text
    answer = go_on(full, response)
    assert answer.status_code == 200
    assert INBOX in answer.text
    assert full.standing(COLLEAGUE) is Standing.PENDING


def test_G09_however_many_pass_by_proof_of_work_the_next_one_does_too(full: Site) -> None:
    for n in range(3 * CAP):
        email = f"late{n}@victim.example.com"
        assert go_on(full, full.fill_in(email), email).status_code == 200


def test_a_proof_of_work_leads_past_the_cap_once(full: Site) -> None:
    response = full.fill_in(COLLEAGUE)
    fields = {**hidden(response.text), "altcha": solve(asked(response.text))}
    full.clock.advance(seconds=3)
    for email in (COLLEAGUE, "other@victim.example.com"):
        full.http.post("/subscribe", data={**fields, "email": email})
    assert full.standing(COLLEAGUE) is Standing.PENDING
    assert full.standing("other@victim.example.com") is None


def test_the_usual_proof_of_work_does_not_lead_past_a_cap(make_site: Callable[..., Site]) -> None:
    site = make_site(limits=CAPS["domain"], proof=USUAL, harder=HARDER)

    def with_usual_sum(email: str) -> httpx2.Response:
        page = site.http.get("/subscribe").text
        site.clock.advance(seconds=3)
        fields = {**hidden(page), "altcha": solve(asked(page)), "email": email}
        return site.http.post("/subscribe", data=fields)

    statuses = [with_usual_sum(f"x{n}@victim.example.com").status_code for n in range(CAP)]
    response = with_usual_sum(COLLEAGUE)
    assert [*statuses, response.status_code] == [200] * CAP + [429]
    assert go_on(site, response).status_code == 200  # and it counts for the usual one as well


def test_one_network_is_turned_away_whatever_it_calculates(make_site: Callable[..., Site]) -> None:
    limits = RateLimits(domain=RateLimit(1, 3600), network=RateLimit(2, 3600))
    site = make_site(limits=limits, harder=HARDER)
    site.fill_in("a@victim.example.com")
    response = site.fill_in("b@victim.example.com")
    assert go_on(site, response, "b@victim.example.com").status_code == 429
    assert site.standing("b@victim.example.com") is None


def test_who_has_no_script_is_told_what_to_do(full: Site) -> None:
    english, german = (full.fill_in(COLLEAGUE, lang=one).text for one in ("en", "de"))
    assert re.search(r"<noscript>.*Without it, please try again in an hour", english)
    assert re.search(r"<noscript>.*in einer Stunde noch einmal", german)
    full.clock.advance(hours=1)
    assert full.fill_in(COLLEAGUE).status_code == 200


def test_where_no_browser_could_do_the_proof_of_work_a_cap_is_a_wall(
    make_site: Callable[..., Site],
) -> None:
    site = make_site(limits=CAPS["everyone"])
    answers = [site.fill_in(f"x{n}@example{n}.com") for n in range(CAP + 1)]
    assert answers[-1].status_code == 429
    assert "data-proof" not in answers[-1].text


def test_a_program_is_given_the_harder_proof_too(full: Site) -> None:
    offer = full.http.get("/api/subscribe").json()
    full.clock.advance(seconds=3)
    sent = {"email": COLLEAGUE, "newsletter": "weekly", "token": offer["token"]}
    response = full.http.post("/api/subscribe", json=sent)
    assert (response.status_code, response.json()["status"]) == (429, "later")
    done = full.http.post(
        "/api/subscribe", json={**sent, "altcha": solve(response.json()["proof"])}
    )
    assert (done.status_code, done.json()) == (202, {"status": "inbox"})


def test_H12_past_a_cap_every_kind_of_address_is_told_the_same(
    full: Site, make_reader: MakeReader, hashes: Hashes
) -> None:
    def address(kind: str) -> str:
        return f"{kind}@victim.example.com"

    with full.config.sessions.write() as session:
        for standing in (Standing.PENDING, Standing.CONFIRMED, Standing.UNSUBSCRIBED):
            make_reader(session, address(standing), standing)
        for reason in (SuppressionReason.COMPLAINT, SuppressionReason.ERASED):
            now = full.clock.now
            suppression.suppress(session, address(reason), reason, hashes, now)
    kinds = ("new", "pending", "confirmed", "unsubscribed", "complaint", "erased")
    response, after = set(), set()
    for kind in kinds:
        first = full.fill_in(address(kind))
        answer = go_on(full, first, address(kind))
        response.add((first.status_code, re.sub(r' (data-proof|value)="[^"]*"', "", first.text)))
        after.add((answer.status_code, answer.text))
    assert [status for status, _ in response] == [429]
    assert len(after) == 1


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/subscribe", "/subscribe/frame"])
def test_a_browser_does_the_harder_proof_and_goes_on_by_itself(
    full: Site, browser: Browser, path: str
) -> None:
    page = browser.new_page()
    page.goto(f"{full.url}{path}")
    full.clock.advance(seconds=3)
    page.get_by_label("Your email address").fill(COLLEAGUE)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=INBOX).wait_for()
    page.close()
    assert full.standing(COLLEAGUE) is Standing.PENDING


@pytest.mark.browser
def test_a_browser_without_script_says_when_to_try_again(full: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{full.url}/subscribe")
    full.clock.advance(seconds=3)
    page.get_by_label("Your email address").fill(COLLEAGUE)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    shown = page.locator("main").inner_text()
    context.close()
    assert "in an hour" in shown
