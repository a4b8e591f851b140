"""What a visitor reads on a page of HTML, line by line, and the data for programs within it.

The only module that knows the HTML library. It hides what is a line on a page: what stands in a
block of its own, and nothing that isn't shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from digest.sources.pages.tangled_html import (
    PLAIN,
    refuse_tangled,
    with_formatting,
    without_formatting,
)

MAX_LINKS = 1_000
_MAX_TEXTS = 5  # parts of a page that may be its comparison

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_QUOTATIONS = frozenset({"blockquote", "q"})
#: Elements of running text: what stands in them is one line.
_PROSE = _HEADINGS | {"p", "blockquote", "figcaption", "q", "caption", "summary", "legend", "pre"}
_BLOCKS = (_PROSE - {"q"}) | {
    *("html", "body", "main", "article", "section", "div", "header", "hgroup", "figure", "hr"),
    *("ul", "ol", "li", "dl", "dt", "dd", "menu", "address", "details", "center", "search"),
    *("table", "thead", "tbody", "tfoot", "tr", "td", "th"),
}
#: Elements without the page's own words: navigation, forms, programs, pictures.
_LEFT_OUT = frozenset(
    {
        *("head", "script", "style", "template", "noscript", "nav", "footer", "aside", "dialog"),
        *("form", "button", "select", "textarea", "input", "option", "datalist"),
        *("svg", "math", "iframe", "object", "canvas", "audio", "video", "picture"),
    }
)
_TEXT = "-text"
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
#: Classes by which pages say that something is for screen readers only.
_SPOKEN = frozenset({"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text"})
_BLANKS = re.compile(r"[\s\u00a0\u200b]+")
_OPENING = frozenset('“"„«')
_TOP = "\0"  # stands where the first h1 begins; no text of a parsed page has it
_LD_JSON = "application/ld+json"


@dataclass(frozen=True, kw_only=True)
class HtmlPage:
    """A page, taken apart."""

    data: tuple[str, ...]  #: the texts of its JSON-LD
    texts: tuple[str, ...]  #: what its parts say: articles, the main part, the whole page
    links: tuple[str, ...]  #: the other addresses of its site that it links to, each once
    canonical: str = ""  #: the address that it says is its own, on its own site


def read_html(html: str, *, url: str) -> HtmlPage:
    """Return what a page says; raises `ComparisonUnreadable` for one that is too tangled."""
    refuse_tangled(html, source=url)
    tree = LexborHTMLParser(without_formatting(html))
    roots = [*tree.css("article"), *tree.css("main, [role=main]")][: _MAX_TEXTS - 1]
    if tree.body is not None:
        roots.append(tree.body)
    return HtmlPage(
        data=tuple(_data(tree)),
        texts=tuple(_text(root) for root in roots),
        links=tuple(_links(tree, url)),
        canonical=_canonical(tree, url),
    )


def _data(tree: LexborHTMLParser) -> Iterator[str]:
    for script in tree.css("script"):
        kind = (script.attributes.get("type") or "").partition(";")[0].strip().lower()
        if kind == _LD_JSON:
            yield with_formatting(script.text(deep=True))


def _links(tree: LexborHTMLParser, url: str) -> Iterator[str]:
    start = _base(tree, url)
    seen = {_joined(url, "")}
    for node in tree.css(f"{PLAIN}a[href]"):
        address = _joined(start, node.attributes.get("href") or "")
        if address and address not in seen and urlsplit(address).netloc == urlsplit(url).netloc:
            seen.add(address)
            yield address
            if len(seen) > MAX_LINKS:
                return


def _canonical(tree: LexborHTMLParser, url: str) -> str:
    """Return the address that a page names as its own; empty if it's none of its site."""
    start = _base(tree, url)
    for node in tree.css("link[rel][href]"):
        if "canonical" in (node.attributes.get("rel") or "").lower().split():
            address = _joined(start, node.attributes.get("href") or "")
            return address if address and _host(address) == _host(url) else ""
    return ""


