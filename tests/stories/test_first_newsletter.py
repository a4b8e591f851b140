"""From an empty folder to a sent issue, by the README's commands and an editor's phone."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from digest.fake_sendgrid import running_fake
from digest.samples import comparisons as samples
from tests.stories.service.service_process import ServiceHarness, faketime, utc
from tests.web.browser import visitor

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
EDITOR = "ed@mill-lane.example"
READERS = ["reader.one@example.org", "reader.two@example.org"]
#: Nothing answers there; what it leads to is asked of the service itself, as a web server would.
SITE = "https://127.0.0.1:1"
KEY = "SG.a-key-for-the-fake.only"
FRIDAY = utc("2026-11-27 12:00")
THURSDAY = utc("2026-12-03 08:00")  # nine o'clock in Berlin
DRAFT = THURSDAY - timedelta(days=2)
SUBJECT = "Tidepool Notes schlägt Marginalia Loop, vier zu zwei"

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]  # a shared machine may take its time


class EmptyFolder(ServiceHarness):
    """A folder with nothing in it: all that is set stands in the .env that is written there."""

    def _settings(self) -> dict[str, str]:
        return self.settings


@pytest.fixture
def site(tmp_path: Path) -> Iterator[EmptyFolder]:
    """It is Friday; beside the empty folder are the samples, as in a clone."""
    if faketime() is None:
        pytest.skip("needs faketime (apt: faketime)")
    folder = tmp_path / "my-newsletter"
    folder.mkdir()
    (tmp_path / "src" / "digest").mkdir(parents=True)
    (tmp_path / "src" / "digest" / "samples").symlink_to(samples()[0].parents[1])
    with running_fake(tmp_path, key=KEY, hold_events=True) as fake, ExitStack() as stack:
        made = EmptyFolder(folder, fake, stack)
        stack.callback(made.end)
        made.set_clock(FRIDAY)
        yield made


def readme_commands() -> list[list[str]]:
    """Return the words of each command that sets "Tools of the Trade" up, up to `digest run`."""
    section = README.partition("## Your own newsletter in ten minutes")[2].partition("\n## ")[0]
    block = section.split("```sh\n")[2].partition("```")[0].replace("\\\n", "")
    lines = [shlex.split(line) for line in block.splitlines()]
    assert lines[-1] == ["digest", "run"]
    return lines[:-1]


def follow_the_readme(site: EmptyFolder) -> str:
    """Type what stands there, with the fake's address and keys; return all that was said."""
    provider = [
        "--no-dns", "--base-url", SITE, "--api-key", KEY,
        "--sendgrid-url", site.fake.url, "--webhook-key", site.fake.webhook_key,
    ]  # fmt: skip
    said = ""
    for program, *words in readme_commands():
        if program == "printf":
            text, redirected, file = words
            assert redirected == ">"
            (site.folder / file).write_text(text.replace("\\n", "\n"), "utf-8")
        else:
            said += site.digest(*words, *(provider if words[0] == "setup" else []))
    return said


def decide_on_a_phone(site: EmptyFolder, page: Page, link: str) -> None:
    """Be the editor: follow the letter's link, ask for a code, read it, approve."""
    page.goto(link.replace(SITE, site.url))
    expect(page.get_by_role("heading", level=1)).to_have_text(SUBJECT)
    expect(page.locator("main")).to_contain_text("2 readers")
    expect(page.locator("main")).to_contain_text("Thursday, 3 December 2026, 09:00")
    mail = page.frame_locator("iframe").locator("body")
    expect(mail).to_contain_text("Ein klarer Durchmarsch:")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    press(page, "Email me a code")
    expect(page.get_by_role("status")).to_contain_text("We emailed you a code")
    code = r"The code is (\d{4} \d{4})"
    site.wait(lambda: found(code, site) != "")
    page.get_by_label("Code from the email").fill(found(code, site))
    page.get_by_role("checkbox").check()  # of the links to this machine
    press(page, "Approve this version")
    expect(page.locator(".lede")).to_have_text(f"This issue is approved by {EDITOR}.")


def press(page: Page, name: str) -> None:
    """Press a button, and wait for the page it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name).click()


def found(pattern: str, site: EmptyFolder) -> str:
    """Return what *pattern* finds in the newest letter to the editor, or nothing."""
    newest = site.fake.messages(address=EDITOR)[-1]
    match = re.search(pattern, site.fake.message(newest["id"])["text"])
    return match[1] if match else ""


def test_a_german_newsletter_on_thursdays_goes_from_an_empty_folder_to_its_readers(
    site: EmptyFolder, browser: Browser
) -> None:
    said = follow_the_readme(site)
    assert "ok  API key" in said
    assert "Tools of the Trade: every Thursday at 09:00, Europe/Berlin" in said
    assert "Comparisons: 1 to 3 an issue" in said
    site.start()

    site.go(DRAFT, until=lambda: bool(site.fake.messages(address=EDITOR)))
    with visitor(browser, width=375) as window:
        decide_on_a_phone(site, window.new_page(), found(rf"({SITE}/review/\S+)", site))
    decisions = site.query("SELECT act, by, channel FROM approval")
    assert decisions == [("approved", EDITOR, "link")]

    site.go(THURSDAY - timedelta(minutes=2))  # and a minute more
    assert site.fake.counts("tools-of-the-trade-1")["messages"] == 0
    site.go(THURSDAY, until=lambda: site.status("1")["accepted"] == 2)
    where = site.status("1")
    assert (where["state"], where["approved_by"], where["problems"]) == ("sent", [EDITOR], [])

    sent = site.fake.messages(issue="tools-of-the-trade-1")
    assert sorted(mail["address"] for mail in sent) == READERS
    assert site.fake.counts()["duplicates"] == 0  # no letter to the editor counts as one either
    mail = site.fake.message(sent[0]["id"])
    assert mail["subject"] == SUBJECT
    assert "Nr. 1 · 3. Dezember 2026" in mail["text"]
    assert mail["text"].count("Alle 8 Urteile lesen") == 3
    status, home = site.get("/")
    assert (status, "Kommt jeden Donnerstag per E-Mail." in home) == (200, True)
    assert "Nr. 1, 3. Dezember 2026" in home
