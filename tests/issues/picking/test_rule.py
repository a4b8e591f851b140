"""The picking rule: order, penalties, limits, and the reasons given."""

from __future__ import annotations

import json
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.comparisons.store import ComparisonSummary, SummarySide
from digest.issues.picking.pick_result import (
    Candidate,
    ExclusionReason,
    PastIssueContent,
    Pick,
    PickPoints,
    PickRule,
)
from digest.issues.picking.rule import candidate, pick

DAY = date(2026, 11, 24)


def make(
    slug: str, *tools: str, category: str = "Tools", age: int = 0, **fields: object
) -> Candidate:
    values: dict[str, object] = {
        "slug": slug,
        "title": slug.title(),
        "comparison_id": 1,
        "revision_id": 1,
        "tools": frozenset(tools or (f"{slug}-left", f"{slug}-right")),
        "categories": frozenset({category}),
        "published_on": DAY - timedelta(days=age),
        "imported_on": DAY,
        **fields,
    }
    return Candidate(**values)  # type: ignore[arg-type]  # a builder's values are of every kind


def featured(period: str, *comparisons: str, tools: tuple[str, ...] = ()) -> PastIssueContent:
    return PastIssueContent(
        period=period, comparisons=frozenset(comparisons), tools=frozenset(tools)
    )


def choose(
    *candidates: Candidate, past: tuple[PastIssueContent, ...] = (), n: int = 5, rest: int = 2
) -> Pick:
    rule = PickRule(max_per_issue=n, no_repeat=rest)
    return pick(candidates, past, rule, period="2026-W48", day=DAY)


def slugs(result: Pick) -> list[str]:
    return [entry.candidate.slug for entry in result.chosen]


def why(result: Pick) -> dict[str, ExclusionReason]:
    return {entry.candidate.slug: entry.why for entry in result.left_out}


def reasons(result: Pick) -> dict[str, str]:
    chosen = {entry.candidate.slug: entry.reason for entry in result.chosen}
    return chosen | {entry.candidate.slug: entry.reason for entry in result.left_out}


def test_the_heavier_comparison_comes_first() -> None:
    assert slugs(choose(make("a"), make("b", weight=1.2))) == ["b", "a"]


def test_the_newer_comparison_comes_first() -> None:
    assert slugs(choose(make("a", age=9), make("b", age=2))) == ["b", "a"]


def test_the_comparison_that_parts_the_panel_further_comes_first() -> None:
    assert slugs(choose(make("a", split=25.0), make("b", split=75.0), make("c"))) == ["b", "a", "c"]


def test_a_category_already_chosen_costs() -> None:
    result = choose(
        make("a", category="Video"),
        make("b", category="Video", age=1),
        make("c", category="Audio", age=8),
    )
    assert slugs(result) == ["a", "c", "b"]


def picked_by_gap(*candidates: Candidate, points: float = 10) -> Pick:
    rule = PickRule(points=PickPoints(gap=points))
    return pick(candidates, (), rule, period="2026-W48", day=DAY)


def test_where_readers_and_panel_are_further_apart_comes_first_and_says_so() -> None:
    result = picked_by_gap(
        make("a"), make("b", readers_gap=43.0), make("c", readers_gap=100 / 7, split=25.0)
    )

    assert slugs(result) == ["b", "c", "a"]
    assert reasons(result)["b"].endswith("readers and panel 43% apart (+4.3)")
    assert reasons(result)["c"].endswith("readers and panel 14.3% apart (+1.43)")
    assert reasons(result)["a"].endswith("too little known to compare readers and panel (+0)")
    assert result.chosen[0].score.total == 24.3
    assert result.to_dict()["chosen"][0]["points"]["gap"] == 4.3


def test_the_gap_is_off_unless_it_is_set_and_no_reason_tells_of_it() -> None:
    apart, alike = make("b", readers_gap=100.0), make("a", readers_gap=0.0)

    assert slugs(choose(apart, alike)) == ["a", "b"]
    assert "readers" not in "".join(reasons(choose(apart, alike)).values())


def test_equal_points_go_by_date_and_then_by_slug() -> None:
    # Both are worth nothing in freshness, being older than four weeks.
    result = choose(make("c", age=40), make("b", age=50), make("a", age=50))
    assert slugs(result) == ["c", "a", "b"]


def test_an_issue_holds_no_more_than_the_rule_says() -> None:
    result = choose(make("a", weight=3.0), make("b", weight=2.0), make("c"), n=2)
    assert (slugs(result), why(result)) == (["a", "b"], {"c": ExclusionReason.FULL})


