"""Corrections: which issues can be corrected, and what a correction leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from digest import samples
from digest.app.installation import App
from digest.comparisons.loader import read_file
from digest.comparisons.models import Comparison
from digest.comparisons.store import store_draft
from digest.db import Database
from digest.errors import MailUnfit, WrongState
from digest.issues import build as publish
from digest.issues import draft_history, provenance, store
from digest.issues.approval import terms_of
from digest.issues.build import IssueBuilder
from digest.issues.content import QuoteChoice
from digest.issues.corrections import (
    CorrectionDraft,
    NothingDiffers,
    build_correction,
    draft_correction,
)
from digest.issues.identity import MailIdentity
from digest.issues.issue_commands import build_again
from digest.issues.models import Issue, IssueState, Newsletter
from digest.issues.picking import overrides
from digest.render.engine import render

LATER = timedelta(days=8)


class Desk:
    """An installation on which issues are built, set to sent, and corrected."""

    def __init__(self, database: Database, builder: IssueBuilder, now: datetime) -> None:
        self.database, self.builder, self.now = database, builder, now

    def sent(self, week: str, state: IssueState = IssueState.SENT) -> None:
        """Build the issue of *week*, and let it have gone out."""
        with self.database.write() as session:
            newsletter = store.newsletter(session, "weekly")
            issue, _ = publish.build(
                session, newsletter, week, now=self.now, issue_builder=self.builder
            )
            issue.state, issue.prepared_at = state, self.now

    def mend(self, number: int = 1, share: float = 25.0) -> None:
        """Import another panel share for the first comparison of an issue."""
        with self.database.write() as session:
            issue = store.by_number(session, 1, number)
            slug = issue.pick["chosen"][0]["slug"]
            path = next(path for path in samples.comparisons() if path.stem == slug)
            draft = read_file(path)
            first = draft.contenders[0].model_copy(update={"panel_share": share})
            mended = draft.model_copy(update={"contenders": (first, draft.contenders[1])})
            store_draft(session, mended, now=self.now)

    def correct(self, number: int = 1, *, why: str = "", again: bool = False) -> CorrectionDraft:
        with self.database.write() as session:
            wrong = store.by_number(session, 1, number, lock=True)
            return build_correction(
                session,
                wrong,
                now=self.now + LATER,
                issue_builder=self.builder,
                why=why,
                again=again,
            )[1]

    def set_state(self, number: int, state: IssueState) -> None:
        with self.database.write() as session:
            issue = store.by_number(session, 1, number)
            issue.state = state
            issue.prepared_at = None if state is IssueState.BUILT else self.now

    def refusal(self, number: int = 1, *, again: bool = False) -> tuple[str, str]:
        """Return why an issue can't be corrected, and the next step."""
        with pytest.raises(WrongState) as fault:
            self.correct(number, again=again)
        return str(fault.value), fault.value.next_step or ""

    def numbers(self) -> list[int | None]:
        with self.database.read() as session:
            return [issue.number for issue in store.issues(session, 1)]


@pytest.fixture
def desk(installation: App, issue_builder: IssueBuilder, now: datetime) -> Desk:
    return Desk(installation.database, issue_builder, now)


def test_a_correction_carries_the_same_comparisons_as_they_are_now(desk: Desk, week: str) -> None:
    desk.sent(week)
    desk.mend()
    draft = desk.correct(why="We miscounted.")

    with desk.database.read() as session:
        wrong, issue = store.by_number(session, 1, 1), store.by_number(session, 1, 100_001)
        carried = [
            [(place.comparison_id, place.position) for place in store.placements(session, each)]
            for each in (wrong, issue)
        ]
        revisions = [place.revision_id for place in store.placements(session, issue)]
        assert (issue.state, issue.corrected_number) == (IssueState.BUILT, 1)
        assert store.correction_of(session, wrong) == issue
        assert terms_of(session, issue, templates="").audience.startswith("readers of issue 1 who")
    assert carried[0] == carried[1]
    assert revisions == [each.id for each in draft.built.revisions]
    [change] = draft.correction.changes
    assert (change.was, change.now) == ("100%", "25%")
    assert draft.built.rendered.subject.startswith("Correction: ")
    assert "Correction to No. 1 · 2 December 2026" in draft.built.rendered.text


