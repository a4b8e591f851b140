"""How a feed is written: Atom 1.0 (RFC 4287) and JSON Feed 1.1, from the same entries; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import orjson

from digest.render.escaping import strip_unprintable

ATOM_TYPE = "application/atom+xml; charset=utf-8"
JSON_TYPE = "application/feed+json; charset=utf-8"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # Atom wants a date of a feed without entries too


@dataclass(frozen=True, kw_only=True)
class FeedEntry:
    """One entry; its *url*, which never changes, is also its id."""

    url: str
    title: str
    published: datetime
    updated: datetime  #: the last change that a reader should know of
    summary: str
    html: str  #: with absolute URLs
    category: str = ""
    image: str = ""  #: URL of the share picture


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed, in whichever format; the entries are the newest ones, the newest first."""

    title: str
    subtitle: str
    language: str
    author: str
    page: str  #: URL of the page that lists the same, also the feed's id
    atom: str  #: URL of the Atom form
    json: str  #: URL of the JSON form
    entries: Sequence[FeedEntry]

    @property
    def updated(self) -> datetime:
        """Return when an entry last changed; the epoch where there is none."""
        return max((entry.updated for entry in self.entries), default=_NEVER)


def atom(feed: Feed) -> bytes:
    """Return a feed as Atom 1.0."""
    root = ElementTree.Element(
        "feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": feed.language}
    )
    _text(root, "id", feed.page)
    _text(root, "title", feed.title)
    if feed.subtitle:
        _text(root, "subtitle", feed.subtitle)
    _text(root, "updated", _moment(feed.updated))
    _text(ElementTree.SubElement(root, "author"), "name", feed.author)
    _link(root, "self", feed.atom, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    for entry in feed.entries:
        _entry(root, entry)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(root: ElementTree.Element, entry: FeedEntry) -> None:
    element = ElementTree.SubElement(root, "entry")
    _text(element, "id", entry.url)
    _text(element, "title", entry.title)
    _text(element, "published", _moment(entry.published))
    _text(element, "updated", _moment(entry.updated))
    _link(element, "alternate", entry.url, "text/html")
    if entry.category:
        ElementTree.SubElement(element, "category", {"term": strip_unprintable(entry.category)})
    _text(element, "summary", entry.summary)
    _text(element, "content", entry.html, type="html")


def _text(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, name, attributes).text = strip_unprintable(text)


def _link(parent: ElementTree.Element, relation: str, url: str, media_type: str) -> None:
    ElementTree.SubElement(parent, "link", {"rel": relation, "href": url, "type": media_type})


def json(feed: Feed) -> bytes:
    """Return a feed as JSON Feed 1.1."""
    told: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page,
        "feed_url": feed.json,
        "language": feed.language,
        "authors": [{"name": feed.author}],
        "items": [_item(entry) for entry in feed.entries],
    }
    if feed.subtitle:
        told["description"] = feed.subtitle
    return orjson.dumps(told)


def _item(entry: FeedEntry) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": entry.url,
        "url": entry.url,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.html,
        "date_published": _moment(entry.published),
        "date_modified": _moment(entry.updated),
    }
    if entry.category:
        told["tags"] = [entry.category]
    if entry.image:
        told["image"] = entry.image
    return told


def _moment(moment: datetime) -> str:
    """Return a moment as RFC 3339 wants it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
