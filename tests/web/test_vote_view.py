"""The words of a vote page: what a reader is told of a vote that is held, and of shares."""

from __future__ import annotations

from typing import Any

import pytest

from digest.comparisons.models import Call
from digest.issues.content import contender_views
from digest.votes import HeldReason, ScanSign, VoteCount
from digest.web.voting.ballot_box import CastVote
from digest.web.voting.ballot_papers import BallotPaper
from digest.web.voting.vote_view import VoteAnswer, vote_answer, vote_form
from tests.render.samples import make_contender, make_revision

LEFT, RIGHT = "lantern-code-3", "brook"


def paper(*, panel: float | None = 100.0) -> BallotPaper:
    """Return a paper of two tools; *panel* is the right one's share."""
    revision = make_revision(make_contender(0), make_contender(1, "Brook", panel=panel))
    return BallotPaper(
        comparison_id=1,
        slug="lantern-vs-brook",
        title="Lantern Code 3 vs Brook",
        withdrawn=False,
        sides=contender_views(revision, "en"),
        tool_ids={LEFT: 7, RIGHT: 8},
    )


def answer(
    held: HeldReason | None = None, *, taken_back: str = "", language: str = "en"
) -> VoteAnswer:
    cast = CastVote(
        paper=paper(),
        known=True,
        standing={LEFT: Call.SHIP},
        pressed={taken_back: None} if taken_back else {LEFT: Call.SHIP},
        held=held,
        counts={7: VoteCount(434, 178)},
    )
    return vote_answer(
        cast, paper(), "/v/abc", shown_from=5, taken_back=taken_back, language=language
    )


@pytest.mark.parametrize(
    ("held", "title", "note"),
    [
        (None, "Thank you for your vote", ""),
        (HeldReason.UNDELIVERED, "Thank you for your vote", "as soon as we know that the email"),
        (HeldReason.SCANNER, "Please press the button again", "Please wait a minute"),
        (HeldReason.SUPPRESSED, "Your vote isn’t counted", "can’t send email to your address"),
        (HeldReason.DISPOSABLE, "Your vote isn’t counted", "a throwaway address"),
        (HeldReason.MAILBOX, "Your vote isn’t counted", "another address of the same mailbox"),
        (HeldReason.NETWORK, "Your vote isn’t counted", "from the same network"),
    ],
)
def test_a_reader_is_told_what_becomes_of_the_vote(
    held: HeldReason | None, title: str, note: str
) -> None:
    told = answer(held)

    assert (told.title, told.told) == (title, "You’d ship Lantern Code 3.")
    assert note in " ".join(told.notes)
    assert len(told.notes) == (1 if held else 0)
    assert told.again == (((f"tool-{LEFT}", "ship"),) if held is HeldReason.SCANNER else ())


def test_every_reason_to_hold_a_vote_has_words() -> None:
    assert [reason for reason in HeldReason if not answer(reason, language="de").notes] == []


def test_a_vote_that_a_program_may_have_taken_back_is_still_there() -> None:
    told = answer(HeldReason.SCANNER, taken_back=LEFT)

    assert told.title == "Please press the button again"
    assert told.told == "Your vote on Lantern Code 3 hasn’t been taken back yet."
    assert [result.own for result in told.results] == ["ship", ""]


def test_shares_of_readers_and_panel_stand_beside_the_own_vote() -> None:
    left, right = answer().results

    assert (left.readers, left.interval) == ("71% would ship · 612 votes", "67–74%")
    assert (right.readers, right.interval) == ("No votes yet", "")
    assert right.panel == "100% · All 4 ship"


def test_a_link_s_choice_is_preset_before_the_vote_as_it_stands() -> None:
    form = vote_form(
        paper(),
        "/v/abc",
        chosen={RIGHT: Call.SKIP},
        standing={LEFT: Call.SHIP, RIGHT: Call.SHIP},
        language="en",
    )

    assert [question.chosen for question in form.questions] == ["ship", "skip"]
    assert [question.so_far for question in form.questions] == ["Your vote so far: ship."] * 2


def test_a_panel_that_has_not_decided_has_no_words() -> None:
    cast = CastVote(paper=paper(), known=True, pressed={LEFT: Call.SKIP})
    told = vote_answer(cast, paper(panel=None), "/v/abc", shown_from=5, language="en")

    assert told.results[1].panel == ""


@pytest.mark.parametrize("sign", ScanSign)
def test_votes_that_are_told_differently_share_no_page(sign: ScanSign) -> None:
    shared: dict[str, Any] = {"paper": paper(), "known": True, "held": HeldReason.SCANNER}

    assert CastVote(**shared, sign=sign).facts() != CastVote(**shared).facts()
    assert CastVote(**shared, sign=sign).facts() == CastVote(**shared, sign=sign).facts()
    assert hash(CastVote(**shared, counts={7: VoteCount(1, 2)}).facts())
