"""The fullest JSON-LD that a site may write of a comparison: every field the reader knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from digest.comparisons.models import Contender, Revision, Verdict
from digest.comparisons.slug import slugify
from subscribers.locale import translations

#: Signs that could end the element the data stand in, or begin a comment; JSON may escape them.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"}


def whole_data(revision: Revision, *, address: str, language: str) -> str:
    """Return a comparison as JSON-LD, escaped for a ``script`` element; *address* is its URL."""
    sides = sorted(revision.contenders, key=lambda contender: contender.side)
    told = {
        "@context": "https://schema.org",
        "@type": "ItemList",
        "identifier": _identifier(revision),
        "name": revision.title,
        "url": address,
        "mainEntityOfPage": _page(revision, address),
        "itemListElement": [_without_gaps(_tool(side, revision.seats, language)) for side in sides],
    }
    written = orjson.dumps(_without_gaps(told)).decode()
    return written.translate(_ESCAPES)


def _identifier(revision: Revision) -> dict[str, Any] | None:
    """Return the permanent name, where it isn't the title's."""
    slug = revision.comparison.slug
    if slug == slugify(revision.title):
        return None
    return {"@type": "PropertyValue", "propertyID": "slug", "value": slug}


def _page(revision: Revision, address: str) -> dict[str, Any]:
    day = revision.published_on
    return {
        "@type": "WebPage",
        "@id": address,
        "alternativeHeadline": revision.kicker,
        "headline": revision.question,
        "description": revision.intro,
        "datePublished": day.isoformat() if day else None,
        "isBasedOn": revision.url,
        "keywords": [{"@type": "DefinedTerm", "name": label} for label in revision.labels],
        "hasPart": [{"@type": "WebPageElement", "text": line} for line in revision.closing],
    }


def _tool(side: Contender, seats: int, language: str) -> dict[str, Any]:
    return {
        "@type": "SoftwareApplication",
        "name": side.name,
        "alternativeHeadline": side.tagline,
        "description": side.description,
        "applicationCategory": side.category,
        "url": side.url,
        "offers": {"@type": "Offer", "category": side.entry_text} if side.entry_text else None,
        "additionalProperty": [
            *_property("Panel ship", side.panel_share, "%"),
            *_property("Community", side.community_share, "%"),
            *_property("Reviewers", seats),
        ],
        "review": [_review(verdict, language) for verdict in side.verdicts],
    }


def _property(name: str, value: float | None, unit: str = "") -> list[dict[str, Any]]:
    if value is None:
        return []
    told = {"@type": "PropertyValue", "name": name, "value": value, "unitText": unit}
    return [_without_gaps(told)]


def _review(verdict: Verdict, language: str) -> dict[str, Any]:
    anonymous = translations(language).gettext("Reviewer %(seat)s") % {"seat": verdict.seat}
    told = {
        "@type": "Review",
        "position": verdict.seat,
        "name": verdict.call.value.capitalize() if verdict.call else None,
        "author": {"@type": "Person", "name": verdict.reviewer or anonymous},
        "reviewBody": verdict.quote,
    }
    return _without_gaps(told)


def _without_gaps(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said, without the names of what isn't."""
    return {
        name: _without_gaps(value) if isinstance(value, dict) else value
        for name, value in told.items()
        if value not in (None, "", [])
    }
