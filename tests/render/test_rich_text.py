"""The Markdown subset: what it becomes in a mail, on a page and in text, and what it refuses."""

from __future__ import annotations

import pytest

from digest.render.graphemes import text_width
from digest.render.lint.html_reader import read_html
from digest.render.rich_text import MOST, BadRichText, as_written, rich_text, tidy


def page(source: str) -> str:
    return str(rich_text(source).page)


def text(source: str) -> str:
    return str(rich_text(source).text)


def fault(source: str) -> str:
    with pytest.raises(BadRichText) as raised:
        tidy(source)
    return str(raised.value)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("One.\n\nTwo.", "<p>One.</p><p>Two.</p>"),
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("over  \nunder", "<p>over<br>under</p>"),
        ("over\nunder", "<p>over\nunder</p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
        (
            "[us](https://a.example/x?a=1&b=2)",
            '<p><a href="https://a.example/x?a=1&amp;b=2">us</a></p>',
        ),
        ("<https://a.example/>", '<p><a href="https://a.example/">https://a.example/</a></p>'),
        ("[us](mailto:us@a.example)", '<p><a href="mailto:us@a.example">us</a></p>'),
        (r"\*plain\*", "<p>*plain*</p>"),
    ],
)
def test_the_subset_becomes_tags(source: str, shown: str) -> None:
    assert page(source) == shown


@pytest.mark.parametrize(
    "source",
    ["# heading", "`code`", "> quoted", "| a | b |", "a &amp; b", "**open", "[open](", "---"],
)
def test_all_else_is_shown_as_it_was_written(source: str) -> None:
    assert rich_text(source).plain == source
    assert "<p>" in page(source)


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        '[a](https://a.example/"onmouseover="alert(1))',
        "<b>**a**</b>",
        "<!-- -->",
    ],
)
def test_no_tag_but_ours_comes_out(source: str) -> None:
    allowed = {"p", "a", "strong", "em", "br", "ul", "ol", "li"}
    tags = read_html(str(rich_text(source).html)).tags

    assert {tag.name for tag in tags} <= allowed
    assert {name for tag in tags for name in tag.attributes} <= {"style", "class", "href"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("One.\n\n[x](javascript:alert(1))", "line 3: “javascript:” isn't a web or mail address"),
        ("[x](JaVaScRiPt:alert(1))", "line 1: “JaVaScRiPt:” isn't a web or mail address"),
        ("[x](data:text/html,hi)", "line 1: “data:” isn't a web or mail address"),
        ("One\ntwo [x](/there)", "line 2: “/there” isn't a web or mail address"),
        ("[x](https://me:secret@a.example)", "line 1: “https://me:secret@a.example” isn't"),
        ("[x](mailto:nobody)", "line 1: “mailto:nobody” isn't"),
        ("<ftp://a.example/>", "line 1: “ftp://a.example/” isn't"),
        ("[x]()", "line 1: a link leads nowhere: write https://… or mailto:…"),
        ("a\n\n- b\n- ![c](https://a.example/c.png)", "line 4: a picture can't go inside the text"),
        ("- a\n  - b\n    - c\n      - d", "line 4: lists can be nested 3 levels deep, no more"),
        ("[x](https://a.example/" + "y" * 700 + ")", "line 1: an address has 718 bytes; the limit"),
        ("*a " * 900 + "a* " * 400, "too many marks inside marks"),
        ("x" * 100_000, "it has 100,000 characters; the limit is 5,000"),
    ],
)
def test_what_cannot_be_put_into_a_mail_is_refused_with_its_line(source: str, said: str) -> None:
    assert fault(source).startswith(said)


@pytest.mark.parametrize("source", ["[" * MOST, "*" * MOST, "<" * MOST])
def test_marks_without_end_are_words(source: str) -> None:
    assert rich_text(source).plain.strip("*") == source.strip("*")


def test_provider_tags_and_braces_survive_nowhere() -> None:
    source = (
        "-digest_unsubscribe_token- {{ x }} [-digest_x-](https://a.example/-digest_x-) %name%"
        " [a](mailto:a-digest_x-@a.example) -*digest_x-*"
    )
    shown = rich_text(source)

    for part in (shown.html, shown.page, shown.text):
        assert "-digest_" not in part
        assert "{{" not in part
        assert "%name%" not in part


def test_plain_text_has_the_same_words_and_each_address() -> None:
    source = (
        "See [the page](https://a.example/%e4%b8%ad), or <https://b.example/>.\n\n1. one\n   - two"
    )

    assert text(source) == (
        "See the page (https://a.example/%e4%b8%ad), or https://b.example/.\n\n1. one\n   - two"
    )


def test_plain_text_is_wrapped_and_an_address_never_broken() -> None:
    address = "https://a.example/" + "long-" * 20
    lines = text(f"- {'word ' * 40}[here]({address})").split("\n")

    assert any(address in line for line in lines)
    assert max(text_width(line) for line in lines if "https" not in line) <= 72
    assert all(line.startswith("  ") for line in lines[1:])


def test_lists_with_gaps_keep_them_in_plain_text() -> None:
    assert text("- a\n\n  more\n\n- b") == "- a\n\n  more\n\n- b"


def test_each_paragraph_has_the_direction_of_its_first_letter() -> None:
    assert page("مساعد الكتابة\n\nwords\n\n- عن") == (
        '<p dir="rtl">مساعد الكتابة</p><p>words</p><ul dir="rtl"><li>عن</li></ul>'
    )


def test_a_mail_needs_no_style_sheet_for_it_nor_for_links_a_thumb_hits() -> None:
    shown = str(rich_text("a\n\n- [b](https://a.example/)", mark="#123456").html)

    assert shown == (
        '<p style="margin:0">a</p><ul style="margin:14px 0 0;padding:0 0 0 24px">'
        '<li style="margin:0"><a class="mark" style="padding:4px 0;color:#123456"'
        ' href="https://a.example/">b</a></li></ul>'
    )


@pytest.mark.parametrize(
    "words",
    [
        "1. First, *this*",
        "- no list",
        "[x](javascript:y)",
        r"a \ b_c_d",
        "2026) <https://a.example>",
    ],
)
def test_words_of_before_are_shown_as_they_read(words: str) -> None:
    assert rich_text(as_written(words)).plain == words
    assert page(as_written(words)).count("<") == 2


def test_it_is_stored_without_space_around() -> None:
    assert tidy("\r\n\na  \r\nb   \n\n") == "a  \nb"
