"""An issue's mail as it is seen: what stands beside what, how high all of it is, what a thumb hits.

Each mail is opened once for each width and way of showing it, and everything is measured then.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from digest.comparisons.models import Revision
from digest.issues.content.view import IssueView
from digest.preview.client_simulation import Scheme, in_scheme
from digest.render.engine import render
from digest.votes import VoteCount
from tests.render.conftest import Show
from tests.render.samples import PAIRS, full_week, make_contender, make_issue, make_revision

pytestmark = pytest.mark.browser

Way = Literal["light", "dark", "without style"]
WAYS: tuple[Way, ...] = ("light", "dark", "without style")

_SIXTY = "An Uncommonly Long Name for a Tool That Ships on Each Monday"
_SHORT = ("Still ships because the problem is real, and they’ve solved it.", "Skip it as a bet.")


def _seed() -> Revision:
    """Return a comparison with the lengths of the published one."""
    left = make_contender(
        0,
        "Code Llama 4",
        tagline="Open-weight code model tuned for agentic work in many steps, by Meta",
    )
    right = make_contender(
        1,
        "Modal GPU Serverless Inference",
        panel=100.0,
        description="Modal starts cold models fast.",
        tagline="Serverless GPU inference: cold starts below 100 ms for LLMs",
    )
    for side in (left, right):
        for verdict in side.verdicts:
            verdict.quote = _SHORT[verdict.seat == 4 and side is left]
    seed = make_revision(left, right)
    seed.question = "Which one should you ship with?"
    return seed


def _published() -> Revision:
    """Return the same with an id, and the share of the page's own community."""
    revision = _seed()
    revision.comparison_id = 1
    revision.contenders[1].community_share = 62.0
    return revision


def _twelve_seats() -> Revision:
    left, right = make_contender(0, panel=75.0), make_contender(1, "Brook", panel=50.0)
    revision = make_revision(left, right)
    revision.seats = 12
    return revision


def _twelve() -> list[Revision]:
    week = [*full_week(), *full_week(), *full_week()[:2]]
    for at, revision in enumerate(week):
        revision.comparison.slug += f"-{at}"
    return week


@cache
def issues() -> dict[str, IssueView]:
    odd = (make_contender(0, panel=0.4), make_contender(1, "Brook", panel=99.6))
    none = (make_contender(0, panel=None), make_contender(1, "Brook", panel=0.0))
    rtl = (
        make_contender(0, "مساعد الكتابة", tagline="يكتب رسائلك ويصحح أخطاءها قبل أن ترسلها"),
        make_contender(
            1, "文章助手 专业版", tagline="为团队起草和翻译长文档", community_share=62.5
        ),
    )
    return {
        "seed": make_issue(_seed()),
        "voted on": make_issue(
            _published(), counts={1: {1: VoteCount(434, 178), 2: VoteCount(3, 0)}}
        ),
        "five": make_issue(*full_week()),
        "twelve": make_issue(*_twelve()),
        "sixty characters": make_issue(
            make_revision(make_contender(0, _SIXTY), make_contender(1, "Brook"))
        ),
        "right to left": make_issue(make_revision(*rtl)),
        "twelve seats": make_issue(_twelve_seats()),
        "0.4 per cent": make_issue(make_revision(*odd)),
        "no share": make_issue(make_revision(*none)),
        "one side": make_issue(make_revision(make_contender(0))),
    }


@cache
def mail(name: str) -> str:
    view = issues()[name]
    return render("issue", {"issue": view, "language": view.language}).html


def shown(name: str, way: Way) -> str:
    html = mail(name)
    if way == "without style":
        return re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    return in_scheme(html, Scheme(way))


#: For each comparison of two: for each row, where the words of either side begin, and the cells.
PAIRS_SHOWN = """() => [...document.querySelectorAll('th')].filter((th) => th.cellIndex === 0)
  .map((th) => [...th.closest('table').rows].map((row) => [...row.cells].map((cell) => {
    const own = cell.getBoundingClientRect();
    const range = document.createRange();
    range.selectNodeContents(cell);
    const words = [...range.getClientRects()].filter((box) => box.height > 1);
    return [own.x, own.width, own.y, words.length ? Math.min(...words.map((box) => box.y)) : own.y];
  })))"""

#: Each link's height and width, and what it is by where it stands.
LINKS = """() => [...document.querySelectorAll('a')].map((link) => {
  const box = link.getBoundingClientRect();
  const kind = link.closest('th') ? 'name' : link.querySelector('h2') ? 'brief'
    : link.closest('h2') ? 'title' : link.closest('.go') ? 'button'
    : link.href.includes('/v/') ? 'vote' : link.closest('table.line') ? 'list'
    : link.closest('p') ? 'end' : 'masthead';
  return [box.height, box.width, kind];
})"""
MAIN = ("brief", "title", "button", "vote", "list", "end")


@pytest.mark.parametrize("name", issues())
def test_two_tools_stand_level_in_two_equal_columns(show: Show, name: str) -> None:
    with show(shown(name, "light"), 320, "light") as page:
        for way in WAYS:
            page.set_content(shown(name, way))
            for width in (320, 375, 700):
                page.set_viewport_size({"width": width, "height": 900})
                tables = page.evaluate(PAIRS_SHOWN)
                assert tables
                assert [row for rows in tables for row in rows if not _level(*row)] == []
                assert page.evaluate("document.documentElement.scrollWidth") == width


