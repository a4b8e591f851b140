"""Which text is accepted from files: its encoding, lengths, white space and characters."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from digest.errors import ComparisonUnreadable

MAX_BYTES = 1_000_000  #: one file

#: The most characters of each kind of text; the database columns have the same widths.
NAME = 200
TITLE = 400
CATEGORY = 100
KICKER = 200
ENTRY = 100
LINE = 2_000  #: a tagline, a question, an intro, a closing line
PROSE = 20_000  #: a description or a quote

_BLANKS = re.compile(r"[ \t]+")
_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029]")
#: Bidirectional controls (Unicode UAX 9), which can reorder text up to the end of a mail.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that isn't blank, and its number in the file, from 1."""

    number: int
    text: str


def decode(raw: bytes, *, source: str) -> str:
    """Return *raw* as text without a byte order mark; raises `ComparisonUnreadable`."""
    if len(raw) > MAX_BYTES:
        raise ComparisonUnreadable(
            f"the file is larger than {MAX_BYTES:,} bytes; a comparison has about 10,000",
            source=source,
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        raise ComparisonUnreadable(
            "this isn't UTF-8 text; save the file as UTF-8", line=line, source=source
        ) from None


def normalise(text: str) -> str:
    """Return *text* in Unicode NFC, with LF newlines and without a byte order mark."""
    return unicodedata.normalize("NFC", _NEWLINES.sub("\n", text.removeprefix("\ufeff")))


def lines_of(text: str, *, source: str) -> list[Line]:
    """Return the lines that aren't blank, tidied.

    Raises `ComparisonUnreadable` for a control or text direction character.
    """
    lines = []
    for number, raw in enumerate(text.split("\n"), start=1):
        if fault := forbidden(raw):
            raise ComparisonUnreadable(f"{fault} isn't allowed", line=number, source=source)
        if line := tidy(raw):
            lines.append(Line(number, line))
    return lines


def tidy(text: str) -> str:
    """Return *text* without blanks at its ends, and with runs of blanks as one space."""
    return _BLANKS.sub(" ", text).strip()


def tidy_prose(text: str) -> str:
    """Return *text* with each line tidied, and paragraphs separated by one empty line."""
    lines = (tidy(line) for line in text.split("\n"))
    return re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip()


def forbidden(text: str) -> str | None:
    """Return the name of the first forbidden character; tabs and newlines are allowed."""
    for character in text:
        if character in _BIDI_CONTROLS:
            return f"a text direction character (U+{ord(character):04X})"
        kind = unicodedata.category(character)
        if kind == "Cs" or (kind == "Cc" and character not in "\t\n"):
            return f"a control character (U+{ord(character):04X})"
    return None
