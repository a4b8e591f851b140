"""How text is divided into graphemes, cut at them, and measured in columns.

Graphemes are those of Unicode's UAX 29, and columns those of a terminal, as `wcwidth` knows them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Only characters that no neighbour joins: all below the combining marks but CR, and punctuation.
_SINGLE = re.compile("[\x00-\x0c\x0e-\u02ff\u2010-\u2027\u20ac]*")
_CODE_POINTS = 3  # for each grapheme, on average
_SOFT_HYPHEN = "\u00ad"  # shown only where a line is broken at it, which is nowhere here


def graphemes(text: str) -> Iterator[str]:
    """Yield the graphemes of *text*, which a reader sees as single characters."""
    if _SINGLE.fullmatch(text):
        return iter(text)
    from wcwidth import iter_graphemes  # its tables take 1 MB, and hardly any word needs them

    return iter_graphemes(text)


def truncate(text: str, limit: int, mark: str = "…") -> str:
    """Return *text* shortened to *limit* graphemes, the *mark* included.

    It is cut after a whole word when one ends in the last third. Text with piled-up marks is cut
    earlier, at three code points for each grapheme on average.
    """
    kept: list[str] = []
    size = 0
    for cluster in graphemes(text[: limit * _CODE_POINTS + 1]):  # the rest is cut in any case
        size += len(cluster)
        if len(kept) == limit or size > limit * _CODE_POINTS:
            return _cut_at_word("".join(kept[: limit - 1])) + mark
        kept.append(cluster)
    return text


def text_width(text: str) -> int:
    """Return the number of columns *text* takes in a fixed-width font."""
    from wcwidth import width  # as above

    return width(text.replace(_SOFT_HYPHEN, ""), control_codes="ignore")


def _cut_at_word(text: str) -> str:
    head, space, _ = text.rpartition(" ")
    if space and len(head) * 3 >= len(text) * 2:
        text = head
    return text.rstrip(" ,;:\u2013\u2014-")
