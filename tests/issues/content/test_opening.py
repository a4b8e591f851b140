"""What kind of week an issue tells of."""

from __future__ import annotations

from itertools import pairwise

import pytest

from digest.comparisons.models import Entry, Revision
from digest.votes import VoteCount
from tests.render.samples import (
    full_week,
    make_contender,
    make_issue,
    make_newsletter,
    make_revision,
)

Shares = tuple[float | None, float | None]


def pair(
    panel: Shares,
    votes: Shares = (None, None),
    *,
    prices: tuple[Entry, Entry] = (Entry.FREE, Entry.FREE),
    number: int = 0,
) -> Revision:
    names = [("Marlow", "Oriel"), ("Lathe", "Brook"), ("Anvil", "Crucible")][number]
    sides = [
        make_contender(
            side,
            names[side],
            panel=panel[side],
            community_share=votes[side],
            entry=prices[side],
        )
        for side in (0, 1)
    ]
    return make_revision(*sides)


PAID_LEFT = (Entry.PAID, Entry.FREE)


@pytest.mark.parametrize(
    ("revision", "opening"),
    [
        (
            pair((100, 50), (40, 60)),
            "The panel picks Marlow; the community would rather ship Oriel.",
        ),
        (pair((100, 50), prices=PAID_LEFT), "The tool you pay for beats the free one."),
        (pair((50, 100), prices=PAID_LEFT), "The free tool beats the one you pay for."),
        (pair((100, 0)), "A clean sweep: verdicts don’t come any clearer than this."),
        (pair((50, 50)), "Your call: the panel can’t settle this one."),
        (pair((100, 75)), "Almost unanimous: one reviewer breaks ranks."),
        (pair((75, 50)), "One pair, and what the reviewers make of it."),
        (pair((None, None)), "One pair, and what the reviewers make of it."),
    ],
)
def test_an_issue_of_one_comparison_says_what_its_verdict_does_not(
    revision: Revision, opening: str
) -> None:
    assert make_issue(revision).opening == opening


@pytest.mark.parametrize(
    ("revisions", "opening"),
    [
        (
            [pair((100, 50), (40, 60)), pair((50, 50), number=1)],
            "The panel picks Marlow; the community would rather ship Oriel.",
        ),
        (
            [pair((100, 50), (40, 60)), pair((75, 50), (1, 2), number=1)],
            "The community and the panel disagree on two pairs.",
        ),
        (
            [pair((50, 50)), pair((0, 100), number=1)],
            "A clean sweep: everyone would ship Brook, nobody Lathe.",
        ),
        ([pair((100, 50)), pair((50, 100), number=1)], "The panel is unanimous on every winner."),
        (
            [pair((50, 75)), pair((50, 50), number=1)],
            "One reviewer stands alone in skipping Oriel.",
        ),
        (
            [pair((50, 25)), pair((50, 50), number=1)],
            "One reviewer stands alone in shipping Oriel.",
        ),
        (
            [pair((75, 25)), pair((50, 50), number=1)],
            "On two tools, a lone reviewer stands against the rest.",
        ),
        (
            [pair((50, 50)), pair((50, 50), number=1), pair((100, 50), number=2)],
            "Two pairs end in a tie.",
        ),
        (
            [pair((50, 50)), pair((100, 50), number=1)],
            "The panel can’t choose between Marlow and Oriel.",
        ),
        (
            [
                pair((60, 40), prices=PAID_LEFT),
                pair((40, 60), prices=PAID_LEFT, number=1),
            ],
            "Price splits the field: of two pairs, the paid tool wins one.",
        ),
        (
            [pair((60, 40), prices=PAID_LEFT)] * 2,
            "Where a free tool meets a paid one, the paid one wins each time.",
        ),
        (
            [pair((100, 60)), pair((60, 100), number=1), pair((40, 30), number=2)],
            "The panel agrees on two tools and is split on four.",
        ),
        ([pair((60, 40)), pair((40, 60), number=1)], "The panel is split on every tool."),
        (
            [pair((100, 100)), pair((0, 0), number=1)],
            "The panel can’t choose between Marlow and Oriel.",
        ),
        ([pair((None, None)), pair((None, 60))], "Two pairs of tools, side by side."),
    ],
)
def test_an_issue_of_several_says_what_kind_of_week_it_is(
    revisions: list[Revision], opening: str
) -> None:
    assert make_issue(*revisions).opening == opening


