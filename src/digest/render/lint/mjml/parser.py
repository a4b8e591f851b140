"""How MJML is parsed into a tree, as strictly as the compiler parses it, with all its faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from digest.render.lint.finding import RuleText

_TOKEN = re.compile(
    r"<!--(?P<comment>.*?)(?P<shut>-->|\Z)|<!\[CDATA\[|<[?!]|</(?P<end>[^\s>]*)[^>]*>?"
    r"|<(?P<start>[A-Za-z][\w:.-]*)|<|[^<]+",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"(?P<gap>\s*)(?:(?P<close>/?>)|(?P<name>[^\s=/<>\"']+)"
    r"(?:\s*=\s*(?P<quote>[\"'])(?P<value>.*?)(?P=quote)|(?P<bare>\s*=\s*[^\s>\"']*))?)",
    re.DOTALL,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: Void elements of HTML, which need no end tag; every MJML tag needs one.
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
)
_TEXT_ONLY = frozenset({"mj-style", "mj-title", "mj-preview"})


@dataclass(frozen=True)
class MjmlFault:
    """One fault: *at* is its offset in the source, *words* the text there."""

    rule: str
    at: int
    words: str
    message: str
    mend: str
    is_error: bool = True  #: whether it forbids the mail


class Attribute(NamedTuple):
    """One attribute as it stands in the source; *value* is ``None`` when it has none."""

    name: str
    value: str | None
    quote: str
    at: int


@dataclass
class MjmlTag:
    """One tag: its attributes in order, its parent, its children and its text."""

    name: str
    at: int
    parent: MjmlTag | None
    attributes: list[Attribute] = field(default_factory=list)
    children: list[MjmlTag] = field(default_factory=list)
    texts: list[tuple[int, str]] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """Return an attribute's value; as in the compiler, the last of a name counts."""
        values = [attribute.value for attribute in self.attributes if attribute.name == name]
        return (values[-1] or "") if values else None


@dataclass
class ParsedMjml:
    """The result of parsing: every tag in document order, and the syntax faults."""

    tags: list[MjmlTag] = field(default_factory=list)
    faults: list[MjmlFault] = field(default_factory=list)


@RuleText(
    name="mjml-syntax",
    level="error",
    why="MJML is as strict as XML: every tag is closed, every attribute quoted, and `<` is written"
    " `&lt;`. The mail isn't rendered.",
    example_of="mjml",
    fails="<mj-text><p>One<p>Two</mj-text>",
    passes="<mj-text><p>One</p><p>Two<br></p></mj-text>",
)
def syntax(parsed: ParsedMjml) -> Iterator[MjmlFault]:
    """Forbid what the compiler can't read."""
    yield from parsed.faults


