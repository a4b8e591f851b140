"""What search engines may read of a comparison: schema.org's words for it, as JSON-LD; pure.

The verdicts that a mail quotes are reviews, with the passage it quotes; the page has all words.
The panel's share is no rating, since nobody gave marks, so there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from markupsafe import Markup

from digest.web.comparison_page import ComparisonPage

#: Signs that could end the element the data stand in, or begin a comment; JSON may escape them.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"}


def structured_data(page: ComparisonPage, *, address: str) -> Markup:
    """Return a comparison as JSON-LD, escaped for a ``script`` element; *address* is its URL."""
    told = {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "name": page.title,
        "url": address,
        "itemListElement": [_tool(page, number) for number in range(len(page.sides))],
    }
    return Markup(orjson.dumps(told).decode().translate(_ESCAPES))  # noqa: S704 - escaped here


def _tool(page: ComparisonPage, number: int) -> dict[str, Any]:
    side = page.sides[number]
    told = {
        "@type": "SoftwareApplication",
        "name": side.name,
        "description": side.tagline,
        "applicationCategory": side.category,
        "review": list(_reviews(page, number)),
    }
    return {name: value for name, value in told.items() if value}


def _reviews(page: ComparisonPage, number: int) -> Iterator[dict[str, Any]]:
    names = {seat.number: seat.reviewer for seat in page.seats}
    for quote in page.quotes:
        if quote.about == page.sides[number].name:
            author = {"@type": "Person", "name": names[quote.seat]}
            yield {"@type": "Review", "author": author, "reviewBody": quote.text}
