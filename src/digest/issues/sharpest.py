"""Finds the part of a quote worth reading first."""

from __future__ import annotations

import re
from typing import NamedTuple

from digest.render.graphemes import cut, graphemes
from digest.render.literal import clean

LIMIT = 300  #: characters of one quote in the mail
_READ = 20_000  # characters; what is longer is no quote

_OPENING, _CLOSING = "\"'\u201c\u2018", "\"'\u201d\u2019"
_SENTENCE_END = re.compile(
    rf"""(?:(?<=[.!?…])|(?<=[.!?…][{_CLOSING})\]]))\s+(?=[{_OPENING}(\[]?[A-Z0-9])"""
)
_PAIRS = {"“”", '""', "«»", "„“"}
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|vs|etc|approx|Mr|Ms|Dr|Inc|No)\.$", re.IGNORECASE)
_WORD = re.compile(r"[\w'\u2019]+")
#: Words of judgement and of contrast: where a reviewer commits to something.
_JUDGEMENT = (
    "actually bad best better beats bet betting brutal but can't cannot clear cost costs despite"
    " doesn't dead earns exactly fail fails fall falls genuinely good hard hate however isn't kill"
    " kills lose loses love moat must never no nobody not nothing only problem real right risk ship"
    " ships skip solved still strong too unless weak why win wins won't worse worst wrong yet"
)
_TELLING = frozenset(_JUDGEMENT.split())


class Excerpt(NamedTuple):
    """A part of a quote and how telling it is."""

    text: str
    score: float


def sharpest(quote: str, limit: int = LIMIT) -> Excerpt:
    """Return the most telling run of whole sentences that fits into *limit* characters.

    A sentence too long by itself is cut after a word, never inside a letter, and ends in an
    ellipsis.
    """
    sentences = _sentences(_bare(quote[:_READ]))
    if not sentences:
        return Excerpt("", 0.0)
    runs = [_run(sentences, start, limit) for start in range(len(sentences))]
    best = max(range(len(runs)), key=lambda start: (_score(sentences[start]), -start))
    text = cut(" ".join(sentences[best : best + runs[best]]), limit)
    return Excerpt(text, _score(sentences[best]))


def _bare(quote: str) -> str:
    """Take off the quotation marks the page may have put around; the templates put their own."""
    text = " ".join(clean(quote).split())
    while len(text) > 1 and text[0] + text[-1] in _PAIRS:
        text = text[1:-1].strip()
    return text


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for part in _SENTENCE_END.split(text):
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] += f" {part}"
        elif part:
            found.append(part)
    return found


def _run(sentences: list[str], start: int, limit: int) -> int:
    """Count the sentences from *start* that fit; at least one."""
    length = _length(sentences[start])
    count = 1
    while start + count < len(sentences) and length < limit // 2:
        length += 1 + _length(sentences[start + count])
        if length > limit:
            break
        count += 1
    return count


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))


def _score(sentence: str) -> float:
    """Telling words by length: short and sharp first."""
    words = [word.lower().replace("\u2019", "'") for word in _WORD.findall(sentence)]
    telling = sum(word in _TELLING for word in words)
    return telling / (len(words) + 8) ** 0.6 if words else 0.0
