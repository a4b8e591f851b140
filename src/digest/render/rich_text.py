"""What of Markdown an editor may write, and what it becomes in a mail, on a page and in plain text.

The subset is paragraphs, bold, emphasis, links, lists and hard breaks. Everything else (HTML,
headings, code, tables) is shown as it was written. The parser is known to this module alone, and
its tokens are rendered here, so that stored words pass the same escaping as any others.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from markupsafe import Markup

from digest.errors import DigestError
from digest.render.escaping import TrustedText, in_markup, in_plain_text, strip_unprintable
from digest.render.filters import filled, link

if TYPE_CHECKING:  # the parser takes long to import, and most commands read no Markdown
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

MOST = 5_000  #: characters of one text
LINK_BYTES = 700  #: of one address; a longer one can't be kept on one line of the mail
_DEEPEST = 3  # lists in lists
_MARKS_DEEP = 20  # bold in emphasis in bold; no more than can be walked
_COLUMNS = 72
_ADDRESS = "\ufffe"  # no text holds it, since it can't be printed
_RULES = ("autolink", "emphasis", "escape", "image", "link", "list", "newline")
_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_REFUSED_LINK = re.compile(r"(?<!\\)\]\(\s*<?((?:javascript|vbscript|file|data):)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\n]+")
_MARKS = re.compile(r"[\\*_\[\]<]")
_LIST_MARK = re.compile(r"^(\s*(?:\d{1,9}(?=[.)]))?)([-+.)])(?=\s|$)")


class BadRichText(DigestError):
    """These words can't be put into a mail."""


@dataclass(frozen=True, kw_only=True)
class RichText:
    """One text of an editor, finished for each place that shows it."""

    html: Markup  #: for a mail: every style stands in the tag
    page: Markup  #: for a web page: tags alone
    text: TrustedText  #: for plain text: at most 72 columns a line, but for an address
    plain: str  #: one line, without marks and addresses


def rich_text(source: str, *, mark: str = "inherit") -> RichText:
    """Return the text that *source* is; *mark* is the colour of links in a mail.

    Raises `BadRichText` with the line for a bad link, an image, lists deeper than three, and for
    more than `MOST` characters.
    """
    root = _parse(source)
    mail = _Html(
        link=Markup(' class="mark" style="padding:4px 0;color:{}"').format(mark),  # 24 px high
        spaced=True,
    )
    return RichText(
        html=mail.blocks(root.children),
        page=_Html(link=Markup(), spaced=False).blocks(root.children),
        text=TrustedText("\n".join(_lines(root.children, _COLUMNS))),
        plain=_plain(root),
    )


def tidy(source: str) -> str:
    """Return Markdown as it is stored: printable, without blank lines around and spaces behind.

    Two spaces at the end of a line are a hard break and stay. Raises `BadRichText`.
    """
    lines = [re.sub(r"[ \t]{3,}$", "  ", line) for line in strip_unprintable(source).split("\n")]
    text = "\n".join(lines).strip("\n").rstrip()
    _parse(text)
    return text


def as_written(text: str) -> str:
    """Return Markdown that is shown as *text* reads, whatever marks are in it."""
    return _LIST_MARK.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", text))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("zero", {"html": False}).enable(list(_RULES))


def _parse(source: str) -> SyntaxTreeNode:
    if len(source) > MOST:
        raise BadRichText(f"it has {len(source):,} characters; the limit is {MOST:,}")
    from markdown_it.tree import SyntaxTreeNode

    tokens = _parser().parse(strip_unprintable(source))
    if any(mark.level > _MARKS_DEEP for token in tokens for mark in token.children or ()):
        raise BadRichText("too many marks inside marks; use fewer")
    root = SyntaxTreeNode(tokens)
    for node, line in _located(root):
        fault = _fault(node)
        if fault:
            raise BadRichText(f"line {line}: {fault}")
        refused = _REFUSED_LINK.search(node.content) if node.type == "inline" else None
        if refused:  # the parser takes such a link for words
            line += node.content.count("\n", 0, refused.start())
            raise BadRichText(f"line {line}: {_link_fault(refused[1])}")
    return root