def test_what_was_featured_is_left_out_with_the_issue_named() -> None:
    result = choose(make("a"), past=(featured("2026-W12", "a"),))
    assert (why(result), reasons(result)["a"]) == (
        {"a": ExclusionReason.FEATURED},
        "was in the issue of 2026-W12",
    )


def test_what_comes_out_after_the_issue_waits() -> None:
    result = choose(make("a", age=-1), make("b", age=0))
    assert (slugs(result), why(result)) == (["b"], {"a": ExclusionReason.NOT_YET})


def test_a_comparison_without_a_date_counts_from_its_import() -> None:
    result = choose(make("a", published_on=None, imported_on=DAY - timedelta(days=14)))
    assert result.chosen[0].score.freshness == 5.0
    assert "no date, imported 14 days before (+5)" in result.chosen[0].reason


def test_a_comparison_without_a_date_says_so_when_it_came_after_the_issue_s_day() -> None:
    result = choose(make("a", published_on=None, imported_on=DAY + timedelta(days=2)))
    assert "no date, imported 2 days after (+10)" in result.chosen[0].reason


def test_a_tool_rests_for_as_many_issues_as_the_rule_says() -> None:
    past = (
        featured("2026-W47", "x", tools=("new",)),
        featured("2026-W45", "y", tools=("middle",)),
        featured("2026-W44", "z", tools=("old",)),
    )
    result = choose(
        make("a", "new", "a2"), make("b", "middle", "b2"), make("c", "old", "c2"), past=past
    )
    assert (slugs(result), why(result)) == (
        ["c"],
        {"a": ExclusionReason.TOOL_RESTS, "b": ExclusionReason.TOOL_RESTS},
    )


def test_a_tool_is_in_an_issue_once() -> None:
    result = choose(make("a", "lathe", "plumb"), make("b", "lathe", "trowel", age=3))
    assert reasons(result)["b"] == "lathe is in this issue already, at place 1: A"


def test_a_later_issue_takes_a_comparison_but_rests_no_tool() -> None:
    later = featured("2026-W50", "a", tools=("lathe", "plumb"))
    result = choose(make("a", "lathe", "plumb"), make("b", "lathe", "trowel"), past=(later,))
    assert (slugs(result), why(result)) == (["b"], {"a": ExclusionReason.FEATURED})


def test_the_issue_of_the_period_itself_is_no_obstacle() -> None:
    own = featured("2026-W48", "a", tools=("a-left", "a-right"))
    assert slugs(choose(make("a"), past=(own,))) == ["a"]


def test_the_reason_names_every_part_and_its_points() -> None:
    result = choose(
        make("a", category="Video", weight=2.0),
        make("b", category="Video", age=7, weight=1.5, split=25.0),
    )
    assert reasons(result)["b"] == (
        "19 points: weight 1.5 (+15), published 7 days before (+7.5),"
        " panel shares 25% apart (+2.5), 1 above it from the same category (-6)"
    )


def test_whoever_finds_no_room_is_told_the_points() -> None:
    result = choose(make("a"), make("b", weight=0.5), n=1)
    assert reasons(result)["b"].startswith(
        "the issue is full with 1; this has 9 points: weight 0.5 (+5), published on the day (+10)"
    )


def test_an_empty_week_says_that_there_is_nothing() -> None:
    result = choose()
    assert (result.chosen, result.note) == ((), "nothing to pick: there are no comparisons")


def test_an_empty_week_says_what_kept_each_candidate_out() -> None:
    result = choose(make("a"), make("b", age=-3), past=(featured("2026-W47", "a"),))
    assert result.note == "nothing to pick: 1 already featured, 1 not published yet"


def test_a_pick_can_be_kept_as_json() -> None:
    result = choose(make("a"), make("b", age=-3)).to_dict()
    assert json.loads(json.dumps(result)) == result
    assert result["chosen"][0]["points"]["total"] == 20.0
    assert result["left_out"][0]["why"] == "not-yet"


def test_a_stored_comparison_becomes_a_candidate() -> None:
    summary = ComparisonSummary(
        comparison_id=3,
        revision_id=9,
        revision=2,
        slug="lathe-vs-plumb",
        title="Lathe vs Plumb",
        published_on=None,
        imported_on=DAY,
        weight=1.5,
        left=SummarySide("lathe", "Lathe", "Video", 75.0),
        right=SummarySide("plumb", "Plumb", "", 25.0),
    )
    row = candidate(summary)
    assert (row.tools, row.categories, row.split, row.revision_id) == (
        frozenset({"lathe", "plumb"}),
        frozenset({"Video"}),
        50.0,
        9,
    )


