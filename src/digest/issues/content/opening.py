"""What kind of week an issue tells of: one sentence, a pure function of its facts.

A wording is never used in two issues running: the next one that is true takes its place. An issue
of one comparison isn't told what its verdict says right below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from digest.comparisons.models import Entry
from digest.issues.content.number_words import number, number_first
from digest.issues.content.standing import PairStanding, Support, share_of, standing
from digest.issues.content.view import ComparisonView, ContenderView
from subscribers.locale import N_, translations

EVERYONE = 100  #: the share, in percent, of a tool that all would ship


class Opening(NamedTuple):
    """The sentence, and the wording behind it: the English words without names and counts."""

    text: str
    form: str


class _Voters(Enum):
    """Whose votes are compared with the panel; the two are never told by one name."""

    READERS = auto()  #: ours; they count before the others where enough voted on both tools
    PUBLISHED = auto()  #: those of the shares that a page publishes


class _Pair(NamedTuple):
    """A comparison whose two shares are known."""

    stands: PairStanding
    upset: _Voters | None  #: who would rather ship the tool that the panel doesn't pick


def opening(
    comparisons: Sequence[ComparisonView], language: str, *, last_form: str = ""
) -> Opening:
    """Return the opening; *last_form* is the wording of the last issue's."""
    words = translations(language)
    truths = _of_one(comparisons[0]) if len(comparisons) == 1 else _of_several(comparisons)
    form, values = next((form, values) for form, values in truths if form != last_form)
    told = {
        name: value
        if isinstance(value, str)
        else (number_first if name == "Count" else number)(value, language)
        for name, value in values.items()
    }
    return Opening((words.gettext(form) % told).replace("….", "…"), form)


_Truth = tuple[str, dict[str, str | int]]


def _of_one(comparison: ComparisonView) -> Iterator[_Truth]:
    """Yield what is true of the only comparison, the most telling first; two at least."""
    pair = next(_pairs([comparison]), None)
    if pair is not None:
        stands = pair.stands
        yield from _upsets([pair])
        if paid := _paid_side(stands):
            yield (
                N_("The tool you pay for beats the free one.")
                if paid is stands.ahead
                else N_("The free tool beats the one you pay for."),
                {},
            )
        if _sweep(stands):
            yield N_("A clean sweep: verdicts don’t come any clearer than this."), {}
        if stands.tie and stands.support in (Support.MOST, Support.HALF):
            yield N_("Your call: the panel can’t settle this one."), {}
        shares = (stands.ahead_share, stands.behind_share)
        if len(_lone(comparison)) == 1 and {0, EVERYONE} & set(shares):
            yield N_("Almost unanimous: one reviewer breaks ranks."), {}
    yield N_("One pair, and what the reviewers make of it."), {}
    yield N_("Two tools, side by side."), {}


def _of_several(comparisons: Sequence[ComparisonView]) -> Iterator[_Truth]:
    """Yield what is true of several comparisons, the most telling first; two at least."""
    pairs = list(_pairs(comparisons))
    yield from _upsets(pairs)
    yield from _sweeps(pairs, of=len(comparisons))
    yield from _dissents(comparisons)
    yield from _ties(pairs)
    yield from _prices(pairs)
    yield from _agreement(comparisons)
    if len(pairs) == len(comparisons):
        yield N_("%(Count)s comparisons, and a verdict on each."), {"Count": len(comparisons)}
    yield N_("%(Count)s pairs of tools, side by side."), {"Count": len(comparisons)}
    yield N_("%(Count)s comparisons, with arguments on both sides."), {"Count": len(comparisons)}


def _pairs(comparisons: Sequence[ComparisonView]) -> Iterator[_Pair]:
    for comparison in comparisons:
        if stands := standing(comparison.contenders):
            picked = not (stands.tie or stands.neither)
            yield _Pair(stands, _voters_against(stands) if picked else None)


def _voters_against(stands: PairStanding) -> _Voters | None:
    sides = (stands.ahead, stands.behind)
    own = [side.readers_share for side in sides]
    voters = _Voters.PUBLISHED if None in own else _Voters.READERS
    ahead, behind = [side.community_share for side in sides] if None in own else own
    return voters if ahead is not None and behind is not None and behind > ahead else None


_UPSETS = {
    _Voters.READERS: (
        N_("The panel picks %(tool)s; readers would rather ship %(other)s."),
        N_("Readers and the panel disagree on %(count)s pairs."),
    ),
    _Voters.PUBLISHED: (
        N_("The panel picks %(tool)s; the community would rather ship %(other)s."),
        N_("The community and the panel disagree on %(count)s pairs."),
    ),
}


