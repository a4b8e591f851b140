"""What editors may set of a newsletter, and how one begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import pytest

from digest import images
from digest.app.installation import App
from digest.comparisons.store import summaries
from digest.delivery.sending.planning import plan_deliveries
from digest.errors import WrongState
from digest.issues import draft_history, newsletters, store
from digest.issues.build import IssueBuilder, build, choose_comparisons, rule_of
from digest.issues.models import Issue, IssueState, Tracking, WhenEmpty
from digest.issues.newsletters import BadNewsletter, NewsletterSettings
from digest.issues.picking import Decisions, ExclusionReason
from digest.issues.picking.overrides import pin
from digest.render.brand import Font
from tests.conftest import NOW
from tests.images.pictures import drawn

TOOLS = "tools-of-the-trade"
GIVEN = {
    "name": "Tools of the Trade",
    "description": "Two tools,\n one bench.",
    "language": "de",
    "sender": "Tools of the Trade <tools@example.com>",
    "reply_to": "desk@example.com",
    "postal_address": "Example Press\\n1 Sample Street",
    "fewest": "2",
    "most": "3",
    "no_repeat": 4,
    "split": "20",
    "when_empty": "evergreen",
    "accent": "#0A6",
    "logo_alt": "Two crossed hammers",
    "font": "slab",
    "utm": "on",
    "tracking": "anonymous",
    "public": "no",
    "approvals": "2",
}


def test_a_newsletter_is_added_with_all_its_settings(installation: App) -> None:
    with installation.database.write() as session:
        logo = images.add(session, drawn(), now=NOW)
        given = GIVEN | {"accent": "#075", "logo": logo.key}
        newsletters.create(session, TOOLS, given)
    with installation.database.read() as session:
        row = store.newsletter(session, TOOLS)
        assert newsletters.settings_of(row) == NewsletterSettings(
            name="Tools of the Trade",
            description="Two tools, one bench.",
            language="de",
            sender="Tools of the Trade <tools@example.com>",
            reply_to="desk@example.com",
            postal_address="Example Press\n1 Sample Street",
            fewest=2,
            most=3,
            no_repeat=4,
            split=20.0,
            when_empty=WhenEmpty.EVERGREEN,
            accent="#007755",
            logo=logo.key,
            logo_alt="Two crossed hammers",
            font=Font.SLAB,
            utm=True,
            tracking=Tracking.ANONYMOUS,
            public=False,
            approvals=2,
        )


def test_what_is_not_given_is_as_a_first_newsletter_has_it(installation: App) -> None:
    with installation.database.write() as session:
        row = newsletters.create(session, TOOLS, {"name": "Tools"})
        first = store.newsletter(session, "weekly")
        assert {**asdict(newsletters.settings_of(row)), "name": ""} == {
            **asdict(newsletters.settings_of(first)),
            "name": "",
        }


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("name", " ", "has a name"),
        ("name", "Tools\r\nBcc: all@example.com", "one line"),
        ("language", "xx", "one of en, "),
        ("sender", "Tools <tools@example.com>, Other <other@example.com>", "one address"),
        ("sender", "Tools\n<tools@example.com>", "one address"),
        ("sender", '"Tools, of the trade" <tools@example.com>', "no comma"),
        ("reply_to", "nobody", "one address"),
        ("fewest", "0", "from 1 to 8"),
        ("most", "9", "from 1 to 8"),
        ("most", "many", "from 1 to 8"),
        ("no_repeat", "-1", "from 0 to 52"),
        ("split", "1e9", "from 0 to 100"),
        ("when_empty", "never", "one of skip, evergreen"),
        ("tracking", "all", "one of off, anonymous, reader"),
        ("public", "perhaps", "yes or no"),
        ("accent", "blue", "#2744c4"),
        ("logo", "0" * 64, "there is no such image"),
        ("logo_alt", "Two\nhammers", "one line"),
        ("font", "comic", "one of classic, serif, sans, slab"),
        ("utm", "source", "yes or no"),
        ("colour", "#2744c4", "there is no such setting"),
    ],
)
def test_each_value_is_refused_with_what_is_allowed(
    installation: App, setting: str, value: str, says: str
) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        before = asdict(newsletters.settings_of(row))
        with pytest.raises(BadNewsletter) as fault:
            newsletters.change(session, row, {setting: value})
        assert says in fault.value.faults[setting]
        assert asdict(newsletters.settings_of(row)) == before


def test_a_logo_is_taken_away_by_an_empty_one(installation: App) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        logo = images.add(session, drawn(), now=NOW)
        assert newsletters.change(session, row, {"logo": logo.key}) == ["logo"]
        assert newsletters.change(session, row, {"logo": ""}) == ["logo"]
        assert row.logo is None
        assert images.find(session, logo.key) == logo  # mail that has left goes on showing it


def test_every_fault_of_a_form_is_named_at_once(installation: App) -> None:
    with installation.database.write() as session, pytest.raises(BadNewsletter) as fault:
        newsletters.create(session, "Weekly News", {"language": "xx", "most": "0"})
    assert set(fault.value.faults) == {"slug", "name", "language", "most"}


def test_a_slug_is_given_once(installation: App) -> None:
    with installation.database.write() as session, pytest.raises(BadNewsletter, match="already"):
        newsletters.create(session, "weekly", {"name": "Another"})


def test_an_issue_has_no_more_at_least_than_at_most(installation: App) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        assert newsletters.change(session, row, {"fewest": 4, "most": 4}) == ["fewest", "most"]
        with pytest.raises(BadNewsletter, match=r"most: .*at least 4 comparisons and at most 3"):
            newsletters.change(session, row, {"most": 3})


def test_a_change_that_changes_nothing_says_so(installation: App) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        assert newsletters.change(session, row, {"most": "5", "split": "10"}) == []
        assert row.points == {}


def test_a_colour_white_hides_is_refused_with_the_nearest_it_does_not(installation: App) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        with pytest.raises(BadNewsletter, match="#ffcc00 can't be read on white") as fault:
            newsletters.change(session, row, {"accent": "#ffcc00"})
        nearest = fault.value.faults["accent"].rpartition(" ")[2]
        assert newsletters.change(session, row, {"accent": nearest}) == ["accent"]


def test_fewer_comparisons_than_the_fewest_make_no_issue(installation: App, week: str) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        pool = [summary for summary in summaries(session) if summary.slug.startswith(("m", "t"))]
        many = len(choose_comparisons(session, row, week, pool=pool).chosen)
        newsletters.change(session, row, {"fewest": many + 1})
        pick = choose_comparisons(session, row, week, pool=pool)
    assert many > 0
    assert not pick.chosen
    assert f"{many} too few for an issue" in pick.note
    too_few = [entry for entry in pick.left_out if entry.why is ExclusionReason.TOO_FEW]
    assert len(too_few) == many
    assert too_few[0].reason.startswith(f"an issue takes at least {many + 1}, and {many} can be")


def test_what_an_editor_puts_in_may_make_a_shorter_issue(
    installation: App, week: str, now: datetime
) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        newsletters.change(session, row, {"fewest": 5})
        pool = summaries(session)[:1]
        draft_history.decide(
            session, row, week, pin(Decisions(), pool[0].slug), summary="put in", now=now
        )
        assert len(choose_comparisons(session, row, week, pool=pool).chosen) == 1


def test_the_points_of_the_pick_are_the_newsletters_own(installation: App) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        newsletters.change(session, row, {"split": 25, "freshness": 0})
        points = rule_of(row).points
    assert (points.weight, points.freshness, points.split, points.variety) == (10, 0, 25, 6)


def test_an_archived_newsletter_builds_nothing_and_sends_nothing(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        issue, _ = build(session, row, week, now=now, issue_builder=issue_builder)
        newsletters.archive(session, row, now)
        with pytest.raises(WrongState, match="weekly is archived") as fault:
            build(session, row, "2026-W50", now=now, issue_builder=issue_builder)
        assert fault.value.next_step == "digest newsletters archive weekly --undo"
        with pytest.raises(WrongState, match="weekly is archived"):
            plan_deliveries(
                session,
                issue=issue,
                edition=store.edition_of(session, issue),
                newsletter="weekly",
                batch_size=10,
                now=now,
            )


@pytest.fixture
def half_sent(installation: App, week: str, now: datetime) -> Callable[[IssueState], None]:
    def add(state: IssueState) -> None:
        with installation.database.write() as session:
            session.add(Issue(newsletter_id=1, number=7, period=week, state=state, built_at=now))

    return add


@pytest.mark.parametrize("state", [IssueState.PREPARED, IssueState.PAUSED])
def test_a_newsletter_with_a_half_sent_issue_is_not_archived(
    installation: App, half_sent: Callable[[IssueState], None], now: datetime, state: IssueState
) -> None:
    half_sent(state)
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        with pytest.raises(WrongState, match="issue 7 of weekly is half sent"):
            newsletters.archive(session, row, now)
        assert row.archived_at is None


def test_archiving_is_undone_without_making_up_for_what_passed(
    installation: App, half_sent: Callable[[IssueState], None], now: datetime
) -> None:
    half_sent(IssueState.SENT)
    with installation.database.write() as session:
        row = store.newsletter(session, "weekly")
        assert newsletters.archive(session, row, now)
        assert not newsletters.archive(session, row, now)
        assert (row.running, row.open) == (False, False)
        assert newsletters.reopen(session, row, now)
        assert not newsletters.reopen(session, row, now)
        assert (row.running, row.open, row.scheduled_since) == (True, True, now)