def parse_mjml(source: str) -> ParsedMjml:
    """Return *source* parsed; parsing continues after a fault, so that all are found."""
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.parsed = ParsedMjml()
        self.open: list[MjmlTag] = []

    def read(self) -> ParsedMjml:
        at = 0
        while at < len(self.source):
            token = _TOKEN.match(self.source, at)
            if token is None:  # pragma: no cover - the last branches match anything
                break
            at = self._handle_token(token)
        for tag in self.open:
            self._unclosed(tag)
        return self.parsed

    def _handle_token(self, token: re.Match[str]) -> int:
        text, at = token[0], token.start()
        if token["start"]:
            return self._start(token["start"], at, token.end())
        if token["end"] is not None:
            self._end(token["end"], text, at)
        elif token["comment"] is not None:
            self._comment(token)
        elif text.startswith("<"):
            self._unparsable(text, at)
        else:
            self._text(text, at)
        return token.end()

    def _fault(self, at: int, words: str, message: str, mend: str) -> None:
        self.parsed.faults.append(MjmlFault(syntax.name, at, words, message, mend))

    def _start(self, name: str, at: int, after: int) -> int:
        tag = MjmlTag(name, at, self.open[-1] if self.open else None)
        self.parsed.tags.append(tag)
        if tag.parent:
            tag.parent.children.append(tag)
        after, closed = self._attributes(tag, after)
        if not closed and name.lower() not in VOID:
            if name in _TEXT_ONLY:
                return self._text_only(tag, after)
            self.open.append(tag)
        return after

    def _attributes(self, tag: MjmlTag, after: int) -> tuple[int, bool]:
        """Parse up to the tag's end; return its offset, and whether the tag closes itself."""
        while True:
            match = _ATTRIBUTE.match(self.source, after)
            if match is None or match.end() == after:
                self._fault(tag.at, f"<{tag.name}", f"<{tag.name} isn't finished", "Close it: >")
                return max(after, tag.at + 1), True
            after = match.end()
            gap, close, name, quote, value, bare = match.groups()
            if close:
                return after, close == "/>"
            at = match.start("name")
            tag.attributes.append(Attribute(name, value, quote or "", at))
            if bare is not None:
                words = f"{name}{bare}"
                self._fault(at, words, f"{words} has no quotes", f'Write {name}="…".')
            elif not gap:
                self._fault(at, name, f"no space before {name}", "Put a space between attributes.")

    def _text_only(self, tag: MjmlTag, after: int) -> int:
        """Parse an element without child tags; return the offset after its end tag."""
        end = self.source.find(f"</{tag.name}", after)
        if end < 0:
            self._unclosed(tag)
            return len(self.source)
        text = self.source[after:end]
        tag.texts.append((after, text))
        sign = text.find("<")
        if sign >= 0:
            self._fault(
                after + sign,
                text[sign : sign + 20],
                f"< isn't allowed in {tag.name}",
                "Write &lt;, or remove it: only text is allowed here.",
            )
        return self.source.find(">", end) + 1 or len(self.source)

    def _end(self, name: str, text: str, at: int) -> None:
        if self.open and self.open[-1].name == name:  # as it nearly always is
            self.open.pop()
            return
        names = [tag.name.lower() for tag in self.open]
        if name.lower() not in names:
            if name.lower() not in VOID:
                self._unmatched_end(name, text, at)
            return
        while self.open:
            tag = self.open.pop()
            if tag.name.lower() == name.lower():
                return
            self._unclosed(tag)

    def _unmatched_end(self, name: str, text: str, at: int) -> None:
        """Record an end tag without a start tag: a typo in one of the two, or one too many."""
        last = self.open[-1].name if self.open else ""
        if get_close_matches(name, [last]):
            self.open.pop()
            message = f"{text} ends <{last}>"
            self._fault(at, text, message, f"Write </{last}>, or <{name}> before it.")
        else:
            self._fault(at, text, f"{text} closes nothing", "Remove it, or open it before.")

    def _unclosed(self, tag: MjmlTag) -> None:
        self._fault(
            tag.at,
            f"<{tag.name}",
            f"<{tag.name}> is never closed",
            f"Write </{tag.name}>; MJML needs every tag closed.",
        )

    def _comment(self, token: re.Match[str]) -> None:
        if not token["shut"]:
            self._fault(token.start(), "<!--", "this comment never ends", "Write --> after it.")
        elif "--" in token["comment"] and not token["comment"].lstrip().startswith("[if"):
            self._fault(
                token.start(),
                token[0][:40],
                "-- isn't allowed inside a comment",
                "Write - instead.",
            )

    def _unparsable(self, text: str, at: int) -> None:
        construct = {"<![CDATA[": "CDATA", "<?": "<?…?>", "<!": "<!…>"}.get(text, "<")
        mend = "Write &lt; for the sign." if construct == "<" else "Remove it: MJML can't read it."
        near = "<" + re.split(r"[\n<]", self.source[at + 1 : at + 20])[0]
        self._fault(at, near, f"{construct} can't be read here", mend)

    def _text(self, text: str, at: int) -> None:
        control = _CONTROL.search(text)
        if control:
            self._fault(
                at + control.start(),
                control[0],
                f"the control character U+{ord(control[0]):04X} isn't allowed here",
                "Remove it.",
            )
        if self.open:
            self.open[-1].texts.append((at, text))
        elif text.strip():
            start = at + len(text) - len(text.lstrip())
            near = text.strip().split("\n")[0][:40]
            self._fault(start, near, f"“{near}” is outside <mjml>", "Move it inside, or out.")
