"""How a text becomes words that a search compares, alike in every database.

Case, accents and punctuation don't count, and each sign of a script without spaces is a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_SIGN = "\u3040-\u30ff\u3400-\u9fff"  # kana and ideographs
_WORD = re.compile(rf"[{_SIGN}]|[^\W_{_SIGN}]+")
_LONGEST = 40  #: characters of a word; PostgreSQL refuses one of over 2,046 bytes
_MOST = 150_000  #: characters in all; PostgreSQL refuses a document of over 1 MiB


def words(texts: Iterable[str]) -> list[str]:
    """Return each word of *texts* once, in their order."""
    found: dict[str, None] = {}
    size = 0
    for text in texts:
        for word in _WORD.findall(_folded(text)):
            if word not in found:
                size += len(word[:_LONGEST]) + 1
                if size > _MOST:
                    return list(found)
                found[word[:_LONGEST]] = None
    return list(found)


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in plain if unicodedata.category(char) != "Mn")
