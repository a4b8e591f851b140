"""Backtest: what earlier weeks would have carried under today's rule."""

from __future__ import annotations

from datetime import date, timedelta

from digest.issues.picking.backtest import backtest
from digest.issues.picking.pick_result import Candidate, PastIssueContent, PickRule

LAST = date(2026, 11, 17)


def make_candidate(slug: str, weeks_ago: int | None, imported: int = 0) -> Candidate:
    return Candidate(
        slug=slug,
        title=slug,
        comparison_id=1,
        revision_id=1,
        tools=frozenset({f"{slug}-a", f"{slug}-b"}),
        categories=frozenset(),
        published_on=None if weeks_ago is None else LAST - timedelta(weeks=weeks_ago),
        imported_on=LAST - timedelta(weeks=imported),
    )


def carried(
    *candidates: Candidate, history: tuple[PastIssueContent, ...] = ()
) -> dict[str, list[str]]:
    weeks = backtest(
        candidates, history, PickRule(max_per_issue=2), until="2026-W48", weekday=1, weeks=20
    )
    return {
        week.pick.period: [choice.candidate.slug for choice in week.pick.chosen]
        for week in weeks
        if week.pick.chosen
    }


def test_twenty_weeks_are_tried_the_newest_last() -> None:
    weeks = backtest([], [], PickRule(), until="2026-W48", weekday=1)

    assert (len(weeks), weeks[0].pick.period, weeks[-1].pick.period) == (20, "2026-W28", "2026-W47")


def test_a_week_carries_what_was_out_by_then() -> None:
    assert carried(make_candidate("old", 3), make_candidate("new", 0)) == {
        "2026-W44": ["old"],
        "2026-W47": ["new"],
    }


def test_nothing_is_carried_twice() -> None:
    assert carried(*(make_candidate(slug, 5) for slug in "abc")) == {
        "2026-W42": ["a", "b"],
        "2026-W43": ["c"],
    }


def test_without_a_date_the_day_of_import_counts() -> None:
    assert carried(make_candidate("undated", None, imported=2)) == {"2026-W45": ["undated"]}


def test_what_went_out_in_truth_stands_beside_it_and_changes_nothing() -> None:
    sent = PastIssueContent(period="2026-W47", comparisons=frozenset({"new"}), tools=frozenset())
    candidates = [make_candidate("new", 0)]
    weeks = backtest(candidates, [sent], PickRule(), until="2026-W48", weekday=1)

    assert weeks[-1].sent == {"new"}
    assert [choice.candidate.slug for choice in weeks[-1].pick.chosen] == ["new"]


def test_the_turn_of_the_year_has_its_53rd_week() -> None:
    weeks = backtest([], [], PickRule(), until="2027-W01", weekday=1, weeks=2)

    assert [week.pick.period for week in weeks] == ["2026-W52", "2026-W53"]