def _base(tree: LexborHTMLParser, url: str) -> str:
    """Return the address that a page's links are relative to."""
    base = tree.css_first("base[href]")
    return (_joined(url, base.attributes.get("href") or "") if base else "") or url


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _joined(base: str, href: str) -> str:
    """Return an address of the web without its fragment; empty for what is none."""
    try:
        address, _ = urldefrag(urljoin(base, href.strip()))
        return address if urlsplit(address).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def _text(root: LexborNode) -> str:
    """Return the lines of one part, from the one above its first heading on."""
    lines = _Lines()
    node: LexborNode | None = root
    while node is not None:
        lines.enter(node)
        child = node.first_child if _is_shown(node, root) else None
        while child is None:
            lines.leave(node)
            if node.mem_id == root.mem_id:
                return lines.text()
            child, node = node.next, node.parent or root
        node = child
    return lines.text()


def _is_shown(node: LexborNode, root: LexborNode) -> bool:
    tag = node.tag or ""
    if tag.startswith("-") or tag in _LEFT_OUT:
        return False
    if tag == "header" and root.tag == "body" and node.css_first("h1") is None:
        return False  # the site's own
    attributes = node.attributes
    return not (
        "hidden" in attributes
        or _UNSEEN.search(attributes.get("style") or "")
        or _SPOKEN & set((attributes.get("class") or "").lower().split())
    )


class _Lines:
    """The lines of a page while it is walked through."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._grids: set[int] = set()  # elements whose children are items, a line each
        self._heading = 0  # the number of headings that are open
        self._topped = False
        self._quotation = 0, 0  # the outermost one: its node, and the part where it begins

    def enter(self, node: LexborNode) -> None:
        """Take in what begins with a node."""
        tag = node.tag or ""
        if tag == _TEXT:
            self._parts.append(_BLANKS.sub(" ", node.text_content or ""))
        elif tag == "br":
            self._parts.append(" " if self._heading else "\n")
        elif self._is_line(node, tag):
            self._parts.append("\n")
        if tag in _HEADINGS:
            self._heading += 1
            if tag == "h1" and not self._topped:
                self._topped = True
                self._parts.append(_TOP)
        elif tag in _QUOTATIONS and not self._quotation[0]:
            self._quotation = node.mem_id, len(self._parts)
        elif tag not in _PROSE and _is_grid(node):
            self._grids.add(node.mem_id)

    def leave(self, node: LexborNode) -> None:
        """Take in what ends with a node."""
        tag = node.tag or ""
        if tag in _HEADINGS:
            self._heading -= 1
        if node.mem_id == self._quotation[0]:
            self._close_quotation()
        if self._is_line(node, tag):
            self._parts.append("\n")

    def text(self) -> str:
        """Return the lines; of what stands above the first heading, a single line only."""
        above, top, rest = "".join(self._parts).partition(_TOP)
        kicker = _lines(above)
        return "\n".join([*(kicker if len(kicker) <= 1 or not top else ()), *_lines(rest)])

    def _is_line(self, node: LexborNode, tag: str) -> bool:
        if tag in _BLOCKS:
            return True
        return (
            not tag.startswith("-")
            and node.parent is not None
            and (node.parent.mem_id in self._grids)
        )

    def _close_quotation(self) -> None:
        """Put into quotation marks what browsers or styles show in them."""
        start = self._quotation[1]
        said = "".join(self._parts[start:]).strip()
        if said and said[0] not in _OPENING:
            self._parts[start:] = ["\u201c", said, "\u201d"]
        self._quotation = 0, 0


def _is_grid(node: LexborNode) -> bool:
    """Return whether an element holds several elements and no words of its own between them."""
    items, child = 0, node.first_child if not (node.tag or "").startswith("-") else None
    while child is not None:
        tag = child.tag or ""
        if tag == _TEXT and (child.text_content or "").strip():
            return False
        items += not tag.startswith("-") and tag != "br"
        child = child.next
    return items > 1


def _lines(text: str) -> list[str]:
    return [line for raw in text.split("\n") if (line := raw.strip())]
