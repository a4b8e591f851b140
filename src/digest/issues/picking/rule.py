"""The pick rule: how candidates are filtered, scored and chosen, and how reasons are worded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from digest.comparisons.score import gap
from digest.comparisons.store import ComparisonSummary
from digest.issues.picking.pick_result import (
    Candidate,
    Exclusion,
    ExclusionReason,
    PastIssueContent,
    Pick,
    PickedComparison,
    PickRule,
    Score,
)

FRESH_DAYS = 28  #: docs/pick-rule.md says the same


def candidate(summary: ComparisonSummary, *, readers_gap: float | None = None) -> Candidate:
    """Return a stored comparison as a candidate; *readers_gap* is in percentage points."""
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
        readers_gap=readers_gap,
        withdrawn=summary.withdrawn,
        newsletter=str(summary.set_by_editors.get("newsletter", "")),
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
    past = [issue for issue in history if issue.period != period]
    open_, left_out = _filter(candidates, past, rule, period=period, day=day)
    chosen = _choose(open_, rule, day)
    taken = {choice.candidate.slug for choice in chosen}
    left_out += [
        _not_chosen(comparison, chosen, rule, day)
        for comparison in open_
        if comparison.slug not in taken
    ]
    if len(chosen) < rule.min_per_issue:
        left_out += [_too_few(choice, len(chosen), rule.min_per_issue) for choice in chosen]
        chosen = []
    left_out.sort(key=lambda entry: entry.candidate.slug)
    return Pick(
        period=period,
        day=day,
        rule=rule,
        chosen=tuple(chosen),
        left_out=tuple(left_out),
        note=note(chosen, left_out),
    )


def _filter(
    candidates: Iterable[Candidate],
    past: Sequence[PastIssueContent],
    rule: PickRule,
    *,
    period: str,
    day: date,
) -> tuple[list[Candidate], list[Exclusion]]:
    """Return the candidates that points decide on, and those left out whatever their points."""
    carried = {slug: issue.period for issue in _by_period(past) for slug in issue.comparisons}
    recent = [issue for issue in _by_period(past) if issue.period < period]
    resting = {
        tool: issue.period
        for issue in recent[len(recent) - min(rule.no_repeat, len(recent)) :]
        for tool in issue.tools
    }
    open_: list[Candidate] = []
    out: list[Exclusion] = []
    for comparison in candidates:
        tools = sorted(comparison.tools & resting.keys())
        if comparison.withdrawn:
            out.append(_left_out(comparison, ExclusionReason.WITHDRAWN, "it was withdrawn"))
        elif rule.newsletter and comparison.newsletter not in {"", rule.newsletter}:
            only = f"only {comparison.newsletter} picks what its source brings"
            out.append(_left_out(comparison, ExclusionReason.OTHER_NEWSLETTER, only))
        elif comparison.slug in carried:
            out.append(
                _left_out(
                    comparison,
                    ExclusionReason.FEATURED,
                    f"was in the issue of {carried[comparison.slug]}",
                )
            )
        elif comparison.published_on is not None and comparison.published_on > day:
            out.append(
                _left_out(
                    comparison,
                    ExclusionReason.NOT_YET,
                    f"comes out on {comparison.published_on}, after {day}",
                )
            )
        elif tools:
            message = f"{tools[0]} was in the issue of {resting[tools[0]]}; a tool rests for"
            out.append(
                _left_out(
                    comparison,
                    ExclusionReason.TOOL_RESTS,
                    f"{message} {_counted(rule.no_repeat, 'issue')}",
                )
            )
        else:
            open_.append(comparison)
    return open_, out


def _choose(candidates: Sequence[Candidate], rule: PickRule, day: date) -> list[PickedComparison]:
    """Choose the best candidate repeatedly; each choice changes the scores of the rest."""
    chosen: list[PickedComparison] = []
    left = list(candidates)
    while left and len(chosen) < rule.max_per_issue:
        best = min(left, key=lambda comparison: _rank(comparison, chosen, rule, day))
        score = _score(best, chosen, rule, day)
        chosen.append(
            PickedComparison(
                position=len(chosen) + 1,
                candidate=best,
                score=score,
                reason=_explain(best, score, chosen, rule, day),
            )
        )
        left = [
            comparison
            for comparison in left
            if not comparison.tools & best.tools and comparison.slug != best.slug
        ]
    return chosen


def _rank(
    comparison: Candidate, chosen: Sequence[PickedComparison], rule: PickRule, day: date
) -> tuple[float, int, str]:
    """Return a sort key: most points, then newest, then slug, which makes the order total."""
    return (
        -_score(comparison, chosen, rule, day).total,
        -_dated(comparison).toordinal(),
        comparison.slug,
    )


def _score(
    comparison: Candidate, chosen: Sequence[PickedComparison], rule: PickRule, day: date
) -> Score:
    points = rule.points
    left_of_month = max(0.0, 1 - _age(comparison, day) / FRESH_DAYS)
    return Score(
        weight=round(points.weight * comparison.weight, 2),
        freshness=round(points.freshness * left_of_month, 2),
        split=round(points.split * (comparison.split or 0.0) / 100, 2),
        variety=0.0 - points.variety * _same_category(comparison, chosen),
        gap=round(points.gap * (comparison.readers_gap or 0.0) / 100, 2),
    )


def _same_category(comparison: Candidate, chosen: Sequence[PickedComparison]) -> int:
    return sum(1 for choice in chosen if choice.candidate.categories & comparison.categories)


def _age(comparison: Candidate, day: date) -> int:
    return max(0, (day - _dated(comparison)).days)


def _dated(comparison: Candidate) -> date:
    return comparison.published_on or comparison.imported_on


def _too_few(choice: PickedComparison, many: int, fewest: int) -> Exclusion:
    message = (
        f"an issue takes at least {fewest}, and {many} can be chosen; this has {choice.reason}"
    )
    return Exclusion(
        candidate=choice.candidate,
        why=ExclusionReason.TOO_FEW,
        reason=message,
        score=choice.score,
    )


def _not_chosen(
    comparison: Candidate, chosen: Sequence[PickedComparison], rule: PickRule, day: date
) -> Exclusion:
    for choice in chosen:
        if tools := sorted(comparison.tools & choice.candidate.tools):
            message = f"{tools[0]} is in this issue already, at place {choice.position}"
            return _left_out(
                comparison, ExclusionReason.TOOL_TAKEN, f"{message}: {choice.candidate.title}"
            )
    score = _score(comparison, chosen, rule, day)
    explained = _explain(comparison, score, chosen, rule, day)
    message = f"the issue is full with {len(chosen)}; this has {explained}"
    return Exclusion(candidate=comparison, why=ExclusionReason.FULL, reason=message, score=score)


def _left_out(comparison: Candidate, why: ExclusionReason, reason: str) -> Exclusion:
    return Exclusion(candidate=comparison, why=why, reason=reason)


def _explain(
    comparison: Candidate,
    score: Score,
    chosen: Sequence[PickedComparison],
    rule: PickRule,
    day: date,
) -> str:
    dated = "published" if comparison.published_on else "no date, imported"
    parted = (
        "panel split unknown"
        if comparison.split is None
        else f"panel shares {comparison.split:g}% apart"
    )
    parts = [
        f"weight {comparison.weight:g} (+{score.weight:g})",
        f"{dated} {_age_in_words(comparison, day)} (+{score.freshness:g})",
        f"{parted} (+{score.split:g})",
    ]
    if alike := _same_category(comparison, chosen):
        parts.append(f"{alike} above it from the same category ({score.variety:g})")
    if rule.points.gap:
        parts.append(f"{_gap_in_words(comparison)} (+{score.gap:g})")
    return f"{score.total:g} points: {', '.join(parts)}"


def _gap_in_words(comparison: Candidate) -> str:
    apart = comparison.readers_gap
    if apart is None:  # too few votes, or no panel share
        return "too little known to compare readers and panel"
    return f"readers and panel {round(apart, 1):g}% apart"


def _age_in_words(comparison: Candidate, day: date) -> str:
    age = _age(comparison, day)
    if _dated(comparison) > day:
        return f"{_counted((_dated(comparison) - day).days, 'day')} after"
    return f"{_counted(age, 'day')} before" if age else "on the day"


def note(chosen: Sequence[PickedComparison], left_out: Sequence[Exclusion]) -> str:
    """Return the pick in one sentence."""
    counted = Counter(entry.why for entry in left_out)
    why = ", ".join(
        f"{counted[why]} {_REASONS_IN_SHORT[why]}" for why in ExclusionReason if counted[why]
    )
    if chosen:
        return f"{_counted(len(chosen), 'comparison')} chosen" + (
            f"; left out: {why}" if why else ""
        )
    return f"nothing to pick: {why}" if why else "nothing to pick: there are no comparisons"


_REASONS_IN_SHORT = {
    ExclusionReason.WITHDRAWN: "withdrawn",
    ExclusionReason.OTHER_NEWSLETTER: "of another newsletter's source",
    ExclusionReason.FEATURED: "already featured",
    ExclusionReason.NOT_YET: "not published yet",
    ExclusionReason.TOOL_RESTS: "with a tool shown lately",
    ExclusionReason.TOOL_TAKEN: "with a tool that is in this issue",
    ExclusionReason.FULL: "with fewer points",
    ExclusionReason.DROPPED: "taken out by an editor",
    ExclusionReason.TOO_FEW: "too few for an issue",
}


def _by_period(past: Sequence[PastIssueContent]) -> list[PastIssueContent]:
    return sorted(past, key=lambda issue: issue.period)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
