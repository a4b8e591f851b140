"""A German newsletter's pages are German: no English word but names and what was published."""

from __future__ import annotations

import re
from html import unescape
from importlib.resources import files

import pytest
from babel.messages.pofile import read_po
from sqlalchemy import update

from digest.comparisons.models import Call
from digest.issues.models import Newsletter
from subscribers.tokens import DatedTarget, LinkTarget
from tests.web.conftest import SLUG, Running
from tests.web.voter import LEFT, RIGHT, link, vote

WHO = LinkTarget(1, "weekly")
#: English words that are no German ones.
ENGLISH = re.compile(
    r"\b(the|you|your|yours|our|of|and|are|is|isn|to|for|from|with|this|that|it|if|by|or|us|get|read"
    r"|please|issue|issues|email|emails|subscribe|unsubscribe|subscribed|sign-up|button|inbox)\b",
    re.IGNORECASE,
)
#: German by now.
LOANS = {"button"}
READERS = ["/subscribe", "/subscribe/frame", "/privacy", "/own-links", "/nothing", "/u/broken"]
LONG = 12  #: letters above which a text of ours is no word that was published by chance
OWN = ["", "/topics", "/pause", "/address", "/erase", "/leave-all"]


@pytest.fixture
def german(site: Running) -> Running:
    """The site with its newsletter in German."""
    words = {"language": "de", "name": "Werkzeuge", "description": "Zwei Werkzeuge, ein Urteil."}
    with site.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(**words))
    return site


def paths(site: Running) -> list[str]:
    """Return every page of a reader, in German."""
    base, now = site.app.settings.base_url, site.clock()
    own = site.links.preferences(WHO, "ada@example.org")
    mailed = [
        site.links.unsubscribe(WHO),
        site.links.confirm(DatedTarget(*WHO, now)),
        site.links.change(7, now),
    ]
    voting = [link(site), link(site, "gone", Call.SHIP), link(site, reader=99)]
    pages = [*READERS, *(f"{own}{part}" for part in OWN), *mailed, *voting]
    return [f"{path.removeprefix(base)}?lang=de" for path in pages]


def english_in(page: str) -> set[str]:
    """Return the English words of a page."""
    text = unescape(re.sub(r"<[^>]*>", " ", page.partition("<body")[2].partition(">")[2]))
    return {word.lower() for word in ENGLISH.findall(text)} - LOANS


def test_no_english_is_left_on_a_reader_s_german_pages(german: Running) -> None:
    left = {path: english_in(german.get(path).text) for path in paths(german)}

    assert {path: words for path, words in left.items() if words} == {}
    assert len(left) == len(READERS) + len(OWN) + 3 + 3
    assert english_in(german.get("/privacy?lang=en").text)


def test_no_english_is_left_in_the_answers_to_german_forms(german: Running) -> None:
    leave = german.links.unsubscribe(WHO).removeprefix(german.app.settings.base_url)
    answers = [
        german.http.post("/subscribe?lang=de", data={"email": "nobody", "newsletter": "weekly"}),
        german.http.post(leave, data={"page": "1", "lang": "de"}),
        vote(german, link(german), {}, lang="de"),
        vote(german, link(german), {LEFT: "ship", RIGHT: "skip"}, lang="de"),
        vote(german, f"{link(german)}/take-back", {}, tool=LEFT, lang="de"),
    ]

    assert [english_in(answer.text) for answer in answers] == [set()] * len(answers)


@pytest.mark.parametrize("path", ["/", "/issues", f"/comparisons/{SLUG}"])
def test_no_text_of_ours_is_english_on_a_german_public_page(german: Running, path: str) -> None:
    page = german.get(path).text

    assert '<html lang="de">' in page
    assert [text for text in texts_in_english() if text in unescape(page)] == []


def test_quotes_stand_in_the_marks_of_the_page_s_language(german: Running) -> None:
    sheet = german.get("/comparisons.css").text

    assert re.findall(r"content: ([^;]+);", sheet) == ["open-quote", "close-quote"]


def texts_in_english() -> set[str]:
    """Return the longer parts of every English text that the German catalogue translates."""
    with (files("subscribers.locale") / "de.po").open("rb") as file:
        catalogue = read_po(file, locale="de")
    ids = [each.id if isinstance(each.id, (tuple, list)) else [each.id] for each in catalogue]
    parts = [part.strip() for each in ids for key in each for part in re.split(r"%\(\w+\)s", key)]
    return {part for part in parts if len(part) > LONG}
