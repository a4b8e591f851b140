"""An issue's release at the desk: who gets it and when, and the actions on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from digest.app.send_start import start_send
from digest.comparisons.store import count
from digest.errors import DigestError, NotApproved, WrongState
from digest.issues import store
from digest.issues.calendar.exceptions import BadShift
from digest.issues.models import IssueState, JobRun
from digest.preview.forms.issue_actions import IssueActions
from digest.preview.release.release_facts import ReleaseFacts, carrier_of
from digest.preview.snapshot import Snapshot
from subscribers.address import parse
from subscribers.models import Standing
from subscribers.store import add, join
from tests.preview.conftest import NOW, EditorFolder


@pytest.fixture(autouse=True)
def reader(editor: EditorFolder) -> None:
    """One reader, who has confirmed."""
    with editor.app.database.write() as session:
        subscriber = add(session, parse("lena@example.org"), NOW)
        join(session, subscriber, "weekly", Standing.CONFIRMED, NOW, source="test")


@pytest.fixture
def actions(editor: EditorFolder) -> IssueActions:
    editor.desk.renew()
    return IssueActions(editor.desk, changed=lambda: None)


def perform(actions: IssueActions, name: str, **form: Any) -> Snapshot:
    actions.perform(name, form)
    actions.join()
    return actions.desk.renew()


def approve(editor: EditorFolder) -> str:
    """Approve what is on the desk, and return its fingerprint."""
    seal = editor.desk.snapshot.seal
    editor.desk.approve(seal, [], "Kim")
    editor.desk.renew()
    return seal


def release(snapshot: Snapshot) -> ReleaseFacts:
    assert snapshot.release is not None
    return snapshot.release


def test_the_desk_names_who_carries_the_mail(editor: EditorFolder) -> None:
    sendgrid = editor.app.provider
    relay = replace(sendgrid, company="", endpoint="smtp://mx.example.com:587")
    assert carrier_of(sendgrid) == "Twilio SendGrid"
    assert carrier_of(relay) == "the mail server mx.example.com"
    assert release(editor.desk.renew()).carrier == "Twilio SendGrid"


def state(snapshot: Snapshot) -> IssueState | None:
    assert snapshot.standing is not None
    return snapshot.standing.state


def drop_everything(editor: EditorFolder) -> Snapshot:
    snapshot = editor.desk.renew()
    assert snapshot.pick is not None
    rows = [row.candidate for row in snapshot.pick.chosen]
    for candidate in [*rows, *(row.candidate for row in snapshot.pick.left_out)]:
        editor.desk.decide({"act": "drop", "slug": candidate.slug})
    return editor.desk.renew()


def test_desk_3_who_gets_it_when_and_by_which_way_is_said_before_approving(
    editor: EditorFolder,
) -> None:
    facts = release(editor.desk.renew())

    assert (facts.readers, facts.excluded) == (1, 0)
    assert facts.outbox == str(editor.folder / "outbox")
    assert facts.departure.moment == "Tuesday, 24 November 2026 at 09:00 (UTC)"
    assert "digest run" in facts.departure.note
    assert not facts.departure.by_itself


def test_an_issue_leaves_by_itself_where_the_service_runs(editor: EditorFolder) -> None:
    with editor.app.database.write() as session:
        following = NOW + timedelta(minutes=1)
        session.add(JobRun(name="issues", every=60, started_at=NOW, next_at=following))

    assert release(editor.desk.renew()).departure.by_itself


def test_5_a_moment_that_has_passed_is_told_and_does_not_leave_by_itself(
    editor: EditorFolder,
) -> None:
    editor.desk.period = "2026-W47"
    departure = release(editor.desk.renew()).departure

    assert "has passed" in departure.note
    assert not departure.by_itself


def test_nothing_is_sent_from_the_desk_that_nobody_has_approved(
    editor: EditorFolder, actions: IssueActions
) -> None:
    with pytest.raises(NotApproved, match="approve No"):
        perform(actions, "send", seen=editor.desk.snapshot.seal)
    approve(editor)
    editor.desk.decide({"act": "word", "line": "subject", "text": "By hand"})
    changed = editor.desk.renew().seal
    with pytest.raises(NotApproved, match="approve No"):
        perform(actions, "send", seen=changed)
    editor.desk.decide({"act": "undo"})
    editor.desk.renew()
    with pytest.raises(NotApproved, match="changed in the meantime"):
        perform(actions, "send", seen=changed)
    with editor.app.database.read() as session:
        assert store.by_number(session, 1, 1).state is IssueState.BUILT


def test_a_change_that_leaves_the_mail_as_it_is_can_be_approved(
    editor: EditorFolder, actions: IssueActions
) -> None:
    seal = approve(editor)
    shown = editor.desk.snapshot.pick
    assert shown
    editor.desk.decide({"act": "pin", "slug": shown.chosen[0].candidate.slug})
    assert editor.desk.renew().seal == seal
    with pytest.raises(NotApproved, match="approve No"):
        perform(actions, "send", seen=seal)
    approve(editor)

    assert state(perform(actions, "send", seen=seal)) is IssueState.SENT


def test_a_sent_issue_stays_on_the_desk_and_says_what_became_of_it(
    editor: EditorFolder, actions: IssueActions
) -> None:
    seal = approve(editor)
    sent = perform(actions, "send", seen=seal)

    assert (state(sent), sent.seal, sent.faults) == (IssueState.SENT, seal, ())
    progress = release(sent).progress
    assert progress is not None
    assert (progress.settled, progress.total, progress.outbox_copies) == (1, 1, 1)
    assert len(list((editor.folder / "outbox").rglob("*.eml"))) == 1
    following = perform(actions, "go")
    assert following.standing is not None
    assert (following.standing.number, following.standing.period) == (2, "2026-W49")


def test_a_broken_template_is_no_fault_of_an_issue_that_is_sent(
    editor: EditorFolder, actions: IssueActions
) -> None:
    sent = perform(actions, "send", seen=approve(editor))
    editor.template("issue.mjml", lambda _: "{% if %}")

    assert editor.desk.renew().faults == ()
    assert editor.desk.snapshot.seal == sent.seal


def test_a_send_is_paused_resumed_and_finished(editor: EditorFolder, actions: IssueActions) -> None:
    approve(editor)
    start_send(editor.app, "weekly", 1)
    editor.desk.stay()
    editor.desk.renew()
    paused = perform(actions, "pause")
    assert state(paused) is IssueState.PAUSED
    with pytest.raises(DigestError, match="add the reason"):
        perform(actions, "cancel")

    assert state(perform(actions, "resume")) is IssueState.SENT


def test_what_is_cancelled_at_the_desk_stays_unsent(
    editor: EditorFolder, actions: IssueActions
) -> None:
    seal = approve(editor)
    cancelled = perform(actions, "cancel", why="a wrong quote")

    assert state(cancelled) is IssueState.CANCELLED
    with pytest.raises(WrongState, match="a wrong quote"):
        start_send(editor.app, "weekly", 1)
    with pytest.raises(DigestError):
        perform(actions, "send", seen=seal)
    assert not (editor.folder / "outbox").exists()


def test_an_issue_that_is_sent_back_waits_for_a_new_approval(
    editor: EditorFolder, actions: IssueActions
) -> None:
    seal = approve(editor)
    with pytest.raises(DigestError, match="add your name"):
        perform(actions, "send-back", note="The lead is wrong.")
    back = perform(actions, "send-back", note="The lead is wrong.", by="Lou")

    assert back.standing is not None
    assert back.standing.sent_back == "Lou: The lead is wrong."
    with pytest.raises(NotApproved):
        perform(actions, "send", seen=seal)


def test_an_issue_is_moved_between_its_neighbours(
    editor: EditorFolder, actions: IssueActions
) -> None:
    with pytest.raises(BadShift):
        perform(actions, "schedule", to="2027-02-02T10:00")
    with pytest.raises(DigestError, match="isn't a date and time"):
        perform(actions, "schedule", to="soon")

    moved = perform(actions, "schedule", to="2026-11-26T10:30", why="a holiday")
    assert release(moved).departure.moment == "Thursday, 26 November 2026 at 10:30 (UTC)"


def test_a_week_is_skipped_and_taken_back(editor: EditorFolder, actions: IssueActions) -> None:
    editor.desk.period = "2026-W49"
    editor.desk.renew()
    skipped = release(perform(actions, "skip", why="a holiday")).departure
    assert (skipped.skipped, skipped.may_skip) == ("a holiday", False)

    again = release(perform(actions, "unskip")).departure
    assert (again.skipped, again.may_skip) == ("", True)
    with pytest.raises(WrongState, match="longer blackout"):
        perform(actions, "unskip")


def test_D3_a_first_start_offers_samples_and_shows_no_fault(
    editor: EditorFolder, actions: IssueActions
) -> None:
    for path in (editor.folder / "comparisons").iterdir():
        path.unlink()
    first = editor.desk.renew()
    assert (first.faults, first.empty is not None and first.empty.comparisons) == ((), 0)

    after = perform(actions, "samples")
    assert after.built is not None
    with editor.app.database.read() as session:
        assert count(session) == 13


def test_D18_a_week_without_news_leads_to_the_next_one_and_to_the_evergreen_list(
    editor: EditorFolder, actions: IssueActions
) -> None:
    perform(actions, "send", seen=approve(editor))
    with editor.app.database.write() as session:
        store.newsletter(session, "weekly").evergreen = ["tidepool-notes-vs-marginalia-loop"]
    editor.desk.period = "2026-W49"
    empty = drop_everything(editor).empty

    assert empty is not None
    assert (empty.day, empty.next_period, empty.evergreen) == ("1 December 2026", "2026-W50", 1)
    assert empty.last_sent.startswith("No. 1 reached nobody: 1 copy was written to the outbox")
    taken = perform(actions, "evergreen")
    assert taken.pick is not None
    assert [choice.candidate.slug for choice in taken.pick.chosen] == [
        "tidepool-notes-vs-marginalia-loop"
    ]


def test_an_action_that_does_not_exist_is_refused(actions: IssueActions) -> None:
    with pytest.raises(DigestError, match="no action called explode"):
        actions.perform("explode", {})
