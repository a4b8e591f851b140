"""How finished HTML is parsed into the tags, events and text that rules read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import Literal, NamedTuple

_UNSEEN = {"style", "script", "title", "head"}
_ADDRESSES = ("href", "src", "background")  #: attributes whose value is a URL


class HtmlEvent(NamedTuple):
    """One event of a mail in document order: a tag opens, a tag closes, or text comes."""

    kind: Literal["start", "end", "text"]
    value: str  #: a tag's name, or text with its white space collapsed
    attributes: Mapping[str, str]
    line: int


class HtmlTag(NamedTuple):
    """One opening tag: its name, attributes in order, and line from 1."""

    name: str
    attributes: Mapping[str, str]
    line: int

    def get(self, name: str) -> str | None:
        """Return the value of an attribute; ``None`` when the tag doesn't have it."""
        return self.attributes.get(name)


@dataclass
class HtmlDocument:
    """A parsed mail: every tag in order, the title, and the text a reader sees."""

    tags: list[HtmlTag] = field(default_factory=list)
    title: str = ""
    text: str = ""
    events: list[HtmlEvent] = field(default_factory=list)

    def named(self, *names: str) -> list[HtmlTag]:
        """Return the tags of these names, in order."""
        return [tag for tag in self.tags if tag.name in names]

    @cached_property
    def urls(self) -> list[tuple[HtmlTag, str]]:
        """Each URL of a link or an image, in order, with its tag."""
        return [
            (tag, tag.attributes[name])
            for tag in self.tags
            for name in _ADDRESSES
            if name in tag.attributes
        ]


def read_html(html: str) -> HtmlDocument:
    """Return *html* parsed; comments are skipped, and with them the parts for Outlook only."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    document = reader.document
    document.text = " ".join("".join(reader.seen).split())
    return document


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = HtmlDocument()
        self.seen: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        self.document.tags.append(HtmlTag(tag, attributes, line))
        self.document.events.append(HtmlEvent("start", tag, attributes, line))
        if tag in _UNSEEN:
            self._inside.append(tag)
        elif tag not in {"a", "b", "i", "em", "strong", "span", "bdi"}:
            self.seen.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in _UNSEEN:
            self._inside.pop()

    def handle_endtag(self, tag: str) -> None:
        self.document.events.append(HtmlEvent("end", tag, {}, 0))
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if text:
            self.document.events.append(HtmlEvent("text", text, {}, self.getpos()[0]))
        if "title" in self._inside:
            self.document.title += data
        elif not self._inside:
            self.seen.append(data)
