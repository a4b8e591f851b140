"""Proof of work on the form and the JSON route, by real HTTP and in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser

from subscribers.abuse_prevention.proof_of_work import ProofOfWork
from subscribers.models import Standing
from tests.subscribers.abuse_prevention.test_proof_of_work import SECRET, solve
from tests.subscribers.web.conftest import Site, hidden

READER, OTHER = "reader@example.com", "other@example.com"
INBOX = "Check your inbox"
SCRIPT = "/subscribe/proof.js"


@pytest.fixture
def guarded(make_site: Callable[..., Site]) -> Site:
    return make_site(proof=ProofOfWork(secrets=[SECRET], most=300))


def asked(page: str) -> dict[str, Any]:
    """Return the challenge in a page's form."""
    match = re.search(r'data-proof="([^"]*)"', page)
    assert match is not None
    challenge: dict[str, Any] = json.loads(unescape(match[1]))
    return challenge


def opened(site: Site) -> dict[str, str]:
    """Open the form and solve its proof of work; return the fields to send."""
    page = site.http.get("/subscribe").text
    site.clock.advance(seconds=3)
    return {**hidden(page), "altcha": solve(asked(page))}


def send(site: Site, fields: dict[str, str], email: str) -> httpx2.Response:
    return site.http.post("/subscribe", data={**fields, "email": email})


def test_no_page_asks_for_a_proof_of_work_unless_it_is_switched_on(site: Site) -> None:
    answer = site.http.get("/subscribe")
    assert "script" not in answer.text
    assert "data-proof" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "proof" not in site.http.get("/api/subscribe").json()


def test_who_did_the_proof_of_work_is_signed_up(guarded: Site) -> None:
    assert INBOX in send(guarded, opened(guarded), READER).text
    assert guarded.standing(READER) is Standing.PENDING


@pytest.mark.parametrize("answer", ["", "none", "e30="])
def test_who_did_not_is_shown_the_form_again_with_a_new_proof_of_work(
    guarded: Site, answer: str
) -> None:
    fields = opened(guarded)
    response = send(guarded, {**fields, "altcha": answer}, READER)
    assert "press the button again" in response.text
    assert asked(response.text)["challenge"] not in json.dumps(fields)
    assert guarded.standing(READER) is None


def test_a_proof_of_work_counts_once_for_whomever(guarded: Site) -> None:
    fields = opened(guarded)
    assert INBOX in send(guarded, fields, READER).text
    assert INBOX not in send(guarded, fields, OTHER).text
    assert guarded.standing(OTHER) is None


def test_a_proof_of_work_is_spent_even_on_an_address_that_rests(guarded: Site) -> None:
    send(guarded, opened(guarded), READER)
    fields = opened(guarded)
    assert INBOX in send(guarded, fields, READER).text  # the answer tells nothing of the rest
    assert INBOX not in send(guarded, fields, OTHER).text


def test_a_spent_proof_of_work_stays_spent_after_a_restart(
    guarded: Site, make_site: Callable[..., Site]
) -> None:
    fields = opened(guarded)
    send(guarded, fields, READER)
    again = make_site(proof=ProofOfWork(secrets=[SECRET], most=300))
    assert INBOX not in send(again, fields, OTHER).text


def test_a_proof_of_work_made_for_one_moment_is_no_good_much_later(guarded: Site) -> None:
    fields = opened(guarded)
    guarded.clock.advance(hours=6)
    fresh = hidden(guarded.http.get("/subscribe").text)
    guarded.clock.advance(seconds=3)
    assert INBOX not in send(guarded, {**fresh, "altcha": fields["altcha"]}, READER).text


def test_what_the_proof_of_work_stopped_is_counted(guarded: Site) -> None:
    fields = opened(guarded)
    send(guarded, fields, READER)
    send(guarded, fields, OTHER)
    counts = {reason: number for _, reason, number in guarded.rows("stopped")}
    assert counts["puzzle"] == 1


def test_the_json_route_asks_for_the_proof_of_work_too(guarded: Site) -> None:
    response = guarded.http.get("/api/subscribe").json()
    guarded.clock.advance(seconds=3)
    sent = {"email": READER, "newsletter": "weekly", "token": response["token"]}
    assert guarded.http.post("/api/subscribe", json=sent).status_code == 409
    done = {**sent, "altcha": solve(response["proof"])}
    assert guarded.http.post("/api/subscribe", json=done).json() == {"status": "inbox"}
    assert guarded.http.post("/api/subscribe", json=done).status_code == 409


def test_a_form_on_another_site_leads_to_the_proof_of_work(guarded: Site) -> None:
    response = send(guarded, {"newsletter": "weekly", "form": "embed"}, READER)
    assert asked(response.text)
    assert READER in response.text


def test_the_script_is_ours_and_may_run_only_where_a_form_needs_it(guarded: Site) -> None:
    script = guarded.http.get(SCRIPT)
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert len(script.content) < 3_000
    for path, runs in (("/subscribe", True), ("/subscribe/frame", True), ("/u/bad", False)):
        policy = guarded.http.get(path).headers["content-security-policy"]
        assert policy.endswith("; script-src 'self'") is runs


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/subscribe", "/subscribe/frame"])
def test_a_browser_does_the_proof_of_work_by_itself(
    guarded: Site, browser: Browser, path: str
) -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{guarded.url}{path}")
    guarded.clock.advance(seconds=3)
    page.get_by_label("Your email address").fill(READER)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=INBOX).wait_for()
    page.close()
    assert guarded.standing(READER) is Standing.PENDING
    assert [one for one in complaints if "favicon" not in one and "404" not in one] == []


@pytest.mark.browser
def test_a_browser_without_script_says_what_it_lacks(guarded: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{guarded.url}/subscribe")
    shown = page.locator("main").inner_text()
    context.close()
    assert "needs JavaScript" in shown