@pytest.mark.parametrize("panel", [(40, 20), (25, 0), (0, 0)])
@pytest.mark.parametrize("votes", [(None, None), (10, 90)])
def test_no_tool_is_said_to_win_where_the_verdict_is_to_skip_both(
    panel: Shares, votes: Shares
) -> None:
    skipped = pair(panel, votes, prices=PAID_LEFT)
    issue = make_issue(skipped)
    several = make_issue(skipped, pair(panel, votes, prices=PAID_LEFT, number=1))

    assert issue.comparisons[0].verdict_lead == "Skip both."
    for opening in (issue.opening, several.opening):
        assert not any(word in opening for word in ("picks", "beats", "wins", "disagree", "tie"))


def opening_with(*votes: VoteCount, panel: Shares = (100, 50), published: Shares) -> str:
    """Return the opening of an issue of one pair with our readers' votes on its tools."""
    revision = pair(panel, published)
    revision.comparison_id = 7
    return make_issue(revision, counts={7: dict(enumerate(votes, 1))}).opening


UPSET, NO_UPSET = (40.0, 60.0), (60.0, 40.0)
FOR, AGAINST = (VoteCount(4, 1), VoteCount(2, 3)), (VoteCount(2, 3), VoteCount(4, 1))


def test_our_readers_votes_come_before_those_a_page_publishes() -> None:
    ours = "The panel picks Marlow; readers would rather ship Oriel."

    assert opening_with(*AGAINST, published=UPSET) == ours
    assert opening_with(*AGAINST, published=NO_UPSET) == ours
    assert opening_with(*AGAINST, published=(None, None)) == ours
    assert "Oriel" not in opening_with(*FOR, published=UPSET)


def test_too_few_votes_of_ours_are_not_mixed_with_published_ones() -> None:
    few = opening_with(VoteCount(0, 9), VoteCount(4, 0), published=UPSET)

    assert few == "The panel picks Marlow; the community would rather ship Oriel."
    assert "Oriel" not in opening_with(VoteCount(0, 9), published=(None, 90.0))


def test_upsets_of_two_kinds_are_told_apart() -> None:
    revisions = [pair((100, 50), UPSET), pair((100, 50), UPSET, number=1)]
    for at, revision in enumerate(revisions):
        revision.comparison_id = at
    counts = {1: dict(enumerate(AGAINST, 1))}
    first = make_issue(*revisions, counts=counts)
    second = make_issue(*revisions, counts=counts, last_form=first.opening_form)

    assert first.opening == "The panel picks Lathe; readers would rather ship Brook."
    assert second.opening == "The panel picks Marlow; the community would rather ship Oriel."


def test_an_issue_with_an_unknown_share_says_nothing_of_every_tool() -> None:
    forms = [""]
    for _ in range(4):
        revisions = [pair((60, 40)), pair((60, None), number=1)]
        forms.append(make_issue(*revisions, last_form=forms[-1]).opening_form)

    assert not any("every tool" in form or "each" in form for form in forms)


@pytest.mark.parametrize(
    "revisions",
    [
        full_week(),
        [pair((75, 100))],
        [pair((None, None))],
        [pair((50, 50)), pair((None, None))],
        [pair((None, None)), pair((None, None))],
    ],
)
@pytest.mark.parametrize("language", ["en", "de"])
def test_d11_no_two_issues_running_open_with_the_same_sentence(
    revisions: list[Revision], language: str
) -> None:
    newsletter = make_newsletter()
    newsletter.language = language
    forms, texts = [""], [""]
    for _ in range(4):
        issue = make_issue(*revisions, newsletter=newsletter, last_form=forms[-1])
        forms.append(issue.opening_form)
        texts.append(issue.opening)

    assert all(now != before for before, now in pairwise(texts))
    assert all(now != before for before, now in pairwise(forms))
    assert make_issue(*revisions, newsletter=newsletter).opening == texts[1]


def test_a_newsletter_in_german_opens_in_german() -> None:
    newsletter = make_newsletter()
    newsletter.language = "de"

    assert make_issue(*full_week(), newsletter=newsletter).opening == (
        "Bei fünf Werkzeugen steht ein Jurymitglied allein gegen alle anderen."
    )
