"""Template filters: shares, attributes, tags, control characters and links."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG
from digest.render import filters
from digest.render.escaping import in_markup, in_plain_text, one_line, strip_unprintable

TAGS = (UNSUBSCRIBE_TAG, PREFERENCES_TAG)


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (75.0, "75%"),
        (66.67, "66.7%"),
        (62.5, "62.5%"),
        (99.97, "99.9%"),
        (0.02, "0.1%"),
        (0, "0%"),
        (100, "100%"),
        (None, "\u2014"),
    ],
)
def test_a_share_is_shown_as_published_and_only_all_is_all(share: float | None, shown: str) -> None:
    assert filters.percent(share) == shown


@pytest.mark.parametrize("share", [float("nan"), -1, 101, float("inf")])
def test_a_number_outside_0_to_100_is_refused_as_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="no share"):
        filters.percent(share)


def test_an_attribute_holds_nothing_that_mjml_would_escape_again() -> None:
    shown = filters.attr('a\n "b"\u00a0c\u200b\\ <d> {{e}} ä')

    assert not set('"<>\\\n{}') & set(shown)
    assert shown.unescape() == 'a "b" c\u200b\\ <d> {{e}} ä'


@pytest.mark.parametrize("tag", TAGS)
def test_a_reader_tag_in_stored_text_is_escaped(tag: str) -> None:
    assert tag not in in_markup(tag)
    assert in_markup(tag).unescape() == tag
    assert tag not in in_plain_text(tag)
    assert in_plain_text(tag).replace("\u2060", "") == tag
    assert tag not in filters.attr(tag)
    assert tag not in filters.link(f"https://a.example/{tag}?q={tag}#{tag}")


@pytest.mark.parametrize("word", ["=?utf-8?q?a=0D=0Ab?=", "=?us-ascii*en?B?YQ==?=", "=??q?a?="])
def test_an_encoded_word_in_stored_text_is_escaped(word: str) -> None:
    written = in_plain_text(f"a {word} b")

    assert word[:3] not in written
    assert written.replace("\u2060", "") == f"a {word} b"
    assert in_markup(word).unescape() == word


@pytest.mark.parametrize(
    "text",
    [
        "a=?b",
        "https://a.example/?q=?",
        "state-of-the-art",
        "50% off, 20%",
        "{a}",
        "[1]",
        "a < b",
        "100%",
    ],
)
def test_text_that_only_resembles_a_tag_is_left_alone(text: str) -> None:
    assert in_plain_text(text) == text


def test_unprintable_and_bidirectional_controls_are_dropped() -> None:
    assert strip_unprintable("a\x00b\x1bc\ud800d\u202ee\r\nf\u2028g") == "abcde\nf\ng"
    assert one_line(" a\r\n b\u200b\u2066c ") == "a bc"


def test_piled_up_marks_are_cut_to_four() -> None:
    assert strip_unprintable("a" + "\u0335" * 40 + "b") == "a" + "\u0335" * 4 + "b"
    assert strip_unprintable("Việt nghệ e\u0302\u0301") == "Việt nghệ e\u0302\u0301"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://a.example/b?x='y'", "https://a.example/b?x=%27y%27"),
        ("https://a.example/ä", "https://a.example/%C3%A4"),
        ("https://a.example/50%", "https://a.example/50%25"),
        ("https://a.example/%20", "https://a.example/%20"),
        ("https://bücher.example:8443/", "https://xn--bcher-kva.example:8443/"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]/"),
        ("http://a.example", "http://a.example"),
    ],
)
def test_a_link_is_percent_encoded(url: str, written: str) -> None:
    assert filters.link(url) == written


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//a.example/",
        "/path",
        "https:///path",
        "https://me:secret@a.example/",
        "https://a.example:port/",
        "https://a.example/b c",
        "https://a.example/\nb",
        f"https://{'a' * 64}.example/",
        "https://[::1",
    ],
)
@pytest.mark.parametrize("write", [filters.link, filters.personal])
def test_only_web_links_are_printed_as_links(write: Callable[[str], str], url: str) -> None:
    with pytest.raises(ValueError, match="no web link"):
        write(url)


def test_wrapping_counts_columns_and_keeps_paragraphs() -> None:
    assert filters.wrap("one two three\nfour", 9) == "one two\nthree\nfour"
    assert filters.wrap("汉字汉字汉字", 8) == "汉字汉字\n汉字"
    assert filters.wrap("one two three", 9, indent="  ", first="1 ") == "1 one two\n  three"


def test_wrapping_keeps_a_figure_and_its_sign_together() -> None:
    assert filters.wrap("one 75\u00a0%", 6) == "one\n75\u00a0%"


def test_a_grid_wraps_each_cell_in_its_own_column() -> None:
    rows = [["", "Quayside Inference", "Oriel"], ["Entry", "Paid", "Free"]]

    assert filters.grid(rows, [6, 10, 10]) == (
        "        Quayside    Oriel\n        Inference\nEntry   Paid        Free"
    )


def test_seats_are_drawn_only_where_the_split_is_known() -> None:
    assert filters.seats(3, 4) == "\u25a0\u25a0\u25a0\u25a1"
    assert filters.seats(None, 4) == ""


def test_a_version_stays_with_its_name() -> None:
    assert filters.tied("Lantern Code 3") == "Lantern Code\u00a03"
    assert filters.tied("Fieldnote Research Agent") == "Fieldnote Research Agent"
