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
_LEANING = re.compile(r"(?:that|this|these|those|it|they|he|she|which)\b", re.IGNORECASE)
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
    best = max(range(len(sentences)), key=lambda at: (_worth(sentences[at], limit), -at))
    return Excerpt(cut(" ".join(_around(sentences, best, limit)), limit), _score(sentences[best]))


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


def _around(sentences: list[str], best: int, limit: int) -> list[str]:
    """Return the best sentence with those after it, else before it, that give it some context."""
    run, length = [sentences[best]], _length(sentences[best])
    after, before = sentences[best + 1 :], sentences[:best]
    while length < limit // 2 and (after or before):
        forward = bool(after)
        other = after.pop(0) if forward else before.pop()
        length += 1 + _length(other)
        if length > limit:
            break
        run = [*run, other] if forward else [other, *run]
    return run


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))


def _worth(sentence: str, limit: int) -> float:
    """Score a sentence, less if it would have to be cut or leans on the one before it."""
    whole = 1.0 if len(sentence) <= limit else 0.4
    return _score(sentence) * whole * (0.7 if _LEANING.match(sentence) else 1.0)


def _score(sentence: str) -> float:
    """Telling words by length: short and sharp first."""
    words = [word.lower().replace("\u2019", "'") for word in _WORD.findall(sentence)]
    telling = sum(word in _TELLING for word in words)
    return telling / (len(words) + 8) ** 0.6 if words else 0.0