def _located(root: SyntaxTreeNode) -> Iterator[tuple[SyntaxTreeNode, int]]:
    """Yield each node with its line, from 1; the parser knows only where a paragraph begins."""
    line = 1
    for node in root.walk():
        if not node.is_root and node.map is not None:
            line = node.map[0] + 1
        if node.type in {"softbreak", "hardbreak"}:
            line += 1
        yield node, line


def _fault(node: SyntaxTreeNode) -> str:
    """Return what is wrong with a node itself, in words; empty where nothing is."""
    if node.type == "image":
        return "a picture can't go inside the text; add a picture block for it"
    if node.type == "link":
        return _link_fault(str(node.attrs.get("href", "")))
    if node.type.endswith("_list") and _depth(node) > _DEEPEST:
        return f"lists can be nested {_DEEPEST} levels deep, no more"
    return ""


def _depth(node: SyntaxTreeNode) -> int:
    depth, parent = 1, node.parent
    while parent is not None:
        depth += parent.type.endswith("_list")
        parent = parent.parent
    return depth


def _link_fault(url: str) -> str:
    try:
        target = _target(url)
    except ValueError:
        shown = (
            f"“{unquote(url)[:60]}” isn't a web or mail address" if url else "a link leads nowhere"
        )
        return f"{shown}: write https://… or mailto:…"
    size = len(target.encode())
    return f"an address has {size} bytes; the limit is {LINK_BYTES}" if size > LINK_BYTES else ""


def _target(url: str) -> TrustedText:
    """Return a link's address as it stands in a mail; raises ValueError for any other kind."""
    if not url.lower().startswith("mailto:"):
        return link(url)
    parts = urlsplit(url)
    if not _MAIL_ADDRESS.fullmatch(parts.path):
        raise ValueError("that is no mail address")
    query = f"?{quote(unquote(parts.query), safe='=&')}" if parts.query else ""
    return TrustedText(f"mailto:{parts.path}{query}".replace("-digest_", "-digest%5F"))


@dataclass(frozen=True)
class _Html:
    """How tokens become HTML; *spaced* puts the distances into the tags, as a mail needs them."""

    link: Markup
    spaced: bool

    def blocks(self, nodes: Sequence[SyntaxTreeNode]) -> Markup:
        return Markup("").join(self._block(node, index > 0) for index, node in enumerate(nodes))

    def _block(self, node: SyntaxTreeNode, below: bool) -> Markup:
        if node.type == "paragraph":
            words = self.blocks(node.children)  # one node: its words
            return words if node.hidden else self._tag("p", words, 14 * below, "", _rtl(node))
        if node.type == "inline":
            return self._inline(node)
        return self._list(node, below)

    def _list(self, node: SyntaxTreeNode, below: bool) -> Markup:
        items = Markup("").join(
            self._tag("li", self.blocks(item.children), 6 * (at > 0), "", False)
            for at, item in enumerate(node.children)
        )
        rtl = _rtl(node)
        padding = ";padding:0 24px 0 0" if rtl else ";padding:0 0 0 24px"
        above = 14 if below and _depth(node) == 1 else 6 * below
        if node.type == "bullet_list":
            return self._tag("ul", items, above, padding, rtl)
        start = Markup(' start="{}"').format(node.attrs["start"]) if "start" in node.attrs else ""
        return self._tag("ol", items, above, padding, rtl, start)

    def _tag(
        self, name: str, content: Markup, above: int, more: str, rtl: bool, start: str = ""
    ) -> Markup:
        side = Markup(' dir="rtl"') if rtl else Markup("")
        style = (
            f"margin:{f'{above}px 0 0' if above else '0'}{more}{';text-align:right' if rtl else ''}"
        )
        styled = Markup(' style="{}"').format(style) if self.spaced else ""
        return Markup("<{0}{1}{2}{3}>{4}</{0}>").format(name, start, side, styled, content)

    def _inline(self, node: SyntaxTreeNode) -> Markup:
        return Markup("").join(self._mark(child) for child in node.children)

    def _mark(self, node: SyntaxTreeNode) -> Markup:
        if node.type == "text":
            return in_markup(node.content)
        if node.type == "link":
            target = str(_target(str(node.attrs["href"])))
            return Markup('<a{} href="{}">{}</a>').format(self.link, target, self._inline(node))
        if node.type in {"strong", "em"}:
            return Markup("<{0}>{1}</{0}>").format(node.type, self._inline(node))
        return Markup("<br>") if node.type == "hardbreak" else Markup("\n")


