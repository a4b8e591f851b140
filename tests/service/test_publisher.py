"""The publisher: the slot of a period, from claim to release."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from digest import webhooks
from digest.db import Database
from digest.delivery.sending import control
from digest.errors import DigestError, MailUnfit
from digest.issues import build, newsletters, store
from digest.issues.calendar import slots
from digest.issues.models import Blackout, Issue, IssueState, WhenEmpty
from digest.render.rendered import Rendered
from subscribers.announcements.models import AnnouncementKind, WebhookMessage
from tests.service.conftest import NO, YES, World

TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_nothing_happens_before_the_build_lead(world: World) -> None:
    world.run(TUESDAY - 49 * HOUR)
    assert world.turns() == {}


def test_a_draft_is_made_at_the_build_lead(world: World) -> None:
    world.run(TUESDAY - 48 * HOUR)
    assert world.states() == {"2026-W48": "drafted"}
    assert [issue.state for issue in world.issues()] == [IssueState.BUILT]


def test_an_approved_issue_is_released_at_its_moment(world: World) -> None:
    world.run(TUESDAY - HOUR)
    assert world.states() == {"2026-W48": "drafted"}
    world.tick(TUESDAY)
    assert world.states() == {"2026-W48": "released"}
    assert world.issues()[0].state is IssueState.PREPARED
    assert world.turns()["2026-W48"].note == "approved; 3 readers of weekly-1"


def test_an_issue_that_may_not_go_is_held_and_goes_once_it_may(world: World) -> None:
    world.decision = NO
    world.run(TUESDAY + HOUR)
    assert (world.states()["2026-W48"], world.turns()["2026-W48"].note) == ("held", "not approved")
    world.decision = YES
    world.tick(TUESDAY + 2 * HOUR)
    assert world.states() == {"2026-W48": "released"}


def test_an_issue_is_announced_as_held_once_a_reason_and_as_paused_on_its_way(
    world: World,
) -> None:
    kinds = [AnnouncementKind.ISSUE_HELD]
    world.session(
        lambda session, _: webhooks.add(session, "https://hooks.example/", kinds, now=world.now)
    )
    world.decision = NO
    world.run(TUESDAY + HOUR)
    world.decision = YES
    world.tick(TUESDAY + 2 * HOUR)
    by_ann = "ann@example.org said: a typo"
    world.session(
        lambda session, _: control.pause(session, store.by_number(session, 1, 1), by_ann, world.now)
    )
    with world.database.read() as session:
        rows = session.exec(select(WebhookMessage).order_by(col(WebhookMessage.id))).all()
    issue = {"newsletter": "weekly", "period": "2026-W48", "number": 1}
    assert [json.loads(row.data) for row in rows] == [
        {**issue, "state": "held", "why": "not approved"},
        {**issue, "state": "paused", "why": "… said: a typo"},
    ]


def test_ticking_again_changes_nothing(world: World) -> None:
    world.run(TUESDAY)
    assert [world.tick() for _ in range(3)] == ["", "", ""]


def test_E05_ten_minutes_late_it_goes(world: World) -> None:
    world.tick(TUESDAY - DAY)
    world.tick(TUESDAY + timedelta(minutes=10))
    assert world.states() == {"2026-W48": "released"}


def test_E05_down_over_the_whole_lead_it_is_made_and_goes(world: World) -> None:
    world.tick(TUESDAY + timedelta(minutes=10))
    assert world.states() == {"2026-W48": "released"}


def test_E05_three_days_late_it_is_missed_and_waits(world: World) -> None:
    world.tick(TUESDAY - DAY)
    world.tick(TUESDAY + 3 * DAY)
    assert world.states() == {"2026-W48": "missed"}
    assert world.turns()["2026-W48"].note == "3 days late, and 12 hours are allowed"
    assert world.issues()[0].state is IssueState.BUILT


def test_E05_three_weeks_late_at_most_the_newest_goes(world: World) -> None:
    world.tick(TUESDAY + timedelta(weeks=3, minutes=30))
    assert world.states() == {
        "2026-W48": "missed",
        "2026-W49": "missed",
        "2026-W50": "missed",
        "2026-W51": "released",
    }
    assert [issue.number for issue in world.issues()] == [1]


def test_never_two_go_to_catch_up_however_late_is_allowed(world: World) -> None:
    world.change(max_lateness=24 * 30)
    world.tick(TUESDAY + timedelta(weeks=2, hours=1))
    assert list(world.states().values()) == ["missed", "missed", "released"]


def test_a_held_issue_is_given_up_when_the_next_ones_moment_comes(world: World) -> None:
    world.decision = NO
    world.change(max_lateness=24 * 30)
    world.run(TUESDAY + timedelta(weeks=1))
    assert world.states() == {"2026-W48": "missed", "2026-W49": "held"}
    note = world.turns()["2026-W48"].note
    assert note == "the next issue is due: not approved"


def test_a_missed_issue_that_a_person_sends_is_recorded_as_sent(world: World) -> None:
    world.tick(TUESDAY - DAY)
    world.tick(TUESDAY + 3 * DAY)
    world.session(
        lambda session, _: setattr(session.merge(world.issues()[0]), "state", IssueState.SENT)
    )
    world.tick()
    assert (world.states()["2026-W48"], world.turns()["2026-W48"].note) == (
        "released",
        "sent by a person",
    )


def test_a_cancelled_issue_stays_unsent(world: World) -> None:
    world.tick(TUESDAY - DAY)
    world.session(
        lambda session, _: control.cancel(session, store.by_number(session, 1, 1), "not this one")
    )
    world.tick(TUESDAY)
    assert world.turns()["2026-W48"].note == "cancelled: not this one"
    assert world.states() == {"2026-W48": "skipped"}


def test_an_issue_for_nobody_is_held_with_the_reason(sqlite_database: Database) -> None:
    world = World(sqlite_database)
    world.add_newsletter()
    world.add_comparisons(1)
    world.run(TUESDAY)
    assert world.states() == {"2026-W48": "held"}
    assert world.turns()["2026-W48"].note.startswith("nobody is subscribed")


def test_an_issue_built_by_hand_is_the_draft(world: World) -> None:
    world.now = TUESDAY - DAY
    world.session(
        lambda session, newsletter: build.build(
            session, newsletter, "2026-W48", now=world.now, issue_builder=world.issue_builder
        )
    )
    world.tick(TUESDAY)
    assert world.states() == {"2026-W48": "released"}
    assert len(world.editions()) == 1


def test_d10_a_mail_that_bears_another_day_than_it_would_leave_on_waits(world: World) -> None:
    world.run(TUESDAY - DAY)
    wall = datetime.fromisoformat("2026-11-26T10:00")
    world.session(
        lambda session, newsletter: slots.reschedule(session, newsletter, "2026-W48", wall)
    )
    world.run(TUESDAY + 2 * DAY + HOUR)
    assert world.states() == {"2026-W48": "held"}
    assert world.turns()["2026-W48"].note == (
        "its mail is dated 24 November 2026, but it leaves on 26 November 2026; build it again:"
        " digest build --period 2026-W48 --again"
    )
    world.session(
        lambda session, newsletter: build.build(
            session,
            newsletter,
            "2026-W48",
            now=world.now,
            issue_builder=world.issue_builder,
            again=True,
        )
    )
    world.tick()
    assert world.states() == {"2026-W48": "released"}


def test_an_empty_week_is_skipped_with_its_reason_and_takes_no_number(world: World) -> None:
    world.run(TUESDAY + timedelta(weeks=8, days=-1))  # eight comparisons, one a week
    world.run(TUESDAY + timedelta(weeks=8, hours=1))
    assert world.states()["2027-W03"] == "skipped"
    skipped = world.issues()[-1]
    assert (skipped.number, skipped.state) == (None, IssueState.SKIPPED)
    assert skipped.note == "nothing to pick: 8 already featured"
    world.add_comparisons(1)
    world.run(TUESDAY + timedelta(weeks=9))
    assert [issue.number for issue in world.issues()] == [1, 2, 3, 4, 5, 6, 7, 8, None, 9]


def test_an_empty_week_waits_for_an_import_until_its_moment(world: World) -> None:
    world.run(TUESDAY + timedelta(weeks=8, hours=-1))
    assert world.states()["2027-W03"] == "ahead"
    world.add_comparisons(1)
    world.tick()
    assert world.states()["2027-W03"] == "drafted"


def test_an_empty_week_may_be_filled_from_the_evergreen_list(world: World) -> None:
    world.change(
        when_empty=WhenEmpty.EVERGREEN,
        evergreen=["lathe-8-vs-mortar-8", "lathe-2-vs-mortar-2", "lathe-1-vs-mortar-1"],
    )
    world.run(TUESDAY + timedelta(weeks=8, hours=-30))
    assert world.states()["2027-W03"] == "ahead"
    world.run(TUESDAY + timedelta(weeks=8))
    issue = world.issues()[-1]
    assert (issue.number, issue.state) == (9, IssueState.PREPARED)
    chosen = {one["slug"] for one in issue.pick["chosen"]}
    assert chosen == {"lathe-1-vs-mortar-1", "lathe-2-vs-mortar-2"}  # the longest unseen
    assert "evergreen" in issue.pick["note"]


def test_a_blackout_is_skipped_with_its_reason(world: World) -> None:
    tuesday = date(2026, 12, 1)
    world.session(
        lambda session, newsletter: session.add(
            Blackout(newsletter_id=newsletter.id or 0, first=tuesday, last=tuesday, why="holidays")
        )
    )
    world.run(TUESDAY + timedelta(weeks=2))
    assert world.states() == {
        "2026-W48": "released",
        "2026-W49": "skipped",
        "2026-W50": "released",
    }
    assert [issue.number for issue in world.issues()] == [1, None, 2]
    assert world.issues()[1].note == "holidays"


def test_a_shift_moves_the_release_and_the_day_readers_see(world: World) -> None:
    wall = datetime.fromisoformat("2026-11-26T10:00")
    world.session(
        lambda session, newsletter: slots.shift(session, newsletter, "2026-W48", wall, "")
    )
    world.run(TUESDAY + DAY)
    assert world.states() == {"2026-W48": "drafted"}
    world.run(TUESDAY + 2 * DAY + HOUR)
    assert world.states() == {"2026-W48": "released"}
    assert world.issues()[0].pick["day"] == "2026-11-26"


def test_a_mail_that_cannot_be_made_is_held_with_the_fault_and_mended(world: World) -> None:
    good = world.issue_builder

    def broken(_: object) -> Rendered:
        raise MailUnfit("the template is broken")

    world.issue_builder = replace(good, render=broken)
    world.run(TUESDAY + HOUR)
    assert world.states() == {"2026-W48": "held"}
    assert world.turns()["2026-W48"].note == "no draft can be built: the template is broken"
    world.issue_builder = good
    world.tick()
    assert world.states() == {"2026-W48": "released"}


def test_E07_a_slot_keeps_the_moment_it_was_claimed_with(world: World) -> None:
    world.run(TUESDAY - DAY)
    world.change(weekday=3, hour=7, scheduled_since=world.now)  # edited on Monday: now Thursdays
    world.run(TUESDAY + timedelta(days=10))
    assert world.states() == {"2026-W48": "released", "2026-W49": "released"}
    assert world.turns()["2026-W48"].due_at == TUESDAY
    assert world.turns()["2026-W49"].due_at == datetime(2026, 12, 3, 7, 0, tzinfo=UTC)
    assert world.issues()[0].pick["day"] == "2026-11-24"


def test_E04_new_rules_of_a_zone_count_for_what_has_no_slot_yet(world: World) -> None:
    world.run(TUESDAY - DAY)
    world.change(timezone="America/New_York")  # as if its rules had changed by five hours
    world.run(TUESDAY + timedelta(days=6))
    due = [slot.due_at for slot in sorted(world.turns().values(), key=lambda slot: slot.day)]
    assert due == [TUESDAY, TUESDAY + timedelta(days=7, hours=5)]
    assert world.states()["2026-W48"] == "released"


def test_E07_a_paused_newsletter_does_nothing_and_makes_nothing_up(world: World) -> None:
    world.run(TUESDAY - DAY)
    world.change(scheduled=False)
    world.run(TUESDAY + timedelta(weeks=2, days=1))
    assert world.states() == {"2026-W48": "drafted"}
    world.change(scheduled=True, scheduled_since=world.now)
    world.run(TUESDAY + timedelta(weeks=3))
    assert world.states() == {"2026-W48": "missed", "2026-W51": "released"}


def test_E07_a_moment_before_the_schedule_was_set_never_was(world: World) -> None:
    world.change(scheduled_since=TUESDAY + HOUR)
    world.run(TUESDAY + 2 * HOUR)
    assert world.turns() == {}


def test_E03_a_clock_that_ran_ahead_gives_no_second_issue(world: World) -> None:
    world.tick(TUESDAY - HOUR)
    world.tick(TUESDAY + timedelta(days=7, hours=1))  # eight days ahead
    assert world.states() == {"2026-W48": "missed", "2026-W49": "released"}
    world.tick(TUESDAY - timedelta(minutes=30))  # and set back
    world.run(TUESDAY + timedelta(days=8))
    assert world.states() == {"2026-W48": "missed", "2026-W49": "released"}
    assert len(world.issues()) == 2


def test_E03_a_slot_missed_by_a_wrong_clock_is_opened_again(world: World) -> None:
    world.decision = NO
    world.tick(TUESDAY - HOUR)
    world.tick(TUESDAY + 2 * DAY)
    assert world.states() == {"2026-W48": "missed"}
    world.decision = YES
    world.tick(TUESDAY - timedelta(minutes=30))
    world.run(TUESDAY + HOUR)
    assert world.states() == {"2026-W48": "released"}
    assert len(world.editions()) == 1


def test_a_newsletter_whose_cadence_is_broken_stops_no_other(world: World) -> None:
    world.add_newsletter(slug="monthly", name="Monthly", timezone="Mars/Olympus")
    with pytest.raises(DigestError, match="monthly: 09:00 in Mars/Olympus"):
        world.tick(TUESDAY)
    assert world.states() == {"2026-W48": "released"}


def test_E08_slots_come_from_our_own_tables_and_nothing_else(world: World) -> None:
    world.run(TUESDAY - DAY)
    fresh = World(world.database, now=world.now)  # a process that knows nothing
    fresh.run(TUESDAY)
    assert fresh.states() == {"2026-W48": "released"}


def test_a_newsletter_without_any_delay_says_so_of_what_it_missed(world: World) -> None:
    world.change(max_lateness=0)
    world.decision = NO
    world.tick(TUESDAY - HOUR)
    world.tick(TUESDAY + timedelta(minutes=5))
    note = world.turns()["2026-W48"].note
    assert note.startswith("5 minutes late, and no delay is allowed")


def test_an_archived_newsletters_draft_is_not_released_and_nothing_is_made_up_for(
    world: World,
) -> None:
    world.run(TUESDAY - HOUR)
    world.session(lambda session, newsletter: newsletters.archive(session, newsletter, world.now))
    world.run(TUESDAY + 8 * DAY)
    assert world.states() == {"2026-W48": "drafted"}
    world.session(lambda session, newsletter: newsletters.reopen(session, newsletter, world.now))
    world.tick()
    assert world.states() == {"2026-W48": "missed"}


def test_a_week_with_fewer_than_the_fewest_counts_as_empty(world: World) -> None:
    world.change(min_per_issue=9, max_per_issue=9)
    world.run(TUESDAY)
    assert world.states() == {"2026-W48": "skipped"}
    assert "too few for an issue" in world.turns()["2026-W48"].note


def test_a_week_that_is_built_again_after_a_cancellation_goes_at_its_moment(world: World) -> None:
    world.tick(TUESDAY - DAY)
    world.session(lambda session, _: control.cancel(session, issue_of(session), "wrong list"))
    world.tick()
    assert world.states() == {"2026-W48": "skipped"}
    world.session(
        lambda session, newsletter: build.build(
            session, newsletter, "2026-W48", now=world.now, issue_builder=world.issue_builder
        )
    )
    world.tick(TUESDAY)
    assert world.states() == {"2026-W48": "released"}
    assert [(issue.number, issue.state) for issue in world.issues()] == [
        (1, IssueState.CANCELLED),
        (2, IssueState.PREPARED),
    ]


def issue_of(session: Session) -> Issue:
    return session.exec(select(Issue)).one()
