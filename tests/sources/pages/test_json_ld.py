"""JSON-LD as sites write it: read where it's a whole comparison, else passed over."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import Any

import pytest

from digest import samples
from digest.comparisons.loader import read_file
from digest.comparisons.models import Call, Entry
from digest.comparisons.schema import ComparisonDraft, fingerprint
from digest.errors import ComparisonUnreadable
from digest.sources.pages import read_page
from tests.sources.pages.layouts import URL, plain

Node = dict[str, Any]


def review(author: str, body: str, **more: Any) -> Node:
    return {"@type": "Review", "author": {"name": author}, "reviewBody": body, **more}


def tool(name: str, *reviews: Node, **more: Any) -> Node:
    return {"@type": "SoftwareApplication", "name": name, "review": list(reviews), **more}


LEFT = tool("Lathe", review("Ann", "Small patches."), review("Bo", "It says no."))
RIGHT = tool("Mortar Studio", review("Bo", "It compiles."), review("Ann", "A demo."))


def html(*data: Any, around: str = "") -> str:
    blocks = (each if isinstance(each, str) else json.dumps(each) for each in data)
    scripts = "".join(f'<script type="application/ld+json">{block}</script>' for block in blocks)
    return f"<html><head>{scripts}</head><body>{around}</body></html>"


def read(*data: Any, around: str = "") -> ComparisonDraft:
    body = html(*data, around=around).encode()
    return read_page(body, content_type="text/html; charset=utf-8", url=URL)


def quotes(draft: ComparisonDraft) -> list[list[tuple[int, str]]]:
    return [[(each.seat, each.quote) for each in side.verdicts] for side in draft.contenders]


def test_a_list_of_items_in_a_graph_with_the_reviews_apart() -> None:
    graph = [
        {"@type": "Organization", "name": "The Site"},
        {
            "@type": ["ItemList", "CreativeWork"],
            "itemListElement": [
                {"@type": "ListItem", "position": 1, "item": {"@id": "#l"}},
                {"@type": "ListItem", "position": 2, "item": {"@id": "#m"}},
            ],
        },
        {"@id": "#l", "@type": "https://schema.org/Product", "name": "Lathe"},
        {"@id": "#m", "@type": "Product", "name": "Mortar Studio"},
        review("Ann", "Small patches.", itemReviewed={"@id": "#l"}),
        review("Bo", "It compiles.", itemReviewed={"@type": "Product", "name": "Mortar Studio"}),
    ]

    told = read({"@context": "https://schema.org", "@graph": graph})

    assert told.title == "Lathe vs Mortar Studio"
    assert quotes(told) == [[(1, "Small patches.")], [(2, "It compiles.")]]
    assert told.url == URL


def test_an_article_with_two_reviewed_tools_and_no_list() -> None:
    article = {
        "@type": "Article",
        "headline": "Lathe vs Mortar Studio",
        "description": "Which one? A look.",
        "datePublished": "2026-11-20T08:00:00Z",
        "about": [LEFT, RIGHT],
    }

    told = read(article)

    assert (told.title, told.question, told.intro) == (
        "Lathe vs Mortar Studio",
        "",
        "Which one? A look.",
    )
    assert str(told.published_on) == "2026-11-20"


def test_a_reviewer_has_one_seat_whatever_the_order() -> None:
    told = read([LEFT], [RIGHT])

    assert quotes(told) == [
        [(1, "Small patches."), (2, "It says no.")],
        [(1, "A demo."), (2, "It compiles.")],
    ]
    assert [each.reviewer for each in told.contenders[1].verdicts] == ["Ann", "Bo"]
    assert told.seats == 4


@pytest.mark.parametrize(
    ("more", "kind", "word"),
    [
        ({"offers": {"category": "Freemium", "price": 0}}, Entry.OTHER, "Freemium"),
        ({"offers": {"price": "0.00", "priceCurrency": "USD"}}, Entry.FREE, "Free"),
        ({"offers": [{"price": 9}, {"price": 0}]}, Entry.FREE, "Free"),
        ({"offers": {"@type": "AggregateOffer", "lowPrice": "19"}}, Entry.PAID, "Paid"),
        ({"isAccessibleForFree": True}, Entry.FREE, "Free"),
        ({"offers": {"price": "on request"}}, None, ""),
        ({}, None, ""),
    ],
)
def test_what_an_offer_says_of_the_entry(more: Node, kind: Entry | None, word: str) -> None:
    side = read([LEFT | more, RIGHT]).contenders[0]
    assert (side.entry, side.entry_text) == (kind, word)


def test_a_rating_is_neither_a_share_nor_a_call() -> None:
    rated = review("Ann", "Fine.", reviewRating={"ratingValue": 5})
    said = review("Bo", "No.", headline="Would skip")
    stars = {"aggregateRating": {"ratingValue": 4.5, "reviewCount": 8}}

    side = read([tool("Lathe", rated, said, **stars), RIGHT]).contenders[0]

    assert side.panel_share is side.community_share is None
    assert [each.call for each in side.verdicts] == [None, Call.SKIP]


SHORT: list[tuple[list[Any], str]] = [
    (['{"@type": "ItemList",'], "it isn't JSON, line 1, column 22"),
    (["[" * 100_000], "nested too deeply"),
    (["[" + "9" * 5_000 + "]"], "a number that is too long"),
    ([{"@type": "WebSite"}], "it has reviews of 0 tools; a comparison has two"),
    ([[LEFT]], "it has reviews of 1 tools"),
    ([{"@type": "ItemList", "itemListElement": [{"url": "/a"}] * 3}], "its ItemList has 3 entries"),
    ([{"@type": "ItemList", "itemListElement": [LEFT, tool("B")]}], "no Review with a reviewBody"),
    ([[LEFT, tool("lathe!", review("Ann", "x"))]], "a tool can't be compared with itself"),
    ([[LEFT, tool("B" * 201, review("Ann", "x"))]], "name of the right tool: has 201 characters"),
]


@pytest.mark.parametrize(("data", "reason"), SHORT)
def test_data_that_fall_short_are_passed_over_and_the_reason_is_kept(
    data: list[Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    draft = read_file(next(path for path in samples.comparisons() if path.suffix == ".txt"))
    with caplog.at_level(logging.INFO):
        told = read(*data, around=plain(draft))
    with pytest.raises(ComparisonUnreadable) as refused:
        read(*data, around="<p>Nothing</p>")

    assert fingerprint(told) == fingerprint(draft.model_copy(update={"url": URL}))
    assert reason in caplog.text
    assert "Its JSON-LD falls short, too" in refused.value.reason
    assert reason in refused.value.reason


@pytest.mark.parametrize("value", [float("inf"), float("nan"), "nan", "1e999", 10**400, "x", True])
def test_a_number_that_is_none_is_not_said(value: Any) -> None:
    told = [
        {"@type": "PropertyValue", "name": name, "value": value}
        for name in ("Panel ship", "Reviewers")
    ]

    draft = read([LEFT | {"additionalProperty": told}, RIGHT])

    assert (draft.contenders[0].panel_share, draft.seats) == (None, 4)


def test_data_without_shares_give_way_to_a_page_that_shows_them() -> None:
    draft = read_file(next(path for path in samples.comparisons() if path.suffix == ".txt"))
    share = {"additionalProperty": {"@type": "PropertyValue", "name": "Panel ship", "value": "75%"}}

    assert read([LEFT, RIGHT], around=plain(draft)).title == draft.title
    assert read([LEFT | share, RIGHT], around=plain(draft)).contenders[0].panel_share == 75


def test_a_broken_block_does_not_hide_a_whole_one() -> None:
    assert read("{", [LEFT, RIGHT]).title == "Lathe vs Mortar Studio"


@pytest.mark.parametrize(
    "value", [None, 1, "x", [], {}, [[]], {"@id": "#self"}, True, [None], "\ud800"]
)
@pytest.mark.parametrize(
    "key", ["@type", "@id", "review", "itemReviewed", "offers", "url", "additionalProperty"]
)
def test_values_of_any_type_raise_nothing_else(key: str, value: Any) -> None:
    data = [LEFT | {key: value}, RIGHT, review("Ann", "x") | {key: value}]
    head = {"@type": "ItemList", "itemListElement": value, "mainEntityOfPage": value}
    with suppress(ComparisonUnreadable):
        read(data, head)