def test_a_correction_made_again_is_the_same_bytes(
    installation: App, desk: Desk, week: str
) -> None:
    desk.sent(week)
    desk.mend()
    desk.correct(why="We miscounted.")

    with desk.database.read() as session:
        issue = store.by_number(session, 1, 100_001)
        edition = store.edition_of(session, issue)
        made = provenance.rebuild(session, issue, edition, installation.issues.rerender)
    assert made.differs == ()


def test_a_correction_takes_notes_and_chosen_quotes_along(desk: Desk, week: str) -> None:
    with desk.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        slug = publish.choose_comparisons(session, newsletter, week).chosen[0].candidate.slug
        decisions = overrides.set_note(overrides.Decisions(), slug, "Our **note**.")
        decisions = overrides.quote(decisions, slug, QuoteChoice(side=1, seat=3))
        decisions = overrides.set_text(decisions, "opening", "Only of the week.")
        draft_history.decide(session, newsletter, week, decisions, summary="words", now=desk.now)
    desk.sent(week)
    desk.mend()
    built = desk.correct().built

    assert "Our <strong>note</strong>." in built.rendered.html
    assert "Only of the week." not in built.rendered.html
    assert 3 in [quote.seat for quote in built.view.comparisons[0].quotes if quote.chosen]
    assert built.decisions == overrides.about_comparisons(decisions)


def test_where_nothing_differs_nothing_is_made(desk: Desk, week: str) -> None:
    desk.sent(week)

    with pytest.raises(NothingDiffers, match="nothing differs") as fault:
        desk.correct()
    assert "digest import PATH" in (fault.value.next_step or "")
    assert desk.numbers() == [1]


def test_the_mails_own_words_are_corrected_by_the_editors_words(desk: Desk, week: str) -> None:
    desk.sent(week)
    draft = desk.correct(why="The opening named the wrong day.")

    assert draft.correction.changes == ()
    assert "The opening named the wrong day." in draft.built.rendered.text


def test_what_was_withdrawn_since_is_left_out_and_said(desk: Desk, week: str) -> None:
    desk.sent(week)
    with desk.database.write() as session:
        first, *others = store.placements(session, store.by_number(session, 1, 1))
        kept = [place.comparison_id for place in others]
        session.get_one(Comparison, first.comparison_id).withdrawn_at = desk.now
    draft = desk.correct()

    [said] = [change.in_words() for change in draft.correction.changes]
    assert (said.what, said.was, said.now) == ("the comparison", said.comparison, "withdrawn")
    with desk.database.read() as session:
        placed = store.placements(session, store.by_number(session, 1, 100_001))
        assert [(place.position, place.comparison_id) for place in placed] == list(
            enumerate(kept, start=1)
        )


def test_templates_that_do_not_say_what_was_wrong_make_no_correction(
    desk: Desk, week: str, write_template: Callable[[str, str], None]
) -> None:
    desk.sent(week)
    desk.mend()
    write_template("partials/correction.mjml", "")

    with pytest.raises(MailUnfit, match="it doesn't say what was wrong: Panel share of"):
        desk.correct()
    assert desk.numbers() == [1]


def test_a_rehearsal_stores_nothing(desk: Desk, week: str) -> None:
    desk.sent(week)
    desk.mend()
    with desk.database.read() as session:
        wrong = store.by_number(session, 1, 1)
        draft = draft_correction(session, wrong, now=desk.now, issue_builder=desk.builder)
        assert not session.new
        assert not session.dirty

    assert draft.number == 100_001
    assert desk.numbers() == [1]


def test_an_issue_that_is_not_sent_is_built_again_instead(desk: Desk, week: str) -> None:
    desk.sent(week)
    desk.set_state(1, IssueState.BUILT)

    assert desk.refusal() == (
        "issue 1 isn't sent yet, so nobody got it",
        f"digest build --period {week} --again",
    )


