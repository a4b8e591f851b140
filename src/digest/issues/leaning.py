"""Tells by its words whom a quote speaks for, to choose what to show; it never names a call."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from digest.comparisons.models import Call, Contender, Verdict
from digest.comparisons.score import Split, split

_SHIP = re.compile(
    r"\b(?:earns?|still|easy|clear|firm|I'd|I would) (?:the |an? )?ships?\b|\bship it\b",
    re.IGNORECASE,
)
_SKIP = re.compile(
    r"(?:^|[.!?;:—] )skip\b|\b(?:hard|easy|clear|firm|I'd|I would|a) skip\b"
    r"|\b(?:can't|cannot|won't|wouldn't|not) ship\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w'\u2019]+")
_WORDS_FOR = (
    "clean clear credible earn earned earns elegant excellent fast genuine genuinely good great"
    " honest impressive last lasts love lovely pleasure quick real reliable right saves sharp"
    " simple solid solved sound strong win wins work works worth"
)
_WORDS_AGAINST = (
    "bad brittle brutal can't cannot clumsy confusing dead doesn't don't expensive fail fails fall"
    " falls fragile hate isn't kill kills lacks lose loses missing never no nobody none not nothing"
    " pointless poor risk rumour shallow slow thin vague waste weak won't worse worst wrong"
)
_FOR, _AGAINST = frozenset(_WORDS_FOR.split()), frozenset(_WORDS_AGAINST.split())
_PLAIN = 4  # what one plain word for shipping or skipping counts for


def presumed(contender: Contender, seats: int) -> Mapping[int, Call]:
    """Return the call of each seat: as published, else as the panel share has it.

    A share between none and all says how many would skip and not who. Then those who speak least
    well of the tool are presumed to, if the words part them from the others; else nobody is.
    """
    known = {each.seat: each.call for each in contender.verdicts if each.call is not None}
    as_split = split(contender.panel_share, seats)
    if known or as_split is None or len(contender.verdicts) != seats:
        return known
    return _by_words(contender.verdicts, as_split)


def _by_words(verdicts: Sequence[Verdict], as_split: Split) -> Mapping[int, Call]:
    ranked = sorted(verdicts, key=lambda each: leaning(each.quote))
    against, for_it = ranked[: as_split.skips], ranked[as_split.skips :]
    if against and for_it and leaning(against[-1].quote) == leaning(for_it[0].quote):
        return {}
    calls = {each.seat: Call.SKIP for each in against}
    return calls | {each.seat: Call.SHIP for each in for_it}


def leaning(quote: str) -> int:
    """Return how far a quote's words lean to shipping (positive) or to skipping (negative)."""
    text = quote.replace("\u2019", "'")
    words = [word.lower() for word in _WORD.findall(text)]
    plain = len(_SHIP.findall(text)) - len(_SKIP.findall(text))
    return _PLAIN * plain + sum((word in _FOR) - (word in _AGAINST) for word in words)
