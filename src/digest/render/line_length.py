"""Where lines of finished HTML may be broken without a change to what is shown.

RFC 5321 limits a line to 1,000 bytes; mail servers cut longer lines anywhere, also inside tags
and links. MJML writes a whole section on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from digest.render.graphemes import graphemes

MAX_BYTES = 900

#: White space after a *free* tag isn't shown, so a line may end there.
_TOKEN = re.compile(
    r"(?P<free><(?P<sheet>style|title)\b.*?</(?P=sheet)>|<(?:table|tbody|tr|head)\b[^>]*>"
    r"|</(?:tr|tbody|table|h[1-6]|p|style|title|head|body)>)"
    r"|<(?P<kept>pre|textarea|script)\b.*?</(?P=kept)>|<!--.*?-->|<[^>]*>|[^<]+",
    re.DOTALL | re.IGNORECASE,
)
_OPENS_BLOCK = re.compile(r"<(?:p|h[1-6]|blockquote|td|th)\b", re.IGNORECASE)
_UNBREAKABLE = re.compile(r"<(?:!--|title|pre|textarea|script)", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\s+[^\s=>"']+(?:=(?:"[^"]*"|'[^']*'|[^\s>]+))?""")
_LINK = re.compile(r"<a\b", re.IGNORECASE)  # the provider parses it up to its href
_UNIT = re.compile(r"&#?\w+;")
_WORD_BYTES = 240
_COMMENT_BREAK = "<!--\n-->"  # a comment, where text has no space to break at
_BREAK_BYTES = len("<!--")  # what it adds to the line that it ends


class _Piece(NamedTuple):
    text: str
    joint: str = ""  #: the text after it
    breaker: str | None = None  #: what may follow in place of *joint*, with a line end in it
    whole: bool = False  #: whether it has pieces itself: they matter only where its line is long


def break_lines(html: str, limit: int = MAX_BYTES) -> str:
    """Return *html* in lines of at most *limit* bytes, as far as that changes nothing shown.

    Comments and preformatted text are never broken, and links only after their URL.
    """
    done: list[str] = []
    line: list[_Piece] = []
    length = tried = 0
    for match in _TOKEN.finditer(html):
        token, joint = match[0], _joint(html, match)
        fits = length + _size(token) + _BREAK_BYTES <= limit and _is_single_spaced(token)
        for piece in [_Piece(token, joint, whole=True)] if fits else _pieces(token, joint):
            size = _size(piece.text)
            if line and length + size + _BREAK_BYTES > limit:
                left = _break(line, tried, done)
                if left is not None:
                    line, length = left, sum(_size(each.text) + len(each.joint) for each in left)
                tried = len(line)
            line.append(piece)
            length += size + len(piece.joint)
            if "\n" in piece.text or piece.joint == "\n":
                done.extend(part.text + part.joint for part in line)
                line, length, tried = [], 0, 0
    done.extend(part.text + part.joint for part in line)
    return "".join(done)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _joint(html: str, match: re.Match[str]) -> str:
    """Return the line end that may follow a tag, and doesn't yet."""
    return "\n" if match["free"] and not html.startswith("\n", match.end()) else ""


def _is_single_spaced(token: str) -> bool:
    """Return whether the pieces of a tag or text, joined as they are, are what it was."""
    return " ".join(token.split()) == token if token[0] == "<" else "\n" not in token


def _break(line: list[_Piece], tried: int, done: list[str]) -> list[_Piece] | None:
    """End the line at its last possible place; return the pieces left for the next line.

    None of its first *tried* pieces has such a place. Returns ``None`` where no other has one.
    """
    for at in range(len(line) - 1, tried - 1, -1):
        parts = list(_pieces(line[at].text, "")) if line[at].whole else [line[at]]
        for inside in range(len(parts) - 1, -1, -1):
            breaker = parts[inside].breaker
            if breaker is not None:
                done.extend(part.text + part.joint for part in (*line[:at], *parts[:inside]))
                done.append(parts[inside].text + breaker)
                return [*parts[inside + 1 :], *line[at + 1 :]]
    return None


def _pieces(token: str, joint: str) -> Iterator[_Piece]:
    if not token.startswith("<"):
        yield from _text(token)
    elif _UNBREAKABLE.match(token):
        yield _Piece(token, joint)
    elif token.lower().startswith("<style"):
        yield from _spaced(token, r"(?<=[}\n]) +")
        yield _Piece("", joint)
    else:
        yield from _tag(token, joint)


def _tag(token: str, joint: str) -> Iterator[_Piece]:
    at = 0
    breaker = None if _LINK.match(token) else "\n"
    for attribute in _ATTRIBUTE.finditer(token):
        written = attribute[0].strip()
        yield _Piece(token[at : attribute.start()], " ", breaker)
        yield _Piece(written)
        at = attribute.end()
        if written.startswith("href="):
            breaker = "\n"
    yield _Piece(token[at:], joint, "\n" if _OPENS_BLOCK.match(token) else None)


def _spaced(text: str, pattern: str) -> Iterator[_Piece]:
    parts = re.split(pattern, text)
    for part in parts[:-1]:
        yield _Piece(part, " ", "\n")
    yield _Piece(parts[-1])


def _text(text: str) -> Iterator[_Piece]:
    for word in re.findall(r"[^ \n]+|[ \n]+", text):
        if "\n" in word:
            yield _Piece(word)
        elif word.startswith(" "):
            yield _Piece(word[:-1], " ", "\n")
        elif _size(word) <= _WORD_BYTES:
            yield _Piece(word)
        else:
            yield from _long_word(word)


def _long_word(word: str) -> Iterator[_Piece]:
    chunk = ""
    for unit in _units(word):
        if len((chunk + unit).encode()) > _WORD_BYTES:
            yield _Piece(chunk, "", _COMMENT_BREAK)
            chunk = ""
        chunk += unit
    yield _Piece(chunk)


def _units(word: str) -> Iterator[str]:
    """Yield the units that are never broken: references like ``&amp;``, and graphemes."""
    at = 0
    for reference in _UNIT.finditer(word):
        yield from graphemes(word[at : reference.start()])
        yield reference[0]
        at = reference.end()
    yield from graphemes(word[at:])
