"""How schema.org's words for two reviewed tools become the keys of a comparison; pure.

This module hides the shapes in which sites write them: one block or several, a graph or a tree,
a list of tools with their reviews, or reviews that name their tools. What isn't said stays unknown:
a rating is no share, and a price no verdict.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from digest.comparisons.content_faults import printable_key
from digest.comparisons.models import MAX_SEATS, SEATS, Call
from subscribers.locale import LANGUAGES, translations

Node = Mapping[str, Any]

_MAX_NODES = 5_000
_TOOLS = frozenset(
    {"SoftwareApplication", "WebApplication", "MobileApplication", "Product", "Service"}
)
_PAGES = frozenset({"WebPage", "Article", "BlogPosting", "NewsArticle", "TechArticle"})
_CALLS = {"ship": Call.SHIP, "would ship": Call.SHIP, "skip": Call.SKIP, "would skip": Call.SKIP}
_QUESTION = re.compile("[?\uff1f\u061f]")
_SIDES = 2


class NoComparison(Exception):
    """The data don't say a whole comparison; the message says what they lack."""


def content_of_data(blocks: Sequence[str]) -> dict[str, Any]:
    """Return the keys and values that a page's JSON-LD says, as `draft_of` takes them.

    Raises `NoComparison`.
    """
    graph = _Graph(blocks)
    head, tools = _compared(graph)
    reviews = [graph.reviews_of(tool) for tool in tools]
    for tool, said in zip(tools, reviews, strict=True):
        if not said:
            name = printable_key(_line(tool, "name"))
            raise NoComparison(f"no Review with a reviewBody is about {name}")
    seats = _seats(reviews)
    sides = [
        _contender(tool, said, seated)
        for tool, said, seated in zip(tools, reviews, seats, strict=True)
    ]
    panel = [count for tool in tools if (count := _property(tool, "reviewers"))]
    content = {
        **_heading(graph, head),
        "seats": int(panel[0]) if panel else max(SEATS, *(max(seated) for seated in seats)),
        "contenders": sides,
    }
    return {key: value for key, value in content.items() if value not in (None, "", [])}


class _Graph:
    """The nodes of all blocks, in the order of the page."""

    def __init__(self, blocks: Sequence[str]) -> None:
        self.nodes: list[Node] = []
        self.faults: list[str] = []  # of blocks that can't be read
        for block in blocks:
            try:
                self.nodes.extend(_nodes(_loaded(block), _MAX_NODES - len(self.nodes)))
            except NoComparison as fault:
                self.faults.append(str(fault))
        self._by_id = {
            str(node["@id"]): node
            for node in reversed(self.nodes)
            if len(node) > 1 and "@id" in node
        }

    def of_type(self, names: frozenset[str]) -> list[Node]:
        """Return the nodes of one of these types."""
        return [node for node in self.nodes if names & _types(node)]

    def whole(self, value: Any) -> Node:
        """Return the node that a value is or names; an empty one for anything else."""
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        if isinstance(value, str):
            return self._by_id.get(value, {})
        if not isinstance(value, dict):
            return {}
        return self._by_id.get(str(value["@id"]), value) if "@id" in value else value

    def reviews_of(self, tool: Node) -> list[Node]:
        """Return what is said of a tool, in the tool's own node or apart from it."""
        own = [self.whole(each) for each in _many(tool.get("review") or tool.get("reviews"))]
        name = _line(tool, "name").casefold()
        apart = (
            review
            for review in self.of_type(frozenset({"Review"}))
            if _line(self.whole(review.get("itemReviewed")), "name").casefold() == name
        )
        return [review for review in (own or apart) if _body(review)]


def _loaded(block: str) -> Any:
    try:
        return json.loads(block)
    except json.JSONDecodeError as fault:
        reason = f"it isn't JSON, line {fault.lineno}, column {fault.colno}"
    except (RecursionError, ValueError):
        reason = "it is nested too deeply, or has a number that is too long"
    raise NoComparison(reason) from None


def _nodes(value: Any, most: int) -> Iterator[Node]:
    """Yield every object of a JSON value, an outer one before those in it."""
    waiting, count = [value], 0
    while waiting and count < most:
        value = waiting.pop()
        if isinstance(value, dict):
            count += 1
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _types(node: Node) -> frozenset[str]:
    names = (name for name in _many(node.get("@type")) if isinstance(name, str))
    return frozenset(re.split("[/:#]", name)[-1] for name in names)


def _compared(graph: _Graph) -> tuple[Node, Sequence[Node]]:
    """Return the node that is the comparison, and both tools, the left one first."""
    lists = graph.of_type(frozenset({"ItemList"}))
    counts = []
    for each in lists:
        tools = [_listed(graph, element) for element in _many(each.get("itemListElement"))]
        if len(tools) == _SIDES and all(_line(tool, "name") for tool in tools):
            return each, tools
        counts.append(len(tools))
    tools = list(_reviewed(graph))
    if len(tools) == _SIDES:
        return {}, tools
    if graph.faults:
        raise NoComparison(graph.faults[0])
    if counts:
        raise NoComparison(f"its ItemList has {counts[0]} entries; a comparison has two tools")
    raise NoComparison(f"it has reviews of {len(tools)} tools; a comparison has two")


def _listed(graph: _Graph, element: Any) -> Node:
    node = graph.whole(element)
    return graph.whole(node.get("item")) if "ListItem" in _types(node) else node


def _reviewed(graph: _Graph) -> Iterator[Node]:
    """Yield each tool that the page reviews, once."""
    apart = (graph.whole(each.get("itemReviewed")) for each in graph.of_type(frozenset({"Review"})))
    own = (each for each in graph.of_type(_TOOLS) if each.get("review"))
    seen = set()
    for tool in (*own, *apart):
        name = _line(tool, "name").casefold()
        if name and name not in seen:
            seen.add(name)
            yield tool


