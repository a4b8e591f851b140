"""Pages as sites publish them: read to the same comparison, or refused with the words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from digest import samples
from digest.comparisons.json_parser import parse_json
from digest.comparisons.loader import read_file
from digest.comparisons.models import SEATS, SourceForm
from digest.comparisons.schema import ComparisonDraft, fingerprint
from digest.errors import ComparisonUnreadable
from digest.sources.pages import comparison_links, read_page
from tests.sources.pages.layouts import LAYOUTS, URL, page, plain

HTML = "text/html; charset=utf-8"
SAMPLES = samples.comparisons()
PAGES = [path for path in SAMPLES if path.suffix == ".txt"]


def read(html: str, content_type: str = HTML) -> ComparisonDraft:
    return read_page(html.encode(), content_type=content_type, url=URL)


def refusal(html: str) -> ComparisonUnreadable:
    with pytest.raises(ComparisonUnreadable) as refused:
        read(html)
    return refused.value


def at_its_address(draft: ComparisonDraft) -> str:
    """The content of a page that was read where it stands."""
    return fingerprint(draft.model_copy(update={"url": URL}))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem[:20])
def test_a_page_is_read_in_any_layout(path: Path, layout: Callable[[ComparisonDraft], str]) -> None:
    draft = read_file(path)

    told = read(layout(draft))

    assert fingerprint(told) == at_its_address(draft)
    assert (told.form, told.url) == (SourceForm.PAGE, URL)


def test_what_a_visitor_does_not_see_is_not_read() -> None:
    draft = read_file(PAGES[0])
    unseen = (
        "<p hidden>Hidden</p><p style='display: none'>Styled away</p><script>words()</script>"
        "<template><p>Template</p></template><noscript><p>No script</p></noscript><!-- Comment -->"
        "<svg><text>Drawn</text></svg><select><option>Chosen</option></select>"
    )

    told = read(plain(draft).replace("<h1>", f"{unseen}<h1>").replace("</h2>", f"</h2>{unseen}"))

    assert fingerprint(told) == at_its_address(draft)


def test_plain_text_and_json_are_read_by_their_own_parsers() -> None:
    text = PAGES[0].read_text("utf-8")
    json = next(path for path in SAMPLES if path.suffix == ".json").read_text("utf-8")

    assert fingerprint(read(text, "text/plain")) == at_its_address(read_file(PAGES[0]))
    assert read(text, "").title == read_file(PAGES[0]).title
    for content_type in ("application/json", "application/vnd.tools+json; v=1", "", "text/plain"):
        assert read(json, content_type) == parse_json(json)


def test_other_content_is_refused_by_its_type() -> None:
    with pytest.raises(ComparisonUnreadable, match="this is 'image/png'; a comparison is publ"):
        read("PNG", "image/png")


def test_a_refusal_has_the_line_and_its_words() -> None:
    html = plain(read_file(PAGES[0]))

    scorecard = refusal(html.replace("Reviewer scorecard", "Reviewers"))
    share = refusal(html.replace("%</p>\n<p>Panel ship", "</p>\n<p>Panel ship", 1))

    assert scorecard.reason.startswith("at “")
    assert "no line “Reviewer scorecard”" in scorecard.reason
    assert share.line == 7
    assert "should be a share from 0% to 100%" in share.reason
    assert str(share).startswith(f"{URL}:7: at “")


def test_what_a_refusal_quotes_is_printable_and_short() -> None:
    line = f"Share\x1b[31m\u202e {'x' * 200}"
    html = plain(read_file(PAGES[0])).replace("</h1>", f"</h1><p>{line}</p>")

    assert refusal(html).reason.startswith("at “Share?[31m? xxx")
    assert len(refusal(html).reason) < 150


FRAGMENTS = some.sampled_from(
    [
        *("<main>", "</main>", "<p>", "</p>", "<table><td>", "<h1>", "</h1>", "<br>", "<b>", "<q>"),
        *(
            "<blockquote>",
            "</blockquote>",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            "<article>",
            "&",
        ),
        *("<script type=application/ld+json>", '{"@type":"ItemList"}', "<template>", "<svg>", "<"),
        *(
            "Panel ship",
            "75%",
            "—",
            "Community",
            "Entry",
            "Reviewer scorecard",
            "“x”",
            "A vs B",
            "\0",
        ),
    ]
)


@given(some.lists(FRAGMENTS | some.text(max_size=5), max_size=60), some.sampled_from([HTML, ""]))
def test_nothing_but_a_refusal_is_ever_raised(parts: list[str], content_type: str) -> None:
    body = "".join(parts).encode("utf-8", "replace")
    with suppress(ComparisonUnreadable):
        read_page(body, content_type=content_type, url=URL)
    with suppress(ComparisonUnreadable):
        comparison_links(body, content_type=content_type, url=URL)


@given(some.binary(max_size=60), some.text(max_size=40))
def test_no_bytes_and_no_content_type_raise_anything_else(body: bytes, content_type: str) -> None:
    with suppress(ComparisonUnreadable):
        read_page(body, content_type=content_type, url=URL)


@pytest.mark.parametrize("html", ["", " ", "<html></html>", page("<main><p>News</p></main>")])
def test_a_page_without_a_comparison_is_refused(html: str) -> None:
    assert "is this a comparison page?" in refusal(html).reason


@pytest.mark.parametrize(
    ("encoding", "content_type", "meta"),
    [
        ("utf-8", "text/html", ""),
        ("utf-8-sig", "text/html; charset=iso-8859-1", ""),
        ("utf-16", "text/html", ""),
        ("cp1252", "text/html; charset=iso-8859-1", ""),  # browsers read it as windows-1252
        ("cp1252", "text/html", '<meta charset="windows-1252">'),
        ("cp1252", "text/html", "<meta http-equiv=x content='text/html; charset=latin1'>"),
    ],
)
def test_the_encoding_is_the_one_a_browser_uses(
    encoding: str, content_type: str, meta: str
) -> None:
    draft = read_file(PAGES[0])
    body = (meta + plain(draft)).encode(encoding)

    told = read_page(body, content_type=content_type, url=URL)

    assert fingerprint(told) == at_its_address(draft)


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("text/html", "this isn't UTF-8 text, though the page says so"),
        ("text/html; charset=utf-7", "its encoding 'utf-7' isn't known"),
        ("text/html; charset=rot13", "its encoding 'rot13' isn't known"),
    ],
)
def test_no_encoding_is_guessed(content_type: str, words: str) -> None:
    with pytest.raises(ComparisonUnreadable, match=words):
        read_page(b"<p>\x93Fine\x94</p>", content_type=content_type, url=URL)


def test_a_page_lists_the_links_of_its_site_once_each() -> None:
    html = page(
        "<main><a href='/compare/a'>A</a><a href='b#top'><b>B</b></a><a href='/compare/a'>A</a>"
        "<a href='https://elsewhere.example/c'>C</a><a href='mailto:x@y.example'>Mail</a>"
        "<a href='http://[broken'>D</a><a>E</a></main>"
    )

    links = comparison_links(html.encode(), content_type=HTML, url=URL)

    assert links == (
        "https://tools.example/",
        "https://tools.example/compare",
        "https://tools.example/compare/a",
        "https://tools.example/compare/b",
    )
    assert comparison_links(b"{}", content_type="application/json", url=URL) == ()


def test_every_seat_of_a_sample_page_is_read() -> None:
    told = read(plain(read_file(PAGES[0])))
    assert [len(side.verdicts) for side in told.contenders] == [SEATS, SEATS]


@pytest.mark.parametrize(
    ("named", "url"),
    [
        ("/compare/lathe", "https://tools.example/compare/lathe"),
        ("https://www.tools.example/lathe", "https://www.tools.example/lathe"),
        ("https://elsewhere.example/lathe", URL),
        ("javascript:alert(1)", URL),
        ("", URL),
    ],
)
def test_the_address_is_the_canonical_one_of_its_site(named: str, url: str) -> None:
    words = "".join(f"<p>{line}</p>" for line in PAGES[0].read_text("utf-8").splitlines())
    html = f"<html><head><link rel=canonical href='{named}'></head><body>{words}</body></html>"
    assert read(html).url == url
