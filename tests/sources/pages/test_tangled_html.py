"""HTML that costs a parser far more than its length: refused at once, whatever hides it."""

from __future__ import annotations

import pytest

from digest.errors import ComparisonUnreadable
from digest.sources.pages.html_page import read_html
from digest.sources.pages.tangled_html import MAX_CHARACTERS, MAX_TAGS

URL = "https://tools.example/"
FEW, MANY = 1_000, 30_000


def numbered(sample: str, count: int) -> str:
    return "".join(sample.format(number) for number in range(count))


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<div>" * 200_000, "200,000 tags; 20,000 at most"),
        ("<!--" * 250_000, "tags"),
        ("<p " + numbered("a{}=1 ", MANY) + ">", "more than 1,000 attributes"),
        ("<p " + numbered("a{} ", MANY), "more than 1,000 attributes"),
        ("<p " + numbered("a{}='>' ", MANY) + ">", "more than 1,000 attributes"),
        ('<p ="x><i a=">" ' + numbered("a{} ", MANY) + ">", "more than 1,000 attributes"),
        ("<script>'<p " + numbered("a{} ", MANY) + ">'", "more than 1,000 attributes"),
        ("<a" * (MAX_TAGS - 1) + "x" * 900_000, "tags can't be told from its text"),
        ("x" * (MAX_CHARACTERS + 1), "2,000,001 characters"),
    ],
)
def test_what_costs_too_much_is_refused_before_it_is_parsed(html: str, words: str) -> None:
    with pytest.raises(ComparisonUnreadable, match=words) as refused:
        read_html(html, url=URL)
    assert "a page of a comparison is far smaller" in str(refused.value)


def test_unclosed_formatting_is_not_opened_again_in_each_paragraph() -> None:
    html = "<p>" + numbered("<b id={}>", FEW) + "</p><p>x" * FEW  # a million nodes, by the standard

    assert read_html(html, url=URL).texts == ("\n".join("x" * FEW),)


def test_deep_elements_are_read_to_the_bottom() -> None:
    assert read_html("<section>" * 3_000 + "At last", url=URL).texts == ("At last",)


@pytest.mark.parametrize("sign", ["<", "&", "<!", "</", "]]>", "\0", "é"])
def test_broken_html_is_read_as_far_as_it_goes(sign: str) -> None:
    assert len(read_html(sign * 20_000, url=URL).texts) == 1


def test_a_script_comes_back_as_it_was() -> None:
    data = '{"a": "<b>bold</b> <a href=x> <x-b> <br>"}'
    html = f"<script type='Application/LD+JSON; charset=utf-8'>{data}</script><script>1</script>"

    assert read_html(html, url=URL).data == (data,)


def test_a_long_page_is_read() -> None:
    html = "<main>" + f"<p>{'word ' * 40}</p>" * 5_000 + "</main>"

    assert len(html) > 1_000_000
    assert read_html(html, url=URL).texts[0].count("\n") == 4_999
