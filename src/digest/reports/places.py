"""Where in a mail each link stands, and how hot it was."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser

from digest.delivery.numbers import Link

_ANCHOR = re.compile(r'<a\b([^>]*?)\bhref="([^"]*)"([^>]*)>(.*?)</a>', re.IGNORECASE | re.DOTALL)
_SCRIPT = re.compile(r"<(script|iframe|object|embed|form)\b", re.IGNORECASE)
_STYLE = (
    "[data-heat]{background:rgba(226,87,30,var(--h))!important;outline:2px solid"
    " rgba(226,87,30,calc(var(--h) + .15));outline-offset:1px;border-radius:3px}"
    ".digest-count{display:inline-block;margin-left:6px;padding:0 7px;border-radius:9px;"
    "background:#b43c0c;color:#fff!important;font:600 12px/18px sans-serif;white-space:nowrap}"
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A link as it stands in a mail."""

    url: str
    words: str  #: what is clicked
    section: str  #: the heading above it


def places(html: str) -> list[Place]:
    """Return the links of a mail in order, each under the heading it stands below."""
    reader = _Reader()
    reader.feed(html)
    return reader.found


def heat_map(html: str, links: Sequence[Link]) -> str:
    """Return the mail with every followed link coloured by how many readers followed it."""
    if _SCRIPT.search(html):
        return ""  # a mail has none of these, and a page that shows one must not either
    readers = {link.url: link for link in links}
    most = max((link.readers for link in links), default=0)
    marked = _ANCHOR.sub(lambda found: _marked(found, readers, most), html)
    return marked.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def _marked(found: re.Match[str], links: Mapping[str, Link], most: int) -> str:
    before, url, after, inside = found.groups()
    link = links.get(unescape(url))
    if link is None or not most:
        return f"<a{before}{after}>{inside}</a>"
    # The square root: else only the hottest would show any colour.
    heat = 0.12 + 0.5 * (link.readers / most) ** 0.5
    attributes = re.sub(r'\sstyle="', f' style="--h:{heat:.2f};', before + after, count=1)
    if "--h:" not in attributes:
        attributes += f' style="--h:{heat:.2f}"'
    words = f"{link.surely:,} to {link.readers:,}" if link.surely < link.readers else link.readers
    count = f'<span class="digest-count" title="{escape(link.url)}">{words}</span>'
    return f"<a{attributes} data-heat>{inside}</a>{count}"


class _Reader(HTMLParser):
    """Reads links and the headings of the comparisons they belong to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Place] = []
        self._heading: list[str] | None = None
        self._section = ""
        self._link: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "h2":
            self._heading = []
        elif tag == "a":
            self._link = (dict(attrs).get("href") or "", [])

    def handle_data(self, data: str) -> None:
        if self._heading is not None:
            self._heading.append(data)
        if self._link is not None:
            self._link[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2" and self._heading is not None:
            self._section, self._heading = _line(self._heading), None
        elif tag == "a" and self._link is not None:
            url, words = self._link
            if url.startswith(("http://", "https://")):
                self.found.append(Place(url=url, words=_line(words), section=self._section))
            self._link = None


def _line(parts: Sequence[str]) -> str:
    return " ".join("".join(parts).split())
