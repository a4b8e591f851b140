"""What the application adds to a reader's own page: words, and a choice on or off by one button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from digest.db import Database
from subscribers.tokens import LinkTarget
from subscribers.web import OwnPageSection, SectionText
from tests.subscribers.conftest import NEWSLETTER, MakeReader
from tests.subscribers.web.conftest import Site, hidden

READER = "reader@example.com"


@dataclass
class Choices:
    """Choices of readers, kept in memory, in place of the application's."""

    on: set[int] = field(default_factory=set)
    silent: bool = False

    def show(self, _: Session, subscriber_id: int, language: str) -> SectionText | None:
        if self.silent:
            return None
        on = subscriber_id in self.on
        button = "Stop" if on else "Start"
        return SectionText(f"A choice in {language}, {'on' if on else 'off'}.", button, on)

    def switch(self, _: Session, subscriber_id: int, on: bool, __: datetime) -> None:
        (self.on.add if on else self.on.discard)(subscriber_id)


@pytest.fixture
def choices() -> Choices:
    return Choices()


@pytest.fixture
def site(make_site: Callable[..., Site], choices: Choices) -> Site:
    section = OwnPageSection(name="choice", show=choices.show, switch=choices.switch)
    return make_site(own_sections=[section])


@pytest.fixture
def path(site: Site, sqlite_database: Database, make_reader: MakeReader) -> str:
    with sqlite_database.write() as session:
        reader = make_reader(session, READER)
    return site.path(site.config.links.preferences(LinkTarget(reader, NEWSLETTER), READER))


def test_a_choice_is_switched_on_and_off_by_one_button_each(
    site: Site, path: str, choices: Choices
) -> None:
    page = site.http.get(path, params={"lang": "de"}).text
    assert "A choice in de, off." in page
    for words, button, there in (("on.", "Stop", 1), ("off.", "Start", 0)):
        page = site.http.post(f"{path}/choice", data=hidden(page)).text
        assert f"A choice in de, {words}" in page
        assert f'<button class="quiet">{button}</button>' in page
        assert len(choices.on) == there


def test_a_repeated_press_changes_nothing(site: Site, path: str, choices: Choices) -> None:
    form = hidden(site.http.get(path).text)
    for _ in range(2):
        assert "A choice in en, on." in site.http.post(f"{path}/choice", data=form).text
    assert len(choices.on) == 1


@pytest.mark.parametrize("fields", [{"choice": "other", "on": "1"}, {"choice": "choice"}, {}])
def test_an_unknown_choice_changes_nothing(
    site: Site, path: str, choices: Choices, fields: dict[str, str]
) -> None:
    answer = site.http.post(f"{path}/choice", data=fields)
    assert answer.status_code == 200
    assert "Saved." not in answer.text
    assert not choices.on


def test_a_look_switches_nothing(site: Site, path: str, choices: Choices) -> None:
    answer = site.http.get(f"{path}/choice", params={"choice": "choice", "on": "1"})
    assert "A choice in en, off." in answer.text
    assert not choices.on


def test_a_section_without_anything_to_say_is_left_out(
    site: Site, path: str, choices: Choices
) -> None:
    choices.silent = True
    assert "/choice" not in site.http.get(path).text


def test_who_left_is_offered_no_choice(site: Site, path: str, choices: Choices) -> None:
    form = hidden(site.http.get(path).text)
    site.http.post(f"{path}/leave-all")
    assert "A choice" not in site.http.get(path).text
    site.http.post(f"{path}/choice", data=form)
    assert not choices.on
