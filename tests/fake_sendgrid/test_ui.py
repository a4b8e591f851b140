"""The pages of the fake: the list of mails, one mail, and who may ask."""

from __future__ import annotations

import pytest

from digest.fake_sendgrid import RunningFake
from tests.fake_sendgrid.bodies import make_body

HOSTILE = '<script>alert("x")</script>'


def test_the_list_shows_who_got_what(fake: RunningFake) -> None:
    fake.send(make_body("a@example.org", subject="The week"))
    page = fake.ask("GET", "/").body.decode()
    assert "a@example.org" in page
    assert '<a href="/mails/1">The week</a>' in page


def test_text_of_a_mail_is_shown_as_text(fake: RunningFake) -> None:
    fake.send(make_body(subject=HOSTILE, content=[{"type": "text/plain", "value": HOSTILE}]))
    for path in ("/", "/mails/1"):
        assert HOSTILE not in fake.ask("GET", path).body.decode()


def test_the_html_of_a_mail_stands_in_a_frame_that_runs_nothing(fake: RunningFake) -> None:
    fake.send(make_body())
    assert '<iframe sandbox title="The mail"' in fake.ask("GET", "/mails/1").body.decode()
    framed = fake.ask("GET", "/mails/1/html")
    assert framed.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert b"/u/token0" in framed.body


def test_the_message_file_keeps_long_headers_whole(fake: RunningFake) -> None:
    link = f"<https://example.org/u/{'t' * 200}>"
    fake.send(make_body(headers={"List-Help": link}))
    assert f"List-Help: {link}".encode() in fake.ask("GET", "/mails/1/raw").body


def test_the_list_goes_on_from_page_to_page(fake: RunningFake) -> None:
    fake.send(make_body(readers=150))
    assert 'href="/?before=51"' in fake.ask("GET", "/").body.decode()
    assert "reader0@example.org" in fake.ask("GET", "/?before=51").body.decode()


@pytest.mark.parametrize("path", ["/mails/1", "/mails/x", "/mails/1/other", "/nothing", "/mails/"])
def test_what_is_not_there_is_answered_404(fake: RunningFake, path: str) -> None:
    assert fake.ask("GET", path).status == 404


@pytest.mark.parametrize(
    "headers", [{"Host": "rebound.example"}, {"Origin": "https://elsewhere.example"}]
)
def test_pages_of_other_sites_may_not_ask(
    shared_fake: RunningFake, headers: dict[str, str]
) -> None:
    assert shared_fake.ask("POST", "/_fake/reset", b"{}", headers).status == 403
