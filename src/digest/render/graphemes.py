"""How text is divided into graphemes, cut at them, and measured in columns.

The rules are those of Unicode's UAX 29 as far as the standard library's tables go. Where the
tables don't decide, characters are kept together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_REGION_LETTERS = range(0xE0020, 0xE0080)  # of a regional flag
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_JAMO = range(0x1100, 0x1200)
_PUNCTUATION = range(0x2000)  # and letters, which a joiner never combines
_CODE_POINTS = 3  # for each grapheme, on average
#: Letters and punctuation that never join: a fast path, since most text has no other.
_SINGLE = re.compile("[\u0020-\u02ff\u2010-\u2027\u2030-\u205e]*")
_HYPHEN = "\u00ad"  # the soft hyphen, the one of these without width
_MARKS_A_CLUSTER = 32  #: more occur only in text made to break layouts


def graphemes(text: str) -> Iterator[str]:
    """Yield the graphemes of *text*, which a reader sees as single characters."""
    if _SINGLE.fullmatch(text):
        yield from text
        return
    start = 0
    for at in range(1, len(text)):
        if at - start >= _MARKS_A_CLUSTER or not _continues(text, start, at):
            yield text[start:at]
            start = at
    if text:
        yield text[start:]


def truncate(text: str, limit: int, mark: str = "…") -> str:
    """Return *text* shortened to *limit* graphemes, the *mark* included.

    It is cut after a whole word when one ends in the last third. Text with piled-up marks is cut
    earlier, at three code points for each grapheme on average.
    """
    kept: list[str] = []
    size = 0
    for cluster in graphemes(text):
        size += len(cluster)
        if len(kept) == limit or size > limit * _CODE_POINTS:
            return _cut_at_word("".join(kept[: limit - 1])) + mark
        kept.append(cluster)
    return text


def text_width(text: str) -> int:
    """Return the number of columns *text* takes in a fixed-width font."""
    if _SINGLE.fullmatch(text) and _HYPHEN not in text:
        return len(text)
    return sum(_width(cluster) for cluster in graphemes(text))


def _width(cluster: str) -> int:
    if len(cluster) > 1 and _JOINER in cluster:
        return 2
    first = cluster[0]
    if unicodedata.category(first) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(first) in "WF" else 1


def _cut_at_word(text: str) -> str:
    head, space, _ = text.rpartition(" ")
    if space and len(head) * 3 >= len(text) * 2:
        text = head
    return text.rstrip(" ,;:\u2013\u2014-")


def _continues(text: str, start: int, at: int) -> bool:
    """Tell whether the character at *at* belongs to the grapheme before it."""
    before, here = text[at - 1], text[at]
    return (
        (before == "\r" and here == "\n")
        or _extends(here)
        or (before == _JOINER and ord(here) not in _PUNCTUATION)
        or (_flag(before) and _flag(here) and at - start == 1)
        or (_jamo(before) and _jamo(here))
    )


def _extends(char: str) -> bool:
    if char.isascii():
        return False
    code = ord(char)
    return (
        unicodedata.category(char) in {"Mn", "Mc", "Me"}
        or char in {_JOINER, "\u200c"}
        or code in _SKIN_TONES
        or code in _REGION_LETTERS
    )


def _flag(char: str) -> bool:
    return ord(char) in _FLAG_LETTERS


def _jamo(char: str) -> bool:
    return ord(char) in _JAMO
