"""Approval: bound to the content that was seen, void at any change, required before sending."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from sqlmodel import Session

from digest.app.installation import App
from digest.comparisons.models import Comparison
from digest.errors import DigestError, MailUnfit, NotApproved, WrongState
from digest.issues import approval, build, draft_history, newsletters, provenance, store
from digest.issues.approval import approve, require_approved
from digest.issues.build import IssueBuilder
from digest.issues.models import Approval, ApprovalChannel, Issue, IssueState
from digest.issues.newsletters import BadNewsletter
from digest.issues.picking import overrides
from digest.render.lint.finding import Finding, error, warning

CLEAN: list[Finding] = []
ERROR = error("image-alt", "html", "an image has no alternative text", "Write one.")
WARNING = warning("preheader-length", "preheader", "it is short", "Write more.")
NOW = datetime.fromisoformat("2026-11-24T09:00:00Z")

WriteTemplate = Callable[[str, str], None]


@pytest.fixture
def session(installation: App) -> Iterator[Session]:
    with installation.database.write() as session:
        yield session


@pytest.fixture
def issue(session: Session, issue_builder: IssueBuilder, week: str) -> Issue:
    newsletter = store.newsletter(session, "weekly")
    built, _ = build.build(session, newsletter, week, now=NOW, issue_builder=issue_builder)
    return built


@pytest.fixture
def templates(installation: App) -> str:
    return provenance.template_hash(installation.issues.template_sources())


def given(
    session: Session, issue: Issue, templates: str, *findings: Finding, by: str = "Kim"
) -> Approval:
    return approve(
        session, issue, templates=templates, findings=findings, by=by, now=NOW, despite=None
    )


def test_nothing_goes_that_nobody_approved(session: Session, issue: Issue, templates: str) -> None:
    with pytest.raises(NotApproved, match="issue 1 isn't approved") as caught:
        require_approved(session, issue, templates=templates, findings=CLEAN)

    assert caught.value.next_step == "digest approve 1"


def test_what_was_approved_may_go(session: Session, issue: Issue, templates: str) -> None:
    approved = given(session, issue, templates)

    assert require_approved(session, issue, templates=templates, findings=CLEAN) == approved


def drop_lead(session: Session, issue: Issue) -> None:
    """Drop the first comparison at the desk, and build nothing."""
    newsletter = store.newsletter(session, "weekly")
    lead = store.placements(session, issue)[0].comparison_id
    slug = session.get_one(Comparison, lead).slug
    decisions = overrides.drop(draft_history.current(session, newsletter, issue.period), slug)
    draft_history.decide(session, newsletter, issue.period, decisions, summary="drop", now=NOW)


def test_a_draft_that_went_on_makes_it_void(session: Session, issue: Issue, templates: str) -> None:
    given(session, issue, templates)
    drop_lead(session, issue)

    with pytest.raises(NotApproved, match="was changed after this mail was built") as caught:
        require_approved(session, issue, templates=templates, findings=CLEAN)
    again = f"digest build --period {issue.period} --again; then digest approve 1"
    assert caught.value.next_step == again
    standing = approval.editorial_standing(session, issue, templates=templates)
    assert standing.void == ("the draft",)
    assert not standing.approved


def test_a_change_of_the_draft_that_is_undone_leaves_the_approval(
    session: Session, issue: Issue, templates: str
) -> None:
    approved = given(session, issue, templates)
    drop_lead(session, issue)
    draft_history.undo(session, store.newsletter(session, "weekly"), issue.period)

    assert require_approved(session, issue, templates=templates, findings=CLEAN) == approved


def test_a_mail_that_is_older_than_its_draft_is_not_approved(
    session: Session, issue: Issue, templates: str
) -> None:
    drop_lead(session, issue)

    with pytest.raises(NotApproved, match="was changed after this mail was built"):
        given(session, issue, templates)


def test_a_mail_that_is_older_than_its_draft_does_not_go_unattended(
    session: Session, issue: Issue, templates: str
) -> None:
    store.newsletter(session, "weekly").unattended = True
    drop_lead(session, issue)

    with pytest.raises(NotApproved, match="was changed after this mail was built"):
        require_approved(session, issue, templates=templates, findings=CLEAN)


def test_a_new_edition_makes_it_void(
    session: Session, issue: Issue, templates: str, issue_builder: IssueBuilder, week: str
) -> None:
    given(session, issue, templates)
    newsletter = store.newsletter(session, "weekly")
    decisions = overrides.set_text(overrides.Decisions(), "subject", "Another")
    draft_history.decide(session, newsletter, week, decisions, summary="subject", now=NOW)
    build.build(session, newsletter, week, now=NOW, issue_builder=issue_builder, again=True)

    with pytest.raises(NotApproved, match="approved by Kim, but the mail has changed"):
        require_approved(session, issue, templates=templates, findings=CLEAN)


def test_building_the_same_again_leaves_it_in_force(
    session: Session, issue: Issue, templates: str, issue_builder: IssueBuilder, week: str
) -> None:
    given(session, issue, templates)
    newsletter = store.newsletter(session, "weekly")
    build.build(session, newsletter, week, now=NOW, issue_builder=issue_builder, again=True)

    assert require_approved(session, issue, templates=templates, findings=CLEAN)


def test_a_changed_template_makes_it_void(
    session: Session, issue: Issue, installation: App, write_template: WriteTemplate
) -> None:
    given(session, issue, provenance.template_hash(installation.issues.template_sources()))
    write_template("partials/footer.mjml", "<mj-section></mj-section>")

    with pytest.raises(NotApproved, match="but the templates have changed"):
        require_approved(
            session,
            issue,
            templates=provenance.template_hash(installation.issues.template_sources()),
            findings=CLEAN,
        )


def test_a_template_the_issue_does_not_use_makes_no_difference(
    installation: App, write_template: WriteTemplate
) -> None:
    before = installation.issues.template_sources()
    write_template("confirm.mjml", "<mjml></mjml>")

    assert installation.issues.template_sources() == before


def test_a_changed_audience_makes_it_void(session: Session, issue: Issue, templates: str) -> None:
    approved = given(session, issue, templates)
    approved.audience = "somebody else"
    session.add(approved)

    word = approval.approval_status(session, issue, templates=templates)
    assert word is not None
    assert word.void == ("the audience",)


def test_the_seal_covers_every_part(session: Session, issue: Issue, templates: str) -> None:
    terms = approval.terms_of(session, issue, templates=templates)
    others = (
        terms,
        replace(terms, editions=("x",)),
        replace(terms, audience="x"),
        replace(terms, templates="x"),
    )

    assert len({each.seal() for each in others}) == 4


def test_an_error_forbids_approving(session: Session, issue: Issue, templates: str) -> None:
    with pytest.raises(MailUnfit, match="an image has no alternative text"):
        given(session, issue, templates, ERROR)


def test_an_error_forbids_sending_what_was_approved(
    session: Session, issue: Issue, templates: str
) -> None:
    given(session, issue, templates)

    with pytest.raises(MailUnfit):
        require_approved(session, issue, templates=templates, findings=[ERROR])


def test_a_warning_has_to_be_accepted_by_name(
    session: Session, issue: Issue, templates: str
) -> None:
    with pytest.raises(NotApproved, match="preheader-length") as caught:
        approve(session, issue, templates=templates, findings=[WARNING], by="Kim", now=NOW)

    assert "--despite preheader-length" in str(caught.value.next_step)


def test_an_accepted_warning_is_recorded_and_passes(
    session: Session, issue: Issue, templates: str
) -> None:
    approved = approve(
        session,
        issue,
        templates=templates,
        findings=[WARNING],
        by="Kim",
        now=NOW,
        despite=["preheader-length"],
    )

    assert approved.accepted == ["preheader-length"]
    assert require_approved(session, issue, templates=templates, findings=[WARNING])


def test_a_warning_that_came_later_has_to_be_accepted_too(
    session: Session, issue: Issue, templates: str
) -> None:
    given(session, issue, templates)

    with pytest.raises(NotApproved, match="a warning that nobody has accepted"):
        require_approved(session, issue, templates=templates, findings=[WARNING])


def test_a_clean_issue_goes_unattended_where_the_newsletter_says_so(
    session: Session, issue: Issue, templates: str
) -> None:
    store.newsletter_of(session, issue).unattended = True

    assert require_approved(session, issue, templates=templates, findings=CLEAN) is None
    with pytest.raises(NotApproved):
        require_approved(session, issue, templates=templates, findings=[WARNING])


def test_two_people_have_to_approve_where_the_newsletter_says_so(
    session: Session, issue: Issue, templates: str
) -> None:
    newsletters.change(session, store.newsletter_of(session, issue), {"approvals": 2})
    given(session, issue, templates)
    status = approval.approval_status(session, issue, templates=templates)
    assert status is not None
    assert approval.still_needed(status) == "One more approval is needed, from somebody else."
    with pytest.raises(NotApproved, match=r"has 1 of 2 approvals \(by Kim\): one more is needed"):
        require_approved(session, issue, templates=templates, findings=CLEAN)

    given(session, issue, templates, by="Ann")
    assert require_approved(session, issue, templates=templates, findings=CLEAN)
    assert approval.approvers(session, issue) == "Kim and Ann"


@pytest.mark.parametrize("again", ["Kim", "KIM", " kim "])
def test_one_person_is_not_two(session: Session, issue: Issue, templates: str, again: str) -> None:
    newsletters.change(session, store.newsletter_of(session, issue), {"approvals": 2})
    given(session, issue, templates)
    given(session, issue, templates, by=again)

    with pytest.raises(NotApproved, match="1 of 2"):
        require_approved(session, issue, templates=templates, findings=CLEAN)


def test_an_approval_of_an_earlier_edition_is_none_of_the_two(
    session: Session, issue: Issue, templates: str
) -> None:
    newsletters.change(session, store.newsletter_of(session, issue), {"approvals": 2})
    given(session, issue, "of other templates")
    given(session, issue, templates, by="Ann")

    with pytest.raises(NotApproved, match=r"1 of 2 approvals \(by Ann\)"):
        require_approved(session, issue, templates=templates, findings=CLEAN)


def test_a_second_approver_accepts_the_warnings_too(
    session: Session, issue: Issue, templates: str
) -> None:
    newsletters.change(session, store.newsletter_of(session, issue), {"approvals": 2})
    given(session, issue, templates)
    given(session, issue, templates, WARNING, by="Ann")

    with pytest.raises(NotApproved, match=r"1 of 2 approvals \(by Ann\)"):
        require_approved(session, issue, templates=templates, findings=[WARNING])


@pytest.mark.parametrize(
    ("one", "other"), [("J\u00fcrgen", "Ju\u0308rgen"), ("ann@example.org", "\uff21nn@example.org")]
)
def test_one_person_written_in_two_ways_is_not_two(
    session: Session, issue: Issue, templates: str, one: str, other: str
) -> None:
    newsletters.change(session, store.newsletter_of(session, issue), {"approvals": 2})
    given(session, issue, templates, by=one)
    given(session, issue, templates, by=other)

    with pytest.raises(NotApproved, match="1 of 2 approvals"):
        require_approved(session, issue, templates=templates, findings=CLEAN)


@pytest.mark.parametrize("people", [0, 3])
def test_one_person_approves_or_two_do(session: Session, issue: Issue, people: int) -> None:
    with pytest.raises(BadNewsletter, match="whole number from 1 to 2"):
        newsletters.change(session, store.newsletter_of(session, issue), {"approvals": people})


def sent_back(session: Session, issue: Issue, note: str = "The lead is wrong.") -> Approval:
    return approval.send_back(
        session, issue, by="Ann", note=note, channel=ApprovalChannel.DESK, now=NOW
    )


def test_what_was_sent_back_is_not_sent_until_it_is_approved_anew(
    session: Session, issue: Issue, templates: str
) -> None:
    given(session, issue, templates)
    sent_back(session, issue)
    with pytest.raises(NotApproved, match=r"was sent back by Ann: The lead is wrong\."):
        require_approved(session, issue, templates=templates, findings=CLEAN)
    assert approval.latest(session, issue) is None
    assert not approval.has_enough(session, issue)

    given(session, issue, templates)
    assert approval.sent_back(session, issue) is None
    assert require_approved(session, issue, templates=templates, findings=CLEAN)


def test_what_was_sent_back_once_never_goes_unattended(
    session: Session, issue: Issue, templates: str
) -> None:
    store.newsletter_of(session, issue).unattended = True
    sent_back(session, issue)
    given(session, issue, "of other templates")

    with pytest.raises(NotApproved, match="the templates have changed"):
        require_approved(session, issue, templates=templates, findings=CLEAN)


def test_one_approval_of_two_makes_an_unattended_issue_no_stricter(
    session: Session, issue: Issue, templates: str
) -> None:
    newsletter = store.newsletter_of(session, issue)
    newsletter.unattended = True
    newsletters.change(session, newsletter, {"approvals": 2})
    given(session, issue, templates)

    assert require_approved(session, issue, templates=templates, findings=CLEAN) is None


@pytest.mark.parametrize("note", ["", "  \n", "x" * (approval.MOST_NOTE + 1)])
def test_who_sends_back_says_what_has_to_change(session: Session, issue: Issue, note: str) -> None:
    with pytest.raises(DigestError, match="add a note"):
        sent_back(session, issue, note)


def test_what_is_on_its_way_is_not_sent_back(session: Session, issue: Issue) -> None:
    issue.state = IssueState.PREPARED
    with pytest.raises(WrongState, match="can't be sent back any more"):
        sent_back(session, issue)


def test_every_decision_is_kept_with_who_and_when(
    session: Session, issue: Issue, templates: str
) -> None:
    given(session, issue, templates)
    sent_back(session, issue)
    given(session, issue, templates)
    approval.withdraw(session, issue, by="Kim", why="the sender has changed", now=NOW)
    approval.withdraw(session, issue, by="Kim", why="nothing stands any more", now=NOW)

    kept = [(entry.act.value, entry.by, entry.note) for entry in approval.history(session, issue)]
    assert kept == [
        ("approved", "Kim", ""),
        ("sent-back", "Ann", "The lead is wrong."),
        ("approved", "Kim", ""),
        ("withdrawn", "Kim", "the sender has changed"),
    ]
    assert {entry.at for entry in approval.history(session, issue)} == {NOW}
    assert approval.standing(session, issue) == []


def test_a_name_is_kept_on_one_line_and_no_longer_than_the_column(
    session: Session, issue: Issue, templates: str
) -> None:
    assert given(session, issue, templates, by=" Kim\n\0 Lee ").by == "Kim Lee"
    assert len(given(session, issue, templates, by="k" * 300).by) == 200
