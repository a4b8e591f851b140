"""A reader from sign-up to unsubscribe, in a real browser and by a fake SendGrid."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext

from digest.delivery.sending.dispatcher import dispatch
from digest.fake_sendgrid import RunningFake, running_fake
from digest.issues import store as issues
from subscribers import store
from subscribers.models import Standing
from tests.web.browser import visitor
from tests.web.conftest import Running, build, make_stock, running

pytestmark = pytest.mark.browser

READER = "grace@example.org"
PATIENCE = 400  # looks, 50 ms apart


@dataclass
class Story:
    """The site, the provider, and the reader between them."""

    site: Running
    fake: RunningFake
    window: BrowserContext

    def open(self, url: str) -> str:
        """Open an address in a new tab; returns what its heading says."""
        page = self.window.new_page()
        page.goto(url)
        return self.heading()

    def press(self, name: str) -> str:
        """Press a button of the page that is open; returns what the next heading says."""
        page = self.window.pages[-1]
        with page.expect_navigation():
            page.get_by_role("button", name=name).click()
        return self.heading()

    def heading(self) -> str:
        return self.window.pages[-1].get_by_role("heading", level=1).inner_text()

    def sign_up(self) -> str:
        self.open(self.site.url)
        self.window.pages[-1].get_by_label("Your email address").fill(READER)
        self.site.clock.advance(seconds=5)
        return self.press("Subscribe")

    def mail(self, number: int) -> dict[str, Any]:
        """Wait for the reader's mail of that number; returns it as it arrived."""
        pause = threading.Event()
        for _ in range(PATIENCE):
            found = self.fake.messages(address=READER)
            if len(found) >= number:
                return self.fake.message(found[number - 1]["id"])
            pause.wait(0.05)
        raise AssertionError(f"mail {number} has not come")

    def mails(self) -> int:
        return len(self.fake.messages(address=READER))

    def standing(self) -> Standing | None:
        with self.site.app.database.read() as session:
            reader = store.find(session, READER)
            place = store.standing_with(session, reader.id, "weekly") if reader else None
        return place.standing if place else None

    def send_issue(self, number: int, period: str) -> None:
        app = self.site.app
        build(app, period, send=True)
        with app.database.read() as session:
            newsletter = issues.newsletter(session, "weekly")
            sending = app.sending.edition_send(
                session, issues.by_number(session, newsletter.id, number)
            )
        dispatch(sending)


def link(mail: dict[str, Any], path: str) -> str:
    """Return the link of a mail that leads to such a path."""
    found = re.search(rf'href="(http://127\.0\.0\.1:\d+{path}[^"]*)"', mail["html"])
    assert found, f"no link to {path}"
    return found[1]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stock") / "digest.db"
    make_stock(path, sent=["2026-W47"], drafts=[])
    return path


@pytest.fixture
def make_story(stock: Path, tmp_path: Path, browser: Browser) -> Iterator[Callable[[bool], Story]]:
    """Return a function that begins a story, with scripts on or off."""
    path = tmp_path / "digest.db"
    shutil.copy(stock, path)
    with ExitStack() as stack:
        fake = stack.enter_context(running_fake(tmp_path))
        settings = {"transport": "sendgrid", "sendgrid_url": fake.url, "base_url": "{url}"}
        site = stack.enter_context(running(path, sendgrid_api_key="any key", **settings))

        def begin(scripts: bool) -> Story:
            return Story(site, fake, stack.enter_context(visitor(browser, scripts=scripts)))

        yield begin


def join(story: Story) -> None:
    """Sign up and confirm; looking confirms nothing."""
    assert story.sign_up() == "Check your inbox"
    letter = story.mail(1)
    assert story.standing() is Standing.PENDING
    confirm = link(letter, "/c/")

    assert story.site.http.head(urlsplit(confirm).path).status_code == 200
    assert story.open(confirm) == "Subscribe to Weekly AI Tool Verdicts?"
    assert story.standing() is Standing.PENDING
    assert story.press("Yes, subscribe me") == "You’re subscribed"
    assert story.standing() is Standing.CONFIRMED


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_a_reader_joins_reads_and_leaves_by_the_link_in_the_mail(
    make_story: Callable[[bool], Story], scripts: bool
) -> None:
    story = make_story(scripts)
    join(story)

    welcome = story.mail(2)
    first = story.open(link(welcome, "/issues/weekly/1"))
    assert "beats" in first

    story.send_issue(2, "2026-W48")
    issue = story.mail(3)
    assert story.open(link(issue, "/issues/weekly/2")) != first
    assert story.open(link(issue, "/u/")) == "Unsubscribe from Weekly AI Tool Verdicts?"
    assert story.standing() is Standing.CONFIRMED
    assert story.press("Unsubscribe") == "You’ve unsubscribed"
    assert story.standing() is Standing.UNSUBSCRIBED

    story.send_issue(3, "2026-W49")
    assert story.mails() == 3


def test_a_reader_leaves_by_the_one_click_of_a_mail_program(
    make_story: Callable[[bool], Story],
) -> None:
    story = make_story(False)
    join(story)
    story.mail(2)
    story.send_issue(2, "2026-W48")

    headers = story.mail(3)["headers"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = urlsplit(headers["List-Unsubscribe"].strip("<>")).path
    answer = story.site.http.post(path, data={"List-Unsubscribe": "One-Click"})

    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    assert story.standing() is Standing.UNSUBSCRIBED
    story.send_issue(3, "2026-W49")
    assert story.mails() == 3