@pytest.mark.parametrize("state", [IssueState.PREPARED, IssueState.PAUSED])
def test_an_issue_on_its_way_is_finished_or_cancelled_first(
    desk: Desk, week: str, state: IssueState
) -> None:
    desk.sent(week, state)
    desk.mend()
    why, step = desk.refusal()

    assert "still on its way" in why
    assert "digest cancel 1" in step
    desk.set_state(1, IssueState.CANCELLED)
    assert desk.correct().number == 100_001


def test_an_issue_cancelled_before_it_was_sent_reached_nobody(desk: Desk, week: str) -> None:
    desk.sent(week)
    with desk.database.write() as session:
        issue = store.by_number(session, 1, 1)
        issue.state, issue.prepared_at = IssueState.CANCELLED, None

    assert desk.refusal()[0] == "issue 1 was never sent, so nobody got it"


def test_a_correction_that_waits_is_made_anew_only_when_asked(desk: Desk, week: str) -> None:
    desk.sent(week)
    desk.mend()
    desk.correct(why="We miscounted.")
    desk.mend(share=50.0)

    assert desk.refusal() == (
        "issue 1 has a correction already: issue 100001",
        "digest show 100001; to make it anew: digest correct 1 --again",
    )
    draft = desk.correct(again=True)
    assert (draft.number, draft.correction.why) == (100_001, "We miscounted.")
    assert draft.correction.changes[0].now == "50%"
    with desk.database.read() as session:
        issue = store.by_number(session, 1, 100_001)
        assert [edition.revision for edition in store.editions(session, issue)] == [1, 2]
        assert build_again(issue) == "digest correct 1 --again"


def test_a_correction_that_was_wrong_too_is_corrected_itself(desk: Desk, week: str) -> None:
    desk.sent(week)
    desk.mend()
    desk.correct()
    desk.set_state(100_001, IssueState.SENT)
    desk.mend(share=50.0)

    assert desk.refusal(again=True)[1] == "where that one is wrong too: digest correct 100001"
    draft = desk.correct(100_001)
    assert (draft.number, draft.correction.number, draft.correction.again) == (200_001, 1, True)
    assert (draft.correction.changes[0].was, draft.correction.changes[0].now) == (
        "25%",
        "50%",
    )
    assert "Our correction of 2 December 2026 to No. 1 was" in draft.built.view.opening


def test_a_cancelled_correction_makes_room_for_another(desk: Desk, week: str) -> None:
    desk.sent(week)
    desk.mend()
    desk.correct()
    desk.set_state(100_001, IssueState.CANCELLED)

    assert desk.correct().number == 200_001


def test_neither_the_pick_nor_the_numbers_nor_the_period_know_of_a_correction(
    desk: Desk, week: str
) -> None:
    desk.sent(week)
    with desk.database.read() as session:
        before = store.history(session, 1)
    desk.mend()
    desk.correct()

    with desk.database.read() as session:
        newsletter = store.newsletter(session, "weekly")
        assert store.history(session, 1) == before
        assert store.next_number(session, 1) == 2
        assert store.by_period(session, 1, week) == store.by_number(session, 1, 1)
        picked = publish.choose_comparisons(session, newsletter, "2026-W49")
    desk.sent("2026-W49")
    assert picked.chosen
    assert desk.numbers() == [1, 100_001, 2]


def test_of_two_calls_at_once_one_makes_the_correction(
    database: Database, week: str, now: datetime
) -> None:
    builder = IssueBuilder(
        base_url="https://news.example.com",
        identity=MailIdentity(postal_address="12 Example Street"),
        render=lambda view: render("issue", {"issue": view}),
        check=lambda *_: (),
    )
    with database.write() as session:
        session.add(Newsletter(slug="weekly", name="Weekly AI Tool Verdicts"))
        for path in samples.comparisons():
            store_draft(session, read_file(path), now=now)
    desk = Desk(database, builder, now)
    desk.sent(week)
    desk.mend()

    def made() -> str:
        try:
            return str(desk.correct().number)
        except WrongState as fault:
            return str(fault)

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(each.result() for each in [pool.submit(made), pool.submit(made)])
    assert answers == ["100001", "issue 1 has a correction already: issue 100001"]
    with database.read() as session:
        assert len(session.exec(select(Issue)).all()) == 2