def _level(left: list[float], right: list[float]) -> bool:
    """Return whether two cells are equally wide, beside each other, and begin at one height.

    Each is its place from the left, width, place from the top, and that of its first words.
    """
    return (
        abs(left[1] - right[1]) <= 1
        and left[0] + left[1] <= right[0] + 1
        and left[2] == right[2]
        and (right[3] == right[2] or abs(left[3] - right[3]) <= 3)  # or it is empty
    )


def test_every_link_can_be_hit_and_the_main_ones_by_a_thumb(show: Show) -> None:
    missed = {}
    with show(mail("seed"), 375, "light") as page:
        for name in issues():
            page.set_content(mail(name))
            links = page.evaluate(LINKS)
            assert len(links) > 6
            missed[name] = [
                [high, wide, kind]
                for high, wide, kind in links
                if min(high, wide) < 24 or (kind in MAIN and high < 44)
            ]

    assert missed == {name: [] for name in issues()}


@pytest.mark.parametrize(("name", "most"), [("seed", 1_100), ("voted on", 1_100), ("five", 3_600)])
def test_a_mail_is_no_higher_than_it_may_be_on_a_phone(show: Show, name: str, most: int) -> None:
    with show(shown(name, "light"), 375, "light") as page:
        assert page.evaluate("document.documentElement.scrollHeight") <= most


def test_each_tool_has_two_links_to_vote_a_thumb_wide_and_a_brief_has_one(show: Show) -> None:
    with show(mail("twelve"), 320, "light") as page:
        links = [link for link in page.evaluate(LINKS) if link[2] == "vote"]
        named = page.locator('a[href*="/v/"]').first.get_attribute("aria-label")

    assert len(links) == 3 * 2 * 2 + 9
    assert min(min(high, wide) for high, wide, _ in links) >= 44
    assert named == "Ship Lantern Code 3"


def _parts(page: Page, side: int) -> list[tuple[str, float]]:
    cell = page.locator("th").nth(side).locator("xpath=ancestor::table[1]")
    bar: Any = (
        cell.locator("table")
        .nth(side)
        .locator("td")
        .evaluate_all(
            "cells => cells.map(cell => [cell.className, cell.getBoundingClientRect().width])"
        )
    )
    return [(name, width) for name, width in bar]


def test_the_bar_never_lies(show: Show) -> None:
    """0.4 % isn't nothing and isn't half, 99.6 % isn't all."""
    with show(mail("0.4 per cent"), 375, "light") as page:
        (few, little), (rest, much) = _parts(page, 0)
        (most, large), (left, small) = _parts(page, 1)

    assert (few, rest, most, left) == ("on", "off", "on", "off")
    assert little / (little + much) == pytest.approx(0.01, abs=0.005)
    assert small / (small + large) == pytest.approx(0.01, abs=0.005)
    assert min(little, small) >= 1


def test_a_bar_has_a_part_for_every_seat_all_alike(show: Show) -> None:
    with show(mail("twelve seats"), 320, "light") as page:
        bars = _parts(page, 0), _parts(page, 1)

    assert [[name for name, _ in bar].count("on") for bar in bars] == [9, 6]
    for bar in bars:
        assert len(bar) == 12
        widths = [width for _, width in bar]
        assert max(widths) - min(widths) <= 3


def test_an_unknown_share_has_a_line_and_no_bar(show: Show) -> None:
    with show(mail("no share"), 375, "light") as page:
        assert [name for name, _ in _parts(page, 0)] == ["line"]
        assert {name for name, _ in _parts(page, 1)} == {"off"}


def test_a_quote_from_right_to_left_keeps_its_byline(show: Show) -> None:
    revision = make_revision()
    for side in revision.contenders:
        for verdict in side.verdicts:
            verdict.quote = "هذه الأداة تستحق أن تُستخدم كل يوم."
    view = make_issue(revision)
    with show(render("issue", {"issue": view}).html, 375, "light") as page:
        directions = page.locator("blockquote p").evaluate_all(
            "nodes => nodes.map(node => getComputedStyle(node).direction)"
        )

    assert directions[:2] == ["rtl", "ltr"]


def test_twelve_comparisons_stay_below_what_gmail_clips() -> None:
    assert len(mail("twelve").encode()) < 100_000
    assert mail("twelve").count("<h2") == 12


def test_only_an_issue_of_more_than_three_has_a_list_of_its_comparisons() -> None:
    three = make_issue(*full_week()[:3])
    quay = PAIRS[0][1]
    titles = [f"{PAIRS[0][0]} vs {quay}</a>", "</em>"]

    assert titles[0] not in render("issue", {"issue": three}).html
    assert titles[0] in mail("five")
    assert mail("five").count(titles[1]) == 3


def test_titles_and_names_lead_somewhere() -> None:
    revision = make_revision(make_contender(0, url="https://lantern.example/"), make_contender(1))
    html = render("issue", {"issue": make_issue(revision)}).html
    page = make_issue(revision).comparisons[0].url

    assert 'href="https://lantern.example/"' in html
    assert f'href="{page}#tool-2"' in html
    assert html.count(f'href="{page}"') == 2  # the title and the button


def test_phones_and_outlook_are_told_what_to_leave_alone() -> None:
    html = mail("seed")

    assert 'name="format-detection" content="telephone=no,date=no,address=no' in html
    assert "a[x-apple-data-detectors]" in html
    assert "[data-ogsc] .soft" in html
    assert "[data-ogsb] .on" in html
