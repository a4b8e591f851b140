"""The preview session: every action of an editor, without a browser."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlmodel import Session, select

from digest.comparisons.models import Call, Contender
from digest.comparisons.store import count
from digest.db import Database
from digest.errors import DigestError, IssueFrozen, NotApproved
from digest.issues import store
from digest.issues.approval import ApprovalStatus
from digest.issues.models import Approval, Issue, IssueState
from digest.preview import view_models
from digest.preview.query import PreviewQuery
from digest.preview.session import PreviewSession
from digest.preview.snapshot import IssueStanding, Snapshot
from digest.preview.view_models import common, lines, status
from digest.render.sandbox import RenderProcess
from digest.votes.models import DailyCount, Vote
from tests.preview.conftest import NOW, EditorFolder


def slugs(snapshot: Snapshot) -> list[str]:
    assert snapshot.pick is not None
    return [choice.candidate.slug for choice in snapshot.pick.chosen]


def decide(editor: EditorFolder, act: str, **fields: Any) -> Snapshot:
    editor.desk.decide({"act": act, **fields})
    return editor.desk.renew()


def approve(editor: EditorFolder) -> str:
    return editor.desk.approve(editor.desk.snapshot.seal, [], "Kim")


def issue_of(session: Session) -> Issue:
    return store.by_number(session, 1, 1)


@pytest.fixture
def snapshot(editor: EditorFolder) -> Snapshot:
    return editor.desk.renew()


def test_the_next_issue_is_on_the_desk_before_anything_is_imported(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    assert (len(slugs(snapshot)), snapshot.faults) == (5, ())
    assert snapshot.standing is not None
    assert (snapshot.standing.number, snapshot.standing.period) == (1, "2026-W48")


def test_every_kind_of_save_shows(editor: EditorFolder, snapshot: Snapshot) -> None:
    editor.template(
        "partials/masthead.mjml",
        lambda source: source.replace('{{ _("Unsubscribe") }}', "Leave us"),
    )
    assert "Leave us" in editor.mail()
    editor.template("issue.txt", lambda source: source + "\nThe end.")
    editor.mail()
    assert editor.desk.snapshot.built is not None
    assert "The end." in editor.desk.snapshot.built.rendered.text
    path = next((editor.folder / "comparisons").glob("tidepool*"))
    path.write_text(path.read_text().replace("Tidepool Notes", "Rockpool Notes"))
    assert "Rockpool Notes" in editor.mail()


def test_what_is_pinned_goes_in_and_what_is_dropped_stays_out(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    assert snapshot.pick is not None
    out = snapshot.pick.left_out[0].candidate.slug
    changed = decide(editor, "pin", slug=out)
    changed = decide(editor, "drop", slug=slugs(snapshot)[0])

    assert out in slugs(changed)
    assert slugs(snapshot)[0] not in slugs(changed)


def test_the_number_of_comparisons_is_the_editors_and_can_be_undone(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    assert len(slugs(decide(editor, "count", count="3"))) == 3
    assert len(slugs(decide(editor, "count", count=""))) == 5
    decide(editor, "undo")

    assert len(slugs(decide(editor, "undo"))) == 5
    assert len(slugs(decide(editor, "redo"))) == 3


def test_desk_1_notes_and_blocks_are_steps_of_the_draft_that_can_be_undone(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    decide(editor, "note", slug=slugs(snapshot)[0], text="We *use* it.")
    decide(editor, "add-block", place="before")
    decide(editor, "block", number="1", text="**Join** us.")
    decide(editor, "move-block", number="1", place="after", to="1")

    assert "We <em>use</em> it." in editor.mail()
    assert editor.desk.decide({"act": "undo"}) == "undone: moved a block"
    assert "<strong>Join</strong> us." in editor.mail()
    for _ in range(3):
        decide(editor, "undo")
    assert "<em>use</em>" not in editor.mail()


@pytest.mark.parametrize(
    ("act", "fields", "said"),
    [
        ("note", {"slug": "nothing", "text": "x"}, "no comparison called 'nothing'"),
        ("word", {"line": "opening", "text": "a\n[x](/there)"}, "line 2: “/there”"),
        ("block", {"number": "7", "text": "x"}, "no block 7"),
        ("block", {"number": "-1", "text": "x"}, "number is a whole number"),
        ("add-block", {"place": "beside"}, "before or after"),
    ],
)
def test_words_that_cannot_be_kept_change_nothing(
    editor: EditorFolder, snapshot: Snapshot, act: str, fields: dict[str, str], said: str
) -> None:
    with pytest.raises(DigestError, match=said):
        editor.desk.decide({"act": act, **fields})

    assert editor.desk.renew().decisions == snapshot.decisions


def test_dropping_may_leave_the_place_empty(editor: EditorFolder, snapshot: Snapshot) -> None:
    first, *others = slugs(snapshot)

    assert slugs(decide(editor, "empty", slug=first)) == others
    assert slugs(decide(editor, "release", slug=first)) == [first, *others]


def test_D12_what_is_put_in_before_its_day_is_pointed_out_beside_it_and_in_the_checks(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    slug = "sable-guard-vs-ironleaf"
    changed = decide(editor, "pin", slug=slug)

    assert changed.built is not None
    assert "embargo" in [finding.rule for finding in changed.built.findings]
    row = next(row for row in common(editor.desk, PreviewQuery())["chosen"] if row["slug"] == slug)
    assert row["embargo"] == "It is dated 30 November, six days after this issue"


def test_the_lead_can_be_swapped_and_the_subject_follows(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    second = slugs(snapshot)[1]
    changed = decide(editor, "move", slug=second, to=1)

    assert slugs(changed)[0] == second
    assert changed.built is not None
    assert snapshot.built is not None
    assert changed.built.view.subject != snapshot.built.view.subject


def test_words_written_at_the_desk_are_in_the_mail(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    decide(editor, "word", line="subject", text="By hand")
    changed = decide(editor, "sponsor", name="Bellows", text="Air.", url="https://bellows.example")

    assert changed.built is not None
    assert changed.built.rendered.subject == "By hand"
    assert "Sponsored by Bellows" in changed.built.rendered.html


def test_every_decision_can_be_undone_and_redone(editor: EditorFolder, snapshot: Snapshot) -> None:
    decide(editor, "word", line="subject", text="By hand")
    assert decide(editor, "undo").decisions == snapshot.decisions
    assert decide(editor, "redo").decisions.subject == "By hand"


def test_decisions_are_there_again_after_the_desk_was_closed(
    editor: EditorFolder, snapshot: Snapshot, confined: RenderProcess
) -> None:
    decide(editor, "word", line="subject", text="By hand")
    again = PreviewSession(lambda: editor.app, editor.folder, confined=confined)

    assert again.renew().decisions.subject == "By hand"


@pytest.mark.parametrize(
    "fields",
    [
        {"act": "explode"},
        {"act": "word", "line": "html", "text": "x"},
        {"act": "count", "count": "many"},
        {"act": "count", "count": "13"},
        {"act": "sponsor", "text": "x", "url": "javascript:alert(1)"},
    ],
)
def test_what_makes_no_sense_is_refused(
    editor: EditorFolder, snapshot: Snapshot, fields: dict[str, str]
) -> None:
    with pytest.raises(DigestError):
        editor.desk.decide(fields)


def test_approving_keeps_the_files_and_freezes_exactly_what_was_seen(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    after = editor.desk.renew()

    assert after.standing is not None
    assert (after.standing.approved, after.standing.fingerprint) == (True, snapshot.seal)
    with editor.app.database.read() as session:
        assert count(session) == 13
        assert editor.app.issues.require_approved(session, issue_of(session))


def test_what_changed_since_it_was_seen_is_not_approved(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    editor.template("issue.subject.txt", lambda _: "Another subject for everybody")

    with pytest.raises(NotApproved, match="changed in the meantime"):
        approve(editor)
    with editor.app.database.read() as session:
        assert count(session) == 0


def vote(editor: EditorFolder, ships: int) -> None:
    """Let so many votes count on both tools of the comparison that leads the issue."""
    with editor.app.database.write() as session:
        lead = store.placements(session, issue_of(session))[0]
        tools = session.exec(
            select(Contender.tool_id).where(Contender.revision_id == lead.revision_id)
        )
        for tool in tools:
            session.merge(
                DailyCount(
                    comparison_id=lead.comparison_id, tool_id=tool, day=NOW.date(), ships=ships
                )
            )


def test_votes_that_come_in_meanwhile_change_nothing_that_was_seen(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    vote(editor, 7)
    after = editor.desk.renew()

    assert after.standing is not None
    assert after.seal == after.standing.fingerprint == snapshot.seal
    changed = decide(editor, "word", line="subject", text="By hand")
    assert changed.built is not None
    assert changed.built.view.comparisons[0].contenders[0].readers == "100% would ship · 7 votes"
    vote(editor, 8)
    approve(editor)
    assert editor.desk.renew().seal == changed.seal


def test_a_file_that_changed_keeps_the_votes_on_its_comparison(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    vote(editor, 7)
    path = next((editor.folder / "comparisons").glob(f"{slugs(snapshot)[0]}.*"))
    path.write_text(path.read_text().replace('"question": "', '"question": "So: ', 1))
    changed = editor.desk.renew()

    assert changed.overlay is not None
    assert list(changed.overlay.drafts) == slugs(snapshot)[:1]
    assert changed.built is not None
    assert changed.built.view.comparisons[0].contenders[0].readers == "100% would ship · 7 votes"
    approve(editor)


def test_the_next_issue_on_the_desk_opens_with_the_votes_on_the_last(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    with editor.app.database.write() as session:
        issue = issue_of(session)
        issue.state, issue.prepared_at = IssueState.SENT, NOW
        lead = store.placements(session, issue)[0]
        tools = session.exec(
            select(Contender.tool_id).where(Contender.revision_id == lead.revision_id)
        )
        edition_id = store.edition_of(session, issue).id or 0
        session.add_all(
            Vote(
                comparison_id=lead.comparison_id,
                tool_id=tool,
                call=Call.SHIP,
                edition_id=edition_id,
                at=NOW,
                mailbox_hash=str(reader),
            )
            for tool in tools.all()
            for reader in range(7)
        )
    after = editor.desk.renew()

    assert "Last time, 7 of you voted: 100% would ship" in editor.mail()
    assert [line["hint"] for line in lines(after) if line["name"] == "opening"] == [
        "follows the votes on the last issue"
    ]


def test_a_decision_after_approving_leaves_what_is_frozen_and_shows_the_difference(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    changed = decide(editor, "word", line="subject", text="By hand")

    assert changed.standing is not None
    assert changed.standing.fingerprint == snapshot.seal != changed.seal
    assert changed.approved is not None
    assert changed.approved.name == "approved by Kim"


def test_F03_approving_again_makes_a_new_edition(editor: EditorFolder, snapshot: Snapshot) -> None:
    approve(editor)
    decide(editor, "word", line="subject", text="By hand")
    approve(editor)

    with editor.app.database.read() as session:
        found = store.editions(session, issue_of(session))
    assert found[0].fingerprint == snapshot.seal
    assert found[1].subject == "By hand"


def test_F03_a_template_saved_after_approving_makes_it_void(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    editor.template("partials/footer.mjml", lambda source: source + "\n")
    after = editor.desk.renew()

    assert after.standing is not None
    assert after.standing.word is not None
    assert after.standing.word.void == ("the templates",)


def test_F03_an_issue_on_its_way_makes_room_for_the_next(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    approve(editor)
    with editor.app.database.write() as session:
        issue_of(session).state = IssueState.PREPARED
    after = editor.desk.renew()

    assert after.standing is not None
    assert (after.standing.number, after.standing.period) == (2, "2026-W49")
    assert after.last is not None
    assert after.last.name == "No. 1"


def test_F03_what_is_on_its_way_can_not_be_changed_at_the_desk(
    editor: EditorFolder, confined: RenderProcess
) -> None:
    editor.desk.renew()
    approve(editor)
    with editor.app.database.write() as session:
        issue_of(session).state = IssueState.SENT
    desk = PreviewSession(lambda: editor.app, editor.folder, period="2026-W48", confined=confined)
    desk.renew()

    with pytest.raises(IssueFrozen):
        desk.decide({"act": "word", "line": "subject", "text": "Too late"})


def test_F04_a_week_with_nothing_to_say_is_reported_and_the_next_is_normal(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    left_out = [row.candidate.slug for row in snapshot.pick.left_out] if snapshot.pick else []
    for slug in [*slugs(snapshot), *left_out]:
        editor.desk.decide({"act": "drop", "slug": slug})
    after = editor.desk.renew()

    assert after.empty is not None
    assert (after.faults, after.built) == ((), None)
    assert "13 taken out by an editor" in after.empty.why
    editor.desk.period = "2026-W49"
    assert editor.desk.renew().faults == ()


def test_F08_a_mail_without_a_way_out_can_not_be_approved(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    for name in ("masthead", "footer"):
        editor.template(
            f"partials/{name}.mjml",
            lambda source: source.replace("issue.unsubscribe_url", "issue.base_url"),
        )
    after = editor.desk.renew()

    assert after.built is not None
    assert "unsubscribe-link" in [each.rule for each in after.built.findings]
    with pytest.raises(DigestError, match="no unsubscribe link"):
        approve(editor)


def test_F08_a_broken_way_out_in_the_text_part_is_reported(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    editor.template(
        "issue.txt",
        lambda source: source.replace("issue.unsubscribe_url | personal", "issue.web_url | link"),
    )
    after = editor.desk.renew()

    assert after.built is not None
    found = next(each for each in after.built.findings if each.rule == "unsubscribe-link")
    assert found.place == "text"


@pytest.mark.parametrize(
    "loop",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{{ 'x' * 10 ** 9 }}",
        "{% for a in range(90000) %}{{ 'words that say nothing at all ' * 9 }}{% endfor %}",
    ],
)
def test_F10_a_template_that_runs_away_is_stopped_and_the_desk_goes_on(
    editor: EditorFolder, snapshot: Snapshot, loop: str
) -> None:
    with RenderProcess(seconds=60, megabytes=256) as confined:
        desk = PreviewSession(lambda: editor.app, editor.folder, confined=confined)
        desk.renew()
        confined.seconds = 2
        editor.write("templates/email/partials/footer.mjml", f"<mj-raw>{loop}</mj-raw>")
        stopped = desk.renew()
        confined.seconds = 60  # a new process starts, and a busy machine takes its time
        (editor.folder / "templates/email/partials/footer.mjml").unlink()
        mended = desk.renew()

    assert stopped.faults
    assert stopped.built is not None
    assert mended.faults == ()


def test_a_test_copy_is_marked_and_its_links_do_nothing(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    editor.desk.try_out("me@example.org")
    mail = (editor.folder / "outbox" / "test" / "test.eml").read_text()

    assert "Subject: [Test] " in mail
    assert "https://news.example.com/u/test-copy" in mail
    assert "-digest_" not in mail


def test_without_a_store_the_desk_says_what_to_do(tmp_path: Path, editor: EditorFolder) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    app = type(editor.app)(settings=editor.app.settings, database=empty, clock=editor.app.clock)
    editor.desk._load = lambda: app
    snapshot = editor.desk.renew(settings=True)
    empty.close()

    assert snapshot.faults[0].next_step == "digest init"


def test_the_desk_says_who_sent_the_issue_back_and_that_one_more_approval_is_needed() -> None:
    standing = IssueStanding(number=1, period="2026-W48", state=IssueState.BUILT)
    back = Snapshot(standing=replace(standing, sent_back="Ann: The lead is wrong."))
    entry = Approval(issue_id=1, by="Kim", at=datetime(2026, 11, 24, tzinfo=UTC))
    half = ApprovalStatus(approval=entry, void=(), given=1, needed=2)
    first = Snapshot(standing=replace(standing, word=half))

    assert status(back) == ("warn", "Sent back by Ann: The lead is wrong.")
    assert status(first) == ("warn", "Approved by Kim; one more approval is needed")
    assert first.standing is not None
    assert not first.standing.approved


class MovingSession:
    """A session whose snapshot is another one each time it is read."""

    def __init__(self, desk: PreviewSession) -> None:
        self._desk = desk
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk, name)

    @property
    def snapshot(self) -> Snapshot:
        self.reads += 1
        return replace(self._desk.snapshot, version=self.reads)


def test_the_parts_of_one_answer_are_of_one_snapshot(
    editor: EditorFolder, snapshot: Snapshot
) -> None:
    moving = MovingSession(editor.desk)
    answer = view_models.parts(cast(PreviewSession, moving), PreviewQuery())

    assert (answer["version"], moving.reads) == (1, 1)


def test_the_end_of_a_send_is_a_new_version(editor: EditorFolder, snapshot: Snapshot) -> None:
    editor.desk.sending = True
    under_way = editor.desk.renew()
    editor.desk.sending = False

    assert snapshot.version < under_way.version < editor.desk.renew().version
