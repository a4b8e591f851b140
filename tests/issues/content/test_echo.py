"""The echo: what readers voted on the last issue, in one sentence that is true in every case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.comparisons.models import Revision
from digest.issues.content.background import Background
from digest.issues.content.echo import EchoFacts, EchoForm, echo_facts, echo_view
from digest.votes import VoteCount
from tests.render.samples import make_contender, make_revision

ALL = EchoFacts(
    turnout=612,
    comparison="modal-vs-oriel",
    tool="Modal",
    votes=VoteCount(435, 177),
    panel_share=100.0,
)
SOME = replace(ALL, turnout=1612)


def said(facts: EchoFacts, language: str = "en", **changed: object) -> str:
    changed_facts = EchoFacts(**{**vars(facts), **changed})
    return echo_view(changed_facts, language, base_url="https://news.example.com").text


def test_it_says_how_many_voted_and_what_the_panel_said() -> None:
    assert said(ALL) == ("Last time, 612 of you voted: 71% would ship Modal, the panel said 100%.")
    assert said(ALL, "de") == (
        "Beim letzten Mal haben 612 von Ihnen abgestimmt: 71\u00a0% würden Modal nehmen, die Jury"
        " sagte 100\u00a0%."
    )


def test_a_share_is_not_said_to_be_of_more_readers_than_voted_on_the_tool() -> None:
    assert said(SOME) == (
        "Last time, 1,612 of you voted, 612 on Modal: 71% would ship it, the panel said 100%."
    )
    assert said(SOME, "de").startswith(
        "Beim letzten Mal haben 1.612 von Ihnen abgestimmt, 612 über Modal: 71\u00a0%"
    )


def test_where_readers_and_panel_agree_it_says_so() -> None:
    alike = "and the panel said the same."

    assert said(ALL, panel_share=71.0).endswith(f"71% would ship Modal, {alike}")
    assert said(SOME, panel_share=71.0).endswith(f"71% would ship it, {alike}")
    assert said(ALL, panel_share=71.0, form=EchoForm.ISSUE).endswith(f"say ship, {alike}")


def test_almost_all_are_not_said_to_be_all() -> None:
    assert "99% would ship Modal, the panel said 100%" in said(ALL, votes=VoteCount(611, 1))


def test_the_panel_s_share_is_the_one_the_mail_showed() -> None:
    assert said(ALL, panel_share=0.4).endswith("71% would ship Modal, the panel said 0.4%.")
    assert said(ALL, panel_share=70.8).endswith("71% would ship Modal, the panel said 70.8%.")


def test_where_the_panel_s_share_is_not_known_it_tells_of_readers_alone() -> None:
    assert said(ALL, panel_share=None) == "Last time, 612 of you voted: 71% would ship Modal."
    assert said(SOME, panel_share=None).endswith("612 on Modal: 71% would ship it.")
    assert said(ALL, panel_share=None, form=EchoForm.ISSUE) == (
        "From our last issue: 71% of your 612 votes on Modal say ship."
    )


@pytest.mark.parametrize("facts", [ALL, SOME])
def test_its_other_form_begins_with_the_issue(facts: EchoFacts) -> None:
    assert said(facts, form=EchoForm.ISSUE) == (
        "From our last issue: 71% of your 612 votes on Modal say ship, the panel said 100%."
    )


def test_it_leads_to_the_comparison() -> None:
    view = echo_view(ALL, "en", base_url="https://news.example.com")

    assert view.url == "https://news.example.com/comparisons/modal-vs-oriel"


def pair(*panel: float | None) -> Revision:
    names = ("Marlow", "Oriel")
    revision = make_revision(
        *(make_contender(side, names[side], panel=panel[side]) for side in (0, 1))
    )
    revision.comparison_id = 7
    return revision


def facts_of(
    revision: Revision, *votes: VoteCount, turnout: int = 0, before: EchoFacts | None = None
) -> EchoFacts | None:
    counts = {7: dict(enumerate(votes, 1))}
    return echo_facts([revision], counts, turnout, shown_from=5, before=before)


def test_it_is_about_the_tool_on_which_readers_and_the_panel_differ_most() -> None:
    facts = facts_of(pair(100.0, 50.0), VoteCount(9, 1), VoteCount(0, 5), turnout=12)

    assert facts == EchoFacts(
        turnout=12,
        comparison="marlow-vs-oriel",
        tool="Oriel",
        votes=VoteCount(0, 5),
        panel_share=50.0,
    )


def test_a_tool_with_an_unknown_panel_share_comes_last() -> None:
    revision = pair(None, 50.0)
    revision.contenders[0].verdicts = []
    only = facts_of(revision, VoteCount(9, 1))
    both = facts_of(revision, VoteCount(9, 1), VoteCount(3, 3))

    assert only is not None
    assert (only.tool, only.panel_share) == ("Marlow", None)
    assert both is not None
    assert both.tool == "Oriel"


def test_too_few_votes_have_no_echo() -> None:
    assert facts_of(pair(100.0, 50.0), VoteCount(2, 2), VoteCount(4, 0), turnout=8) is None
    assert facts_of(pair(100.0, 50.0)) is None
    assert echo_facts([pair(100.0, 50.0)], {7: {1: VoteCount(1)}}, 1, shown_from=1) is None


def test_no_two_issues_running_begin_alike() -> None:
    told: list[EchoFacts | None] = [None]
    for _ in range(3):
        told.append(facts_of(pair(100.0, 50.0), VoteCount(9, 1), before=told[-1]))

    assert [facts.form for facts in told if facts] == ["turnout", "issue", "turnout"]


def test_voters_who_were_erased_leave_no_more_votes_than_voters() -> None:
    facts = facts_of(pair(100.0, 50.0), VoteCount(9, 1), turnout=7)

    assert facts is not None
    assert facts.turnout == 10


def test_the_facts_are_kept_with_an_issue_s_background() -> None:
    background = Background(echo=replace(ALL, form=EchoForm.ISSUE))

    assert Background.from_dict(background.to_dict()) == background
    assert Background.from_dict(Background().to_dict()).echo is None