def _upsets(pairs: Sequence[_Pair]) -> Iterator[_Truth]:
    for voters, (on_one, on_several) in _UPSETS.items():
        upset = [pair.stands for pair in pairs if pair.upset is voters]
        if len(upset) == 1:
            tools = {"tool": upset[0].ahead.short_name, "other": upset[0].behind.short_name}
            yield on_one, dict(tools)
        elif upset:
            yield on_several, {"count": len(upset)}


def _sweep(stands: PairStanding) -> bool:
    return (stands.ahead_share, stands.behind_share) == (EVERYONE, 0)


def _sweeps(pairs: Sequence[_Pair], *, of: int) -> Iterator[_Truth]:
    swept = [pair.stands for pair in pairs if _sweep(pair.stands)]
    if len(swept) == 1:
        yield (
            N_("A clean sweep: everyone would ship %(tool)s, nobody %(other)s."),
            {"tool": swept[0].ahead.short_name, "other": swept[0].behind.short_name},
        )
    winners = [
        pair for pair in pairs if not pair.stands.tie and pair.stands.ahead_share == EVERYONE
    ]
    if len(winners) == of:
        yield N_("The panel is unanimous on every winner."), {}


def _lone(comparison: ComparisonView) -> list[ContenderView]:
    """Return the tools on which one reviewer of three or more is against all others."""
    return [
        each
        for each in comparison.contenders
        if each.seats > 2 and each.ships in (1, each.seats - 1)  # noqa: PLR2004 - of two, both
    ]


def _dissents(comparisons: Sequence[ComparisonView]) -> Iterator[_Truth]:
    lone = [each for comparison in comparisons for each in _lone(comparison)]
    if len(lone) == 1:
        tool: dict[str, str | int] = {"tool": lone[0].short_name}
        if lone[0].ships == 1:
            yield N_("One reviewer stands alone in shipping %(tool)s."), tool
        else:
            yield N_("One reviewer stands alone in skipping %(tool)s."), tool
    elif lone:
        yield (
            N_("On %(count)s tools, a lone reviewer stands against the rest."),
            {"count": len(lone)},
        )


def _ties(pairs: Sequence[_Pair]) -> Iterator[_Truth]:
    ties = [pair.stands for pair in pairs if pair.stands.tie and not pair.stands.neither]
    if len(ties) == 1:
        yield (
            N_("The panel can’t choose between %(tool)s and %(other)s."),
            {"tool": ties[0].ahead.short_name, "other": ties[0].behind.short_name},
        )
    elif ties:
        yield N_("%(Count)s pairs end in a tie."), {"Count": len(ties)}


def _paid_side(stands: PairStanding) -> ContenderView | None:
    """Return the paid tool of a pair where the other one is free and the panel picks one."""
    prices = {side.price: side for side in (stands.ahead, stands.behind)}
    picked = Entry.FREE in prices and not (stands.tie or stands.neither)
    return prices.get(Entry.PAID) if picked else None


def _prices(pairs: Sequence[_Pair]) -> Iterator[_Truth]:
    sides = [(pair.stands, _paid_side(pair.stands)) for pair in pairs]
    split = [(stands, paid) for stands, paid in sides if paid is not None]
    paid_wins = sum(paid is stands.ahead for stands, paid in split)
    if len(split) < 2:  # noqa: PLR2004  - one is told by its verdict
        return
    if paid_wins == len(split):
        yield N_("Where a free tool meets a paid one, the paid one wins each time."), {}
    elif not paid_wins:
        yield N_("Where a free tool meets a paid one, the free one wins each time."), {}
    else:
        yield (
            N_("Price splits the field: of %(count)s pairs, the paid tool wins %(wins)s."),
            {"count": len(split), "wins": paid_wins},
        )


def _agreement(comparisons: Sequence[ComparisonView]) -> Iterator[_Truth]:
    sides = [side for comparison in comparisons for side in comparison.contenders]
    shares = [share for share in map(share_of, sides) if share is not None]
    agreed = sum(share in (0, EVERYONE) for share in shares)
    split = len(shares) - agreed
    if agreed > 1 and split > 1:
        yield (
            N_("The panel agrees on %(agreed)s tools and is split on %(split)s."),
            {"agreed": agreed, "split": split},
        )
    elif len(shares) < len(sides):
        return
    elif agreed > 1 and not split:
        yield N_("The panel agrees on every tool."), {}
    elif split > 1 and not agreed:
        yield N_("The panel is split on every tool."), {}
