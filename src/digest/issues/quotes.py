"""Chooses which reviewers a mail quotes: the sharpest for and against, and whoever breaks rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.comparisons.models import Call, Contender, Verdict
from digest.comparisons.score import split
from digest.issues.leaning import presumed
from digest.issues.sharpest import Excerpt, sharpest
from digest.issues.view import QuoteView
from digest.render.graphemes import cut
from digest.render.literal import one_line

_NAME = 80


@dataclass(frozen=True)
class _Said:
    side: int
    about: str
    verdict: Verdict
    excerpt: Excerpt
    call: Call | None  #: as published, or presumed: what it is chosen by
    alone: bool  #: the one call against all others on this tool

    @property
    def rank(self) -> tuple[float, int, int]:
        return (self.excerpt.score, -self.verdict.seat, -self.side)


def chosen(contenders: Sequence[Contender], seats: int) -> list[QuoteView]:
    """Return the quotes to show, for before against; every dissent is among them.

    Where calls aren't published the words choose, and nobody is said to be for or against.
    """
    said = [each for contender in contenders for each in _said(contender, seats)]
    called = [each for each in said if each.call is not None]
    picked = _by_call(called) if called else _by_tool(said)
    if len(picked) == 1:  # let the other tool have its word too
        others = [each for each in said if each.side != picked[0].side]
        picked += [_fairest(others, picked)] if others else []
    return [_view(each) for each in sorted(picked, key=_for_first)]


def _said(contender: Contender, seats: int) -> list[_Said]:
    calls = presumed(contender, seats)
    lone = _lone_seat(contender, calls, seats)
    return [
        _Said(
            side=contender.side,
            about=cut(one_line(contender.name), _NAME),
            verdict=verdict,
            excerpt=sharpest(verdict.quote),
            call=calls.get(verdict.seat),
            alone=verdict.seat == lone,
        )
        for verdict in contender.verdicts
        if verdict.quote.strip()
    ]


def _lone_seat(contender: Contender, calls: Mapping[int, Call], seats: int) -> int | None:
    """Find the one seat against all others: of three at the least, every call known.

    Where the published share says otherwise than the calls, nobody is called alone.
    """
    if len(calls) < len(contender.verdicts) or len(calls) < 3:  # noqa: PLR2004
        return None
    ships = [seat for seat, call in calls.items() if call is Call.SHIP]
    skips = [seat for seat, call in calls.items() if call is Call.SKIP]
    if split(contender.panel_share, seats) not in (None, (len(ships), len(skips))):
        return None
    return next((few[0] for few in (ships, skips) if len(few) == 1), None)


def _by_call(said: Sequence[_Said]) -> list[_Said]:
    picked = [each for each in said if each.alone]
    for call in (Call.SHIP, Call.SKIP):
        with_call = [each for each in said if each.call is call]
        if with_call and not any(each.call is call for each in picked):
            picked.append(_fairest(with_call, picked))
    return picked


def _by_tool(said: Sequence[_Said]) -> list[_Said]:
    picked: list[_Said] = []
    for side in sorted({each.side for each in said}):
        picked.append(_fairest([each for each in said if each.side == side], picked))
    return picked


def _fairest(candidates: Sequence[_Said], picked: Sequence[_Said]) -> _Said:
    """Take the sharpest, if possible on a tool and from a seat not heard yet."""
    seats = {each.verdict.seat for each in picked}
    sides = {each.side for each in picked}
    return max(
        candidates,
        key=lambda each: (each.side not in sides, each.verdict.seat not in seats, each.rank),
    )


def _for_first(said: _Said) -> tuple[int, int]:
    return ([Call.SHIP, None, Call.SKIP].index(said.call), said.side)


def _view(said: _Said) -> QuoteView:
    verdict = said.verdict
    return QuoteView(
        text=said.excerpt.text,
        seat=verdict.seat,
        reviewer=cut(one_line(verdict.reviewer), _NAME) if verdict.reviewer else None,
        about=said.about,
        call=verdict.call.value if verdict.call else None,
        dissent=said.alone and verdict.call is not None,
    )
