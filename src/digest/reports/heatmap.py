"""The heat map: where in a mail each link stands, and how its colour shows its readers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser

from digest.delivery.reporting import LinkStatistics

_ANCHOR = re.compile(r'<a\b([^>]*?)\bhref="([^"]*)"([^>]*)>(.*?)</a>', re.IGNORECASE | re.DOTALL)
_ACTIVE = {"script", "iframe", "object", "embed", "form", "template", "link", "base", "meta"}
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SHEET = re.compile(r"<style\b[^>]*>(.*?)</style>", re.IGNORECASE | re.DOTALL)
_BODY = re.compile(r"<body\b([^>]*)>(.*)</body>", re.IGNORECASE | re.DOTALL)
_LEADS = re.compile(
    r"\s(?:href|src|srcset|background|poster)\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s<>]+)(?=[^<]*>)",
    re.IGNORECASE,
)
_LOADS = re.compile(r"@import[^;]*;?|url\([^)]*\)", re.IGNORECASE)
_BODY_RULE = re.compile(r"(?<![\w.#-])body(?=\s*[,{])")
_STYLE = (
    ".digest-body{font:16px/normal sans-serif}"
    "[data-heat]{background:rgba(226,87,30,var(--h))!important;outline:2px solid"
    " rgba(226,87,30,calc(var(--h) + .15));outline-offset:1px;border-radius:3px}"
    ".digest-body a[data-heat],.digest-body a[data-heat] *{color:#16181d!important}"
    "@media (prefers-color-scheme:dark){.digest-body a[data-heat],"
    ".digest-body a[data-heat] *{color:#fff!important}}"
    ".digest-count{display:inline-block;margin-left:6px;padding:0 7px;border-radius:9px;"
    "background:#b43c0c;color:#fff!important;font:600 12px/18px sans-serif;white-space:nowrap}"
)


@dataclass(frozen=True, kw_only=True)
class LinkPosition:
    """A link at its place in a mail."""

    url: str
    words: str  #: the text of the link
    section: str  #: the heading above it


def link_positions(html: str) -> list[LinkPosition]:
    """Return the web links of a mail in order, each with the heading above it."""
    reader = _Reader()
    reader.feed(html)
    return reader.positions


def heat_map(html: str, links: Sequence[LinkStatistics]) -> str:
    """Return the mail with every followed link coloured by how many readers followed it.

    The HTML is for a shadow root: styles and body, without targets, remote resources or scripts.
    It is empty where the mail holds an active element.
    """
    plain = _COMMENT.sub("", html)
    body = _BODY.search(plain)
    if body is None or _is_active(body[2]):
        return ""
    readers = {link.url: link for link in links}
    most = max((link.readers for link in links), default=0)
    marked = _ANCHOR.sub(lambda match: _marked(match, readers, most), body[2])
    sheets = "\n".join(match[1] for match in _SHEET.finditer(plain))
    rules = _BODY_RULE.sub(".digest-body", _LOADS.sub("", sheets)).replace(":root", ":host")
    inside = _LEADS.sub("", marked)
    own = _style_of(body[1])
    return f'<style>{rules}{_STYLE}</style><div class="digest-body"{own}>{inside}</div>'


def _is_active(html: str) -> bool:
    """Return whether HTML holds an active element or an event handler, which no report may hold."""
    reader = _Reader()
    reader.feed(html)
    return reader.active


def _style_of(attributes: str) -> str:
    match = re.search(r'\sstyle="[^"]*"', attributes)
    return _LOADS.sub("", match[0]) if match else ""


def _marked(match: re.Match[str], links: Mapping[str, LinkStatistics], most: int) -> str:
    before, url, after, inside = match.groups()
    link = links.get(unescape(url))
    if link is None or not most:
        return f"<a{before}{after}>{inside}</a>"
    # By the square root, so that rarely followed links show some colour as well.
    heat = 0.12 + 0.5 * (link.readers / most) ** 0.5
    attributes = re.sub(r'\sstyle="', f' style="--h:{heat:.2f};', before + after, count=1)
    if "--h:" not in attributes:
        attributes += f' style="--h:{heat:.2f}"'
    words = f"{link.surely:,} to {link.readers:,}" if link.surely < link.readers else link.readers
    count = f'<span class="digest-count" title="{escape(link.url)}">{words}</span>'
    return f"<a{attributes} data-heat>{inside}</a>{count}"


class _Reader(HTMLParser):
    """A parser that collects links with the headings above them, and notices active elements."""

    def __init__(self) -> None:
        super().__init__()
        self.positions: list[LinkPosition] = []
        self.active = False
        self._heading: list[str] | None = None
        self._section = ""
        self._link: tuple[str, list[str]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ACTIVE or any(name.startswith("on") for name, _ in attrs):
            self.active = True
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
        self.active = self.active or tag in _ACTIVE
        if tag == "h2" and self._heading is not None:
            self._section, self._heading = _line(self._heading), None
        elif tag == "a" and self._link is not None:
            url, words = self._link
            if url.startswith(("http://", "https://")):
                self.positions.append(
                    LinkPosition(url=url, words=_line(words), section=self._section)
                )
            self._link = None


def _line(parts: Sequence[str]) -> str:
    return " ".join("".join(parts).split())
