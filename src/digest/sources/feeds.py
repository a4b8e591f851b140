"""The pages of a feed: RSS, Atom or JSON Feed.

This module hides that the library would open a file, or ask a server, that a feed's text names: it
is given the bytes as a stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from time import struct_time
from typing import Any

import feedparser
import orjson

from digest.sources.listed_page import ListedPage, ListUnreadable, listed

#: The library takes some ten seconds for a million bytes that were made to be slow.
MOST_BYTES = 1_000_000
_JSON_FEED = "https://jsonfeed.org/version/"


def read_feed(body: bytes, *, url: str) -> list[ListedPage]:
    """Return the pages that the feed at *url* lists; raises `ListUnreadable`."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return listed(_json_items(body), base=url)
    if len(body) > MOST_BYTES:
        raise ListUnreadable(
            f"the feed has more than {MOST_BYTES:,} bytes; a sitemap may have more"
        )
    if b"<!ENTITY" in body.replace(b"\0", b"").upper():  # in UTF-16 too
        raise ListUnreadable("the feed declares entities, which none needs")
    feed = _parsed(body)
    if not feed.get("version"):
        raise ListUnreadable("this is neither RSS nor Atom nor JSON Feed")
    return listed(_entries(feed["entries"]), base=url)


def _parsed(body: bytes) -> Any:
    try:
        return feedparser.parse(BytesIO(body), resolve_relative_uris=False, sanitize_html=False)
    except Exception:  # a number out of range, a NUL in its encoding: whatever it meets
        raise ListUnreadable("the feed is broken") from None


def _entries(entries: list[Any]) -> Iterator[tuple[str, str | None]]:
    for entry in entries:
        # Asked for one that isn't there, the library warns that it may give the other.
        dates = [entry[name] for name in ("updated_parsed", "published_parsed") if name in entry]
        moment = next(filter(None, dates), None)
        if link := entry.get("link"):
            yield str(link), _iso(moment)


def _iso(moment: struct_time | None) -> str | None:
    if moment is None:
        return None
    try:
        return datetime(*moment[:6], tzinfo=UTC).isoformat()
    except ValueError:
        return None


def _json_items(body: bytes) -> Iterator[tuple[str, str | None]]:
    try:
        feed = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as fault:
        raise ListUnreadable(f"line {fault.lineno} isn't JSON") from None
    if not str(feed.get("version", "")).startswith(_JSON_FEED):
        raise ListUnreadable("this JSON isn't a JSON Feed, which would say its version")
    items = feed.get("items")
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and isinstance(item.get("url"), str):
            yield item["url"], str(item.get("date_modified") or item.get("date_published") or "")
