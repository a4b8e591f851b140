"""How the pick rule is replayed over past weeks; pure, nothing is stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from digest.issues.calendar import issue_day, period_of_day
from digest.issues.picking.pick_result import Candidate, PastIssueContent, Pick, PickRule
from digest.issues.picking.rule import pick


@dataclass(frozen=True, kw_only=True)
class BacktestWeek:
    """One week: what the rule would have picked, and what was sent."""

    pick: Pick
    sent: frozenset[str]  #: slugs; empty where there was no issue


def backtest(
    candidates: Iterable[Candidate],
    history: Iterable[PastIssueContent],
    rule: PickRule,
    *,
    until: str,
    weekday: int,
    weeks: int = 20,
) -> list[BacktestWeek]:
    """Return a pick for each of the *weeks* before the period *until*, the newest week last.

    The history of each week is the picks before it. A comparison without a publishing date
    counts from the day of its import.
    """
    pool = list(candidates)
    truth = {past.period: past.comparisons for past in history}
    picked: list[PastIssueContent] = []
    replayed: list[BacktestWeek] = []
    for period in _periods_before(until, weekday, weeks):
        day = issue_day(period, weekday)
        chosen = pick(_available(pool, day), picked, rule, period=period, day=day)
        carried = [choice.candidate for choice in chosen.chosen]
        if carried:
            picked.append(
                PastIssueContent(
                    period=period,
                    comparisons=frozenset(candidate.slug for candidate in carried),
                    tools=frozenset().union(*(candidate.tools for candidate in carried)),
                )
            )
        replayed.append(BacktestWeek(pick=chosen, sent=truth.get(period, frozenset())))
    return replayed


def _periods_before(until: str, weekday: int, weeks: int) -> Sequence[str]:
    day = issue_day(until, weekday)
    return [period_of_day(day - timedelta(weeks=ago)) for ago in range(weeks, 0, -1)]


def _available(candidates: Sequence[Candidate], day: date) -> list[Candidate]:
    return [
        candidate
        for candidate in candidates
        if (candidate.published_on or candidate.imported_on) <= day
    ]
