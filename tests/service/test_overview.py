"""The overview of slots: where each stands, and what its next step needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from digest.errors import DigestError
from digest.issues.models import Issue, Newsletter
from digest.service.overview import recent_slots, slot_facts, upcoming
from digest.service.publisher import ReleaseDecision
from tests.service.conftest import World

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOT_YET = ReleaseDecision(False, "issue 1 isn't approved", step="digest approve 1 --despite alt")
APPROVED = ReleaseDecision(True, "approved by Ann", by="Ann")


def facts(world: World) -> dict[str, Any]:
    with world.database.read() as session:
        series = session.exec(select(Newsletter)).one()
        (slot,) = recent_slots(session, series, world.now)
        return slot_facts(session, slot, lambda *_: world.decision)


def next_moment(world: World) -> str:
    with world.database.read() as session:
        series = session.exec(select(Newsletter)).one()
        return upcoming(session, series, world.now, 3, lambda *_: world.decision)[0].what


def test_a_draft_nobody_approved_says_so_with_the_whole_command(world: World) -> None:
    world.tick(TUESDAY - 30 * HOUR)
    world.decision = NOT_YET
    described = facts(world)
    assert (described["state"], described["note"]) == ("drafted", "issue 1 isn't approved")
    assert described["next_step"] == "digest approve 1 --despite alt"
    assert next_moment(world) == (
        "doesn't go out yet: issue 1 isn't approved; to release it: digest approve 1 --despite alt"
    )


def test_a_draft_that_is_approved_asks_for_nothing(world: World) -> None:
    world.tick(TUESDAY - 30 * HOUR)
    world.decision = APPROVED
    described = facts(world)
    assert (described["note"], described["next_step"]) == ("approved by Ann", "")
    assert next_moment(world) == "goes out when due: approved by Ann"


def test_a_held_issue_says_what_holds_it_and_what_lets_it_go(world: World) -> None:
    world.decision = NOT_YET
    world.tick(TUESDAY + HOUR)
    described = facts(world)
    assert (described["state"], described["note"]) == ("held", "issue 1 isn't approved")
    assert described["next_step"] == "digest approve 1 --despite alt"


def test_a_missed_issue_names_the_commands_that_send_it(world: World) -> None:
    world.decision = NOT_YET
    world.tick(TUESDAY - HOUR)
    world.tick(TUESDAY + 13 * HOUR)
    assert "digest approve 1; digest send 1" in facts(world)["next_step"]


def test_what_went_out_asks_for_nothing(world: World) -> None:
    world.tick(TUESDAY)
    described = facts(world)
    assert (described["state"], described["next_step"]) == ("released", "")


def test_an_approval_that_cannot_be_looked_at_is_reported_and_breaks_nothing(world: World) -> None:
    world.tick(TUESDAY - 30 * HOUR)

    def fails(_session: Session, _issue: Issue) -> ReleaseDecision:
        raise DigestError("the templates can't be read", next_step="mend them")

    with world.database.read() as session:
        series = session.exec(select(Newsletter)).one()
        (slot,) = recent_slots(session, series, world.now)
        described = slot_facts(session, slot, fails)
    assert (described["note"], described["next_step"]) == (
        "the templates can't be read",
        "mend them",
    )


@pytest.mark.parametrize("state", ["drafted", "held"])
def test_a_slot_without_an_issue_names_none(world: World, state: str) -> None:
    world.change(max_per_issue=8)
    world.tick(TUESDAY)
    world.tick(TUESDAY + timedelta(weeks=1) - HOUR)
    with world.database.read() as session:
        series = session.exec(select(Newsletter)).one()
        (slot, *_) = [
            each for each in recent_slots(session, series, world.now) if each.state == "ahead"
        ]
        slot.state = state  # type: ignore[assignment]  # any word
        assert "approve" not in slot_facts(session, slot, lambda *_: NOT_YET)["next_step"]
        session.rollback()
