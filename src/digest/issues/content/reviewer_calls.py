"""Which call each reviewer of a tool made: as published, as the share tells, or presumed.

A presumed call is a guess by the words of a quote. It helps to choose quotes, and is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from digest.comparisons.models import Call, Contender, Verdict
from digest.comparisons.score import Split, split

_WORD = re.compile(r"[\w'\u2019]+")
_SHIP = re.compile(
    r"\b(?:earns?|still|easy|clear|firm|I'd|I would) (?:the |an? )?ships?\b|\bship it\b",
    re.IGNORECASE,
)
_SKIP = re.compile(
    r"(?:^|[.!?;:—] )skip\b|\b(?:hard|easy|clear|firm|I'd|I would|a) skip\b"
    r"|\b(?:can't|cannot|won't|wouldn't|not) ship\b",
    re.IGNORECASE,
)
_POSITIVE_LIST = (
    "clean clear credible earn earned earns elegant excellent fast genuine genuinely good great"
    " honest impressive last lasts love lovely pleasure quick real reliable right saves sharp"
    " simple solid solved sound strong win wins work works worth"
)
_NEGATIVE_LIST = (
    "bad brittle brutal can't cannot clumsy confusing dead doesn't don't expensive fail fails fall"
    " falls fragile hate isn't kill kills lacks lose loses missing never no nobody none not nothing"
    " pointless poor risk rumour shallow slow thin vague waste weak won't worse worst wrong"
)
_POSITIVE, _NEGATIVE = frozenset(_POSITIVE_LIST.split()), frozenset(_NEGATIVE_LIST.split())
_EXPLICIT_WEIGHT = 4  # the weight of an explicit "ship" or "skip"


def known_calls(contender: Contender, seats: int) -> Mapping[int, Call]:
    """Return the calls, by seat, that are published or follow from the panel share.

    All of 100% would ship, none of 0%; and where the published calls use up one side of the
    split, the others are on the other side. A share that contradicts the calls tells nothing.
    """
    known = {
        verdict.seat: verdict.call for verdict in contender.verdicts if verdict.call is not None
    }
    seat_split = split(contender.panel_share, seats)
    if seat_split is None or len(contender.verdicts) > seats:
        return known
    ships = seat_split.ships - sum(call is Call.SHIP for call in known.values())
    skips = seat_split.skips - sum(call is Call.SKIP for call in known.values())
    if min(ships, skips) != 0 or ships == skips:
        return known
    left = Call.SHIP if ships else Call.SKIP
    return {verdict.seat: known.get(verdict.seat, left) for verdict in contender.verdicts}


def presumed_calls(contender: Contender, seats: int) -> Mapping[int, Call]:
    """Return the call of each seat: as known, else presumed from the panel share.

    A share between 0 and 100 tells how many reviewers would skip, not which ones. The reviewers
    with the least favourable words are presumed to; on a tie between the two groups no call is.
    """
    known = known_calls(contender, seats)
    seat_split = split(contender.panel_share, seats)
    if known or seat_split is None or len(contender.verdicts) != seats:
        return known
    return _by_words(contender.verdicts, seat_split)


def _by_words(verdicts: Sequence[Verdict], as_split: Split) -> Mapping[int, Call]:
    ranked = sorted(verdicts, key=lambda verdict: sentiment(verdict.quote))
    against, for_it = ranked[: as_split.skips], ranked[as_split.skips :]
    if against and for_it and sentiment(against[-1].quote) == sentiment(for_it[0].quote):
        return {}
    calls = {verdict.seat: Call.SKIP for verdict in against}
    return calls | {verdict.seat: Call.SHIP for verdict in for_it}


def sentiment(quote: str) -> int:
    """Return how far the words of a quote lean to shipping (above 0) or to skipping (below)."""
    text = quote.replace("\u2019", "'")
    words = [word.lower() for word in _WORD.findall(text)]
    explicit = len(_SHIP.findall(text)) - len(_SKIP.findall(text))
    return _EXPLICIT_WEIGHT * explicit + sum(
        (word in _POSITIVE) - (word in _NEGATIVE) for word in words
    )
