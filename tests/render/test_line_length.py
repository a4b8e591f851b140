"""Line length: long lines of HTML broken without a visible change."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.render.line_length import break_lines

WORDS = st.text(alphabet="ab <>&\n\u00e4\u6c49\U0001f600", max_size=400)


def longest(html: str) -> int:
    return max(len(line.encode()) for line in html.split("\n"))


def seen(html: str) -> str:
    """What a reader sees: comments show nothing, and white space collapses."""
    return " ".join(re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL).split())


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "word " * 600 + "</p>",
        "<p>" + "x" * 5_000 + "</p>",
        "<p>" + "&amp;" * 900 + "</p>",
        "<td " + 'class="a b" style="color: red" ' * 60 + ">x</td>",
        "<style>" + "a { color: red } " * 200 + "</style>",
        "<table><tr>" + "<td>one</td>" * 100 + "</tr></table>",
    ],
)
def test_long_lines_are_broken_without_a_visible_change(html: str) -> None:
    broken = break_lines(html)

    assert longest(broken) <= 900
    assert seen(broken).replace(" ", "") == seen(html).replace(" ", "")


@pytest.mark.parametrize(
    "whole",
    [
        f'<a href="https://a.example/{"x" * 950}">x</a>',
        "<pre>" + "x " * 600 + "</pre>",
        "<!--[if mso]>" + "<td> </td>" * 120 + "<![endif]-->",
        "<title>" + "word " * 250 + "</title>",
    ],
)
def test_links_comments_and_preformatted_text_are_never_broken(whole: str) -> None:
    assert whole in break_lines(f"<p>{whole}</p>")


def test_a_line_never_ends_where_white_space_would_show() -> None:
    html = "<p><b>a</b><i>b</i></p><div>c</div><div>d</div>"

    assert break_lines(html) == "<p><b>a</b><i>b</i></p>\n<div>c</div><div>d</div>"


def test_a_word_is_not_broken_inside_a_grapheme_or_a_reference() -> None:
    flag = "\U0001f1e9\U0001f1ea"
    parts = break_lines("<p>" + f"{flag}&#8239;" * 200 + "</p>").split("<!--\n-->")

    assert len(parts) > 2
    assert set(parts[1].replace("&#8239;", flag).split(flag)) == {""}


def test_a_long_line_without_a_place_to_break_stays_whole() -> None:
    html = '<a href="x">y</a>' * 5_000

    assert break_lines(html) == html


@pytest.mark.parametrize("limit", [20, 900])
def test_a_no_break_space_between_words_is_no_place_to_break(limit: int) -> None:
    assert "one \u00a0 two" in break_lines("<p>one \u00a0 two</p>", limit=limit).replace("\n", " ")


@given(st.lists(WORDS, max_size=6))
def test_any_text_is_unchanged_by_breaking_lines(texts: list[str]) -> None:
    html = "".join(f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>" for text in texts)

    assert seen(break_lines(html, limit=80)).replace(" ", "") == seen(html).replace(" ", "")