def _rtl(node: SyntaxTreeNode) -> bool:
    """Return whether the first letter of a block is of a script written from right to left."""
    letters = (each for part in node.walk() if part.type == "text" for each in part.content)
    sides = (unicodedata.bidirectional(letter) for letter in letters)
    return next((side for side in sides if side in {"L", "R", "AL"}), "L") != "L"


def _lines(nodes: Sequence[SyntaxTreeNode], columns: int) -> list[str]:
    """Return blocks as lines of plain text, with a blank line between two that have a gap."""
    lines: list[str] = []
    for node in nodes:
        gap = lines and not (node.hidden or (_depth(node) > 1 and node.type.endswith("_list")))
        block = _listed(node, columns) if node.type.endswith("_list") else _filled(node, columns)
        lines += [*([""] if gap else []), *block]
    return lines


def _listed(node: SyntaxTreeNode, columns: int) -> list[str]:
    lines: list[str] = []
    first = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    loose = any(part.type == "paragraph" and not part.hidden for part in node.walk())
    for at, item in enumerate(node.children):
        sign = "- " if first is None else f"{first + at}. "
        inside = _lines(item.children, columns - len(sign)) or [""]
        lines += [""] if loose and lines else []
        lines += [
            f"{' ' * len(sign) if row else sign}{line}".rstrip() for row, line in enumerate(inside)
        ]
    return lines


def _filled(paragraph: SyntaxTreeNode, columns: int) -> list[str]:
    """Return a paragraph as lines of at most *columns*; an address is never broken."""
    lines: list[str] = []
    for part in _with_addresses(paragraph):
        words = [TrustedText(word) if _ADDRESS in word else word for word in _SPACE.split(part)]
        lines += [line.replace(_ADDRESS, "") for line in filled(words, columns)]
    return lines


def _with_addresses(node: SyntaxTreeNode) -> list[str]:
    """Return the words of a paragraph, divided at hard breaks, with each link's address behind it.

    `_ADDRESS` stands before an address, whose own signs stay as they are.
    """
    parts = [""]
    for kind, words in _merged(node):
        if kind == "hardbreak":
            parts.append("")
        else:
            parts[-1] += in_plain_text(words) if kind == "text" else words
    return parts


def _merged(node: SyntaxTreeNode) -> Iterator[tuple[str, str]]:
    """Yield the text, addresses and hard breaks of a paragraph; no two texts follow each other."""
    text = ""
    for kind, words in _pieces(node):
        if kind == "text":
            text += words
            continue
        yield "text", text
        yield kind, words
        text = ""
    yield "text", text


def _pieces(node: SyntaxTreeNode) -> Iterator[tuple[str, str]]:
    if node.type in {"text", "hardbreak"}:
        yield node.type, node.content
    elif node.type == "softbreak":
        yield "text", " "
    for child in node.children:
        yield from _pieces(child)
    if node.type == "link":
        target = _target(str(node.attrs["href"]))
        if _plain(node) not in {target, target.removeprefix("mailto:")}:
            yield "address", f" {_ADDRESS}({target})"


def _plain(root: SyntaxTreeNode) -> str:
    """Return the words as one line."""
    inline = [node for node in root.walk() if node.type == "inline"] or [root]
    texts = ("".join(part.content or " " for part in _leaves(node)) for node in inline)
    return " ".join(" ".join(texts).split())


def _leaves(node: SyntaxTreeNode) -> Iterator[SyntaxTreeNode]:
    return (part for part in node.walk() if part.type in {"text", "softbreak", "hardbreak"})