def _heading(graph: _Graph, head: Node) -> dict[str, Any]:
    """Return what stands around the tools."""
    pages = [graph.whole(head.get("mainEntityOfPage")), *graph.of_type(_PAGES)]
    page = next((each for each in pages if _PAGES & _types(each)), {})
    title = _line(head, "name") or _line(page, "headline") or _line(page, "name")
    question, intro = _line(page, "headline"), _line(page, "description")
    if question.casefold() == title.casefold():
        question = ""
    if not question and not intro:
        question, intro = _parted(_line(head, "description"))
    day = _line(page, "datePublished") or _line(head, "datePublished")
    return {
        "slug": _slug(head),
        "kicker": _line(page, "alternativeHeadline"),
        "title": title,
        "question": question,
        "intro": intro,
        "published_on": day[:10] if re.match(r"\d{4}-\d\d-\d\d", day, re.ASCII) else None,
        "url": _line(page, "isBasedOn"),
        "labels": [_line(each, "name") for each in _typed(page.get("keywords"), "DefinedTerm")],
        "closing": [
            line
            for each in _typed(page.get("hasPart"), "WebPageElement")
            if (line := _line(each, "text"))
        ],
    }


def _parted(lead: str) -> tuple[str, str]:
    """Return a text as question and intro, as the text of a page is parted."""
    mark = _QUESTION.search(lead)
    return (lead[: mark.end()], lead[mark.end() :].strip()) if mark else ("", lead)


def _slug(head: Node) -> str:
    named = _typed(head.get("identifier"), "PropertyValue")
    return next((_line(each, "value") for each in named if each.get("propertyID") == "slug"), "")


def _contender(tool: Node, reviews: Sequence[Node], seats: Sequence[int]) -> dict[str, Any]:
    content = {
        "name": _line(tool, "name"),
        "category": _line(tool, "applicationCategory") or _line(tool, "category"),
        "tagline": _line(tool, "alternativeHeadline") or _line(tool, "slogan"),
        "description": _text(tool, "description"),
        "panel_share": _property(tool, "panel ship"),
        "community_share": _property(tool, "community"),
        "entry": _entry(tool),
        "url": _address(tool),
        "verdicts": [_verdict(each, seat) for each, seat in zip(reviews, seats, strict=True)],
    }
    return {key: value for key, value in content.items() if value not in (None, "")}


def _verdict(review: Node, seat: int) -> dict[str, Any]:
    reviewer = _author(review)
    if reviewer in _placeholders(seat):
        reviewer = ""
    told = _line(review, "name") or _line(review, "headline")
    call = _CALLS.get(told.casefold())
    return {"seat": seat, "quote": _body(review), "call": call, "reviewer": reviewer or None}


def _seats(reviews: Sequence[Sequence[Node]]) -> list[list[int]]:
    """Return the seat of each review: its position, else its author's, else its turn."""
    positions = [[each.get("position") for each in side] for side in reviews]
    if all(_are_seats(side) for side in positions):
        return [[int(seat) for seat in side if seat is not None] for side in positions]
    authors = [[_author(each) for each in side] for side in reviews]
    known = list(dict.fromkeys(name for side in authors for name in side))
    if all(all(side) and len(set(side)) == len(side) for side in authors):
        return [[known.index(name) + 1 for name in side] for side in authors]
    return [list(range(1, len(side) + 1)) for side in reviews]


def _are_seats(positions: Sequence[Any]) -> bool:
    seats = [each for each in positions if type(each) is int and 1 <= each <= MAX_SEATS]
    return len(set(seats)) == len(positions)


def _placeholders(seat: int) -> set[str]:
    """Return what a page calls a reviewer of whom only the seat is known."""
    told = (translations(language).gettext("Reviewer %(seat)s") for language in LANGUAGES)
    return {words % {"seat": seat} for words in told}


def _author(review: Node) -> str:
    for author in _many(review.get("author")):
        name = _line(author, "name") if isinstance(author, dict) else _flat(author)
        if name:
            return name
    return ""


def _entry(tool: Node) -> str:
    """Return the published word, or what a price of nothing means."""
    offers = [each for each in _many(tool.get("offers")) if isinstance(each, dict)]
    if word := next(filter(None, (_line(each, "category") for each in offers)), ""):
        return word
    prices = [_number(each.get("lowPrice", each.get("price"))) for each in offers]
    known = [price for price in prices if price is not None]
    if known:
        return "Paid" if min(known) else "Free"
    return "Free" if tool.get("isAccessibleForFree") is True else ""


def _property(tool: Node, name: str) -> float | None:
    for each in _typed(tool.get("additionalProperty"), "PropertyValue"):
        if _line(each, "name").casefold() == name:
            return _number(each.get("value"))
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = value.strip().removesuffix("%").strip()
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def _address(tool: Node) -> str:
    urls = (_flat(each) for each in (*_many(tool.get("url")), *_many(tool.get("sameAs"))))
    return next((url for url in urls if url.startswith(("https://", "http://"))), "")


def _body(review: Node) -> str:
    return _text(review, "reviewBody") or _text(review, "text") or _text(review, "description")


def _typed(value: Any, name: str) -> list[Node]:
    return [each for each in _many(value) if isinstance(each, dict) and name in _types(each)]


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(node: Node, key: str) -> str:
    value = node.get(key)
    return value.strip() if isinstance(value, str) else ""


def _line(node: Node, key: str) -> str:
    return _flat(node.get(key))


def _flat(value: Any) -> str:
    return " ".join(value.split("\n")).strip() if isinstance(value, str) else ""
