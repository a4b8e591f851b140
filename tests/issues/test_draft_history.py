"""Draft history: kept, undone, applied, and closed once an issue is being sent."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlmodel import Session

from digest.db import Database
from digest.errors import IssueFrozen
from digest.issues import build, draft_history, store
from digest.issues.build import IssueBuilder
from digest.issues.models import IssueState, Newsletter
from digest.issues.picking import overrides
from digest.issues.picking.overrides import Decisions


def decide(session: Session, week: str, now: datetime, subject: str) -> Newsletter:
    newsletter = store.newsletter(session, "weekly")
    decisions = overrides.set_text(
        draft_history.current(session, newsletter, week), "subject", subject
    )
    draft_history.decide(
        session, newsletter, week, decisions, summary=f"subject: {subject}", now=now
    )
    return newsletter


def test_what_was_decided_is_there_again(
    installation_database: Database, week: str, now: datetime
) -> None:
    with installation_database.write() as session:
        decide(session, week, now, "By hand")
    with installation_database.read() as session:
        newsletter = store.newsletter(session, "weekly")

        assert draft_history.current(session, newsletter, week).subject == "By hand"
        assert draft_history.current(session, newsletter, "2026-W49") == Decisions()


def test_every_change_can_be_undone_and_done_again(
    installation_database: Database, week: str, now: datetime
) -> None:
    with installation_database.write() as session:
        decide(session, week, now, "One")
        newsletter = decide(session, week, now, "Two")

        assert draft_history.undo(session, newsletter, week) == "subject: Two"
        assert draft_history.current(session, newsletter, week).subject == "One"
        assert draft_history.redo(session, newsletter, week) == "subject: Two"
        assert draft_history.current(session, newsletter, week).subject == "Two"


def test_undoing_everything_ends_before_the_first_change(
    installation_database: Database, week: str, now: datetime
) -> None:
    with installation_database.write() as session:
        newsletter = decide(session, week, now, "One")
        draft_history.undo(session, newsletter, week)

        assert draft_history.undo(session, newsletter, week) is None
        assert draft_history.current(session, newsletter, week) == Decisions()
        assert draft_history.around(session, newsletter, week) == ("", "subject: One")


def test_a_change_after_undoing_forgets_what_was_undone(
    installation_database: Database, week: str, now: datetime
) -> None:
    with installation_database.write() as session:
        decide(session, week, now, "One")
        newsletter = decide(session, week, now, "Two")
        draft_history.undo(session, newsletter, week)
        decide(session, week, now, "Three")

        assert draft_history.redo(session, newsletter, week) is None
        assert [step.what for step in draft_history.steps(session, newsletter, week)] == [
            "subject: One",
            "subject: Three",
        ]


def test_building_honours_the_draft(
    installation_database: Database, week: str, now: datetime, issue_builder: IssueBuilder
) -> None:
    with installation_database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        picked = build.choose_comparisons(session, newsletter, week)
        first, last = picked.chosen[0].candidate.slug, picked.left_out[-1].candidate.slug
        decisions = overrides.drop(overrides.pin(Decisions(subject="By hand"), last), first)
        draft_history.decide(session, newsletter, week, decisions, summary="pin and drop", now=now)
        issue, made = build.build(session, newsletter, week, now=now, issue_builder=issue_builder)
        edition = store.edition_of(session, issue)

    carried = [entry["slug"] for entry in issue.pick["chosen"]]
    assert last in carried
    assert first not in carried
    assert edition.subject == made.rendered.subject == "By hand"


def test_F03_the_draft_of_an_issue_on_its_way_is_closed(
    installation_database: Database, week: str, now: datetime, issue_builder: IssueBuilder
) -> None:
    with installation_database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        issue, _ = build.build(session, newsletter, week, now=now, issue_builder=issue_builder)
        issue.state = IssueState.PREPARED
    with installation_database.write() as session, pytest.raises(IssueFrozen, match="can't change"):
        decide(session, week, now, "Too late")


def test_F03_a_correction_before_sending_is_a_new_edition(
    installation_database: Database, week: str, now: datetime, issue_builder: IssueBuilder
) -> None:
    with installation_database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        build.build(session, newsletter, week, now=now, issue_builder=issue_builder)
        decide(session, week, now, "Corrected")
        issue, _ = build.build(
            session, newsletter, week, now=now, issue_builder=issue_builder, again=True
        )

        subjects = [edition.subject for edition in store.editions(session, issue)]
    assert len(subjects) == 2
    assert subjects[1] == "Corrected" != subjects[0]
