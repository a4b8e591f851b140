"""The pick rule: how candidates are filtered, scored and chosen, and how reasons are worded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from digest.comparisons.score import gap
from digest.comparisons.store import Summary
from digest.issues.picking.pick_result import (
    Candidate,
    Chosen,
    ExclusionReason,
    LeftOut,
    PastIssueContent,
    Pick,
    PickRule,
    Score,
)

#: Points; docs/pick-rule.md lists the same numbers, so change both.
WEIGHT_POINTS = 10.0  #: for each unit of the editor's weight
FRESH_POINTS = 10.0  #: on the day of publishing, evenly down to 0
FRESH_DAYS = 28
SPLIT_POINTS = 10.0  #: when all of the panel ships one tool and nobody the other
REPEAT_COST = 6.0  #: for each comparison chosen before it from the same category


def candidate(summary: Summary) -> Candidate:
    """Return a stored comparison as a candidate."""
    sides = (summary.left, summary.right)
    return Candidate(
        slug=summary.slug,
        title=summary.title,
        comparison_id=summary.comparison_id,
        revision_id=summary.revision_id,
        tools=frozenset(side.tool for side in sides),
        categories=frozenset(side.category for side in sides if side.category),
        published_on=summary.published_on,
        imported_on=summary.imported_on,
        weight=summary.weight,
        split=gap(summary.left.panel_share, summary.right.panel_share),
    )


def pick(
    candidates: Iterable[Candidate],
    history: Iterable[PastIssueContent],
    rule: PickRule,
    *,
    period: str,
    day: date,
) -> Pick:
    """Return the pick for the issue of *period*, which comes out on *day*.

    *history* holds the contents of the newsletter's other issues; an entry for *period* itself is
    ignored. The order of *candidates* and *history* doesn't matter. An empty pick tells in its
    note why it is empty.
    """
    past = [one for one in history if one.period != period]
    open_, left_out = _sieve(candidates, past, rule, period=period, day=day)
    chosen = _choose(open_, rule, day)
    taken = {one.candidate.slug for one in chosen}
    left_out += [_passed_over(one, chosen, day) for one in open_ if one.slug not in taken]
    left_out.sort(key=lambda one: one.candidate.slug)
    return Pick(
        period=period,
        day=day,
        rule=rule,
        chosen=tuple(chosen),
        left_out=tuple(left_out),
        note=note(chosen, left_out),
    )


def _sieve(
    candidates: Iterable[Candidate],
    past: Sequence[PastIssueContent],
    rule: PickRule,
    *,
    period: str,
    day: date,
) -> tuple[list[Candidate], list[LeftOut]]:
    """Return the candidates that points decide on, and those left out whatever their points."""
    carried = {slug: one.period for one in _newest_last(past) for slug in one.comparisons}
    recent = [one for one in _newest_last(past) if one.period < period]
    resting = {
        tool: one.period
        for one in recent[len(recent) - min(rule.no_repeat, len(recent)) :]
        for tool in one.tools
    }
    open_: list[Candidate] = []
    out: list[LeftOut] = []
    for one in candidates:
        tools = sorted(one.tools & resting.keys())
        if one.slug in carried:
            out.append(
                _out(one, ExclusionReason.FEATURED, f"was in the issue of {carried[one.slug]}")
            )
        elif one.published_on is not None and one.published_on > day:
            out.append(
                _out(one, ExclusionReason.NOT_YET, f"comes out on {one.published_on}, after {day}")
            )
        elif tools:
            said = f"{tools[0]} was in the issue of {resting[tools[0]]}; a tool rests for"
            out.append(
                _out(one, ExclusionReason.TOOL_RESTS, f"{said} {_many(rule.no_repeat, 'issue')}")
            )
        else:
            open_.append(one)
    return open_, out


def _choose(candidates: Sequence[Candidate], rule: PickRule, day: date) -> list[Chosen]:
    """Choose the best candidate repeatedly; each choice changes the scores of the rest."""
    chosen: list[Chosen] = []
    left = list(candidates)
    while left and len(chosen) < rule.max_per_issue:
        best = min(left, key=lambda one: _rank(one, chosen, day))
        score = _score(best, chosen, day)
        chosen.append(
            Chosen(
                position=len(chosen) + 1,
                candidate=best,
                score=score,
                reason=_explain(best, score, chosen, day),
            )
        )
        left = [one for one in left if not one.tools & best.tools and one.slug != best.slug]
    return chosen


def _rank(one: Candidate, chosen: Sequence[Chosen], day: date) -> tuple[float, int, str]:
    """Return a sort key: most points, then newest, then slug, which makes the order total."""
    return (-_score(one, chosen, day).total, -_since(one).toordinal(), one.slug)


def _score(one: Candidate, chosen: Sequence[Chosen], day: date) -> Score:
    left_of_month = max(0.0, 1 - _age(one, day) / FRESH_DAYS)
    return Score(
        weight=round(WEIGHT_POINTS * one.weight, 2),
        freshness=round(FRESH_POINTS * left_of_month, 2),
        split=round(SPLIT_POINTS * (one.split or 0.0) / 100, 2),
        variety=0.0 - REPEAT_COST * _alike(one, chosen),
    )


def _alike(one: Candidate, chosen: Sequence[Chosen]) -> int:
    return sum(1 for other in chosen if other.candidate.categories & one.categories)


def _age(one: Candidate, day: date) -> int:
    return max(0, (day - _since(one)).days)


def _since(one: Candidate) -> date:
    return one.published_on or one.imported_on


def _passed_over(one: Candidate, chosen: Sequence[Chosen], day: date) -> LeftOut:
    for other in chosen:
        if tools := sorted(one.tools & other.candidate.tools):
            said = f"{tools[0]} is in this issue already, at place {other.position}"
            return _out(one, ExclusionReason.TOOL_TAKEN, f"{said}: {other.candidate.title}")
    score = _score(one, chosen, day)
    said = f"the issue is full with {len(chosen)}; this has {_explain(one, score, chosen, day)}"
    return LeftOut(candidate=one, why=ExclusionReason.FULL, reason=said, score=score)


def _out(one: Candidate, why: ExclusionReason, reason: str) -> LeftOut:
    return LeftOut(candidate=one, why=why, reason=reason)


def _explain(one: Candidate, score: Score, chosen: Sequence[Chosen], day: date) -> str:
    dated = "published" if one.published_on else "no date, imported"
    parted = "panel split unknown" if one.split is None else f"panel shares {one.split:g} % apart"
    parts = [
        f"weight {one.weight:g} (+{score.weight:g})",
        f"{dated} {_long_before(one, day)} (+{score.freshness:g})",
        f"{parted} (+{score.split:g})",
    ]
    if alike := _alike(one, chosen):
        parts.append(f"{alike} above it from the same category ({score.variety:g})")
    return f"{score.total:g} points: {', '.join(parts)}"


def _long_before(one: Candidate, day: date) -> str:
    age = _age(one, day)
    return f"{_many(age, 'day')} before" if age else "on the day"


def note(chosen: Sequence[Chosen], left_out: Sequence[LeftOut]) -> str:
    """Return the pick in one sentence."""
    counted = Counter(one.why for one in left_out)
    why = ", ".join(f"{counted[why]} {_IN_SHORT[why]}" for why in ExclusionReason if counted[why])
    if chosen:
        return f"{_many(len(chosen), 'comparison')} chosen" + (f"; left out: {why}" if why else "")
    return f"nothing to pick: {why}" if why else "nothing to pick: there are no comparisons"


_IN_SHORT = {
    ExclusionReason.FEATURED: "already featured",
    ExclusionReason.NOT_YET: "not published yet",
    ExclusionReason.TOOL_RESTS: "with a tool shown lately",
    ExclusionReason.TOOL_TAKEN: "with a tool that is in this issue",
    ExclusionReason.FULL: "with fewer points",
    ExclusionReason.DROPPED: "taken out by an editor",
}


def _newest_last(past: Sequence[PastIssueContent]) -> list[PastIssueContent]:
    return sorted(past, key=lambda one: one.period)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