@pytest.mark.parametrize("share", [None, 50.0])
def test_a_share_that_is_not_published_makes_the_split_unknown(share: float | None) -> None:
    side = SummarySide("lathe", "Lathe", "Video", None)
    summary = ComparisonSummary(
        comparison_id=1,
        revision_id=1,
        revision=1,
        slug="a",
        title="A",
        published_on=None,
        imported_on=DAY,
        weight=1.0,
        left=side,
        right=SummarySide("plumb", "Plumb", "Video", share),
    )
    result = choose(candidate(summary))
    assert "panel split unknown (+0)" in result.chosen[0].reason


TOOLS = st.sampled_from("abcdefgh")


@st.composite
def pools(draw: st.DrawFn) -> list[Candidate]:
    names = draw(st.lists(st.text("xyz", min_size=1, max_size=4), unique=True, max_size=12))
    return [
        make(
            name,
            *draw(st.sets(TOOLS, min_size=2, max_size=2)),
            category=draw(st.sampled_from(["Video", "Audio", "Text"])),
            age=draw(st.integers(-3, 40)),
            weight=draw(st.sampled_from([0.0, 0.5, 1.0, 2.0])),
            split=draw(st.none() | st.sampled_from([0.0, 25.0, 100.0])),
        )
        for name in names
    ]


PASTS = st.lists(
    st.builds(
        PastIssueContent,
        period=st.integers(40, 50).map("2026-W{}".format),
        comparisons=st.frozensets(st.text("xyz", min_size=1, max_size=2), max_size=3),
        tools=st.frozensets(TOOLS, max_size=2),
    ),
    max_size=5,
    unique_by=lambda entry: entry.period,
)
RULES = st.builds(PickRule, max_per_issue=st.integers(0, 6), no_repeat=st.integers(0, 4))


@given(pools(), PASTS, RULES, st.randoms())
def test_the_order_of_what_it_is_given_makes_no_difference(
    pool: list[Candidate], past: list[PastIssueContent], rule: PickRule, random: Random
) -> None:
    first = pick(pool, past, rule, period="2026-W48", day=DAY)
    random.shuffle(pool)
    random.shuffle(past)
    assert pick(pool, past, rule, period="2026-W48", day=DAY) == first


@given(pools(), PASTS, RULES)
def test_every_candidate_is_chosen_or_left_out_with_a_reason(
    pool: list[Candidate], past: list[PastIssueContent], rule: PickRule
) -> None:
    result = pick(pool, past, rule, period="2026-W48", day=DAY)
    named = slugs(result) + list(why(result))
    assert sorted(named) == sorted(entry.slug for entry in pool)
    assert all(reasons(result).values())


@given(pools(), PASTS, RULES)
def test_the_rule_holds_whatever_the_pool(
    pool: list[Candidate], past: list[PastIssueContent], rule: PickRule
) -> None:
    result = pick(pool, past, rule, period="2026-W48", day=DAY)
    tools = [tool for entry in result.chosen for tool in entry.candidate.tools]
    before = sorted(
        (entry for entry in past if entry.period < "2026-W48"), key=lambda entry: entry.period
    )
    recent = {tool for entry in before[::-1][: rule.no_repeat] for tool in entry.tools}
    carried = {slug for entry in past if entry.period != "2026-W48" for slug in entry.comparisons}
    assert len(result.chosen) <= rule.max_per_issue
    assert len(tools) == len(set(tools))
    assert not recent & set(tools)
    assert not carried & set(slugs(result))


@given(pools(), PASTS, RULES)
def test_nobody_left_out_for_want_of_room_had_more_points_than_the_last_chosen(
    pool: list[Candidate], past: list[PastIssueContent], rule: PickRule
) -> None:
    result = pick(pool, past, rule, period="2026-W48", day=DAY)
    beaten = [
        entry.score.total
        for entry in result.left_out
        if entry.why is ExclusionReason.FULL and entry.score
    ]
    assert not result.chosen or all(total <= result.chosen[-1].score.total for total in beaten)


def test_what_the_source_of_another_newsletter_brings_is_left_out() -> None:
    own, other, any_ = make("a", newsletter="weekly"), make("b", newsletter="daily"), make("c")
    rule = PickRule(newsletter="weekly")
    result = pick((own, other, any_), (), rule, period="2026-W48", day=DAY)

    assert slugs(result) == ["a", "c"]
    assert why(result) == {"b": ExclusionReason.OTHER_NEWSLETTER}
    assert reasons(result)["b"] == "only daily picks what its source brings"
