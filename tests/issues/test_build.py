"""The issue builder: what it refuses to freeze (fault matrix, F01 to F11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import event

from digest.app.installation import App
from digest.errors import IssueFrozen, MailUnfit, NothingToPick, TemplateBroken
from digest.issues import build as publish
from digest.issues import draft_history, store
from digest.issues.build import IssueBuilder
from digest.issues.content.view import IssueView, SponsorView
from digest.issues.models import Issue, IssueState
from digest.issues.picking import overrides
from digest.render.rendered import Rendered
from digest.render.sandbox import render_confined
from digest.render.template_errors import TemplateFault

WriteTemplate = Callable[[str, str], None]


def build(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime, *, again: bool = False
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        publish.build(session, newsletter, week, now=now, issue_builder=issue_builder, again=again)


def nothing_is_stored(installation: App) -> bool:
    with installation.database.read() as session:
        return not store.issues(session, 1)


def test_F01_a_field_that_is_missing_is_found_at_freeze_with_file_line_and_object(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    write_template: WriteTemplate,
) -> None:
    write_template("issue.txt", "one\n{{ issue.comparisons[3].rating }}")

    with pytest.raises(TemplateFault, match=r"issue\.txt:2: the comparison has no 'rating'"):
        build(installation, issue_builder, week, now)
    assert nothing_is_stored(installation)


def test_F02_mjml_that_does_not_compile_fails_at_freeze_with_its_place(
    installation: App, week: str, now: datetime, write_template: WriteTemplate
) -> None:
    write_template("partials/footer.mjml", "<mj-section>\n  <mj-column>\n</mj-section>")

    with pytest.raises(TemplateFault, match=r"partials/footer\.mjml:2:3: <mj-column"):
        build(installation, installation.issues.builder, week, now)
    assert nothing_is_stored(installation)


def test_F02_F10_a_template_that_hangs_fails_at_freeze_when_its_time_is_over(
    installation: App, week: str, now: datetime, write_template: WriteTemplate
) -> None:
    loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    write_template("issue.subject.txt", loop)

    def hurried(view: IssueView) -> Rendered:
        folder = installation.template_folder
        return render_confined("issue", {"issue": view}, folder=folder, seconds=1)

    with pytest.raises(TemplateBroken, match="longer than 1 seconds"):
        build(installation, replace(installation.issues.builder, render=hurried), week, now)
    assert nothing_is_stored(installation)


def test_F03_an_issue_on_its_way_is_not_built_again(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        issue = store.by_number(session, 1, 1)
        issue.state, before = IssueState.PREPARED, store.edition_of(session, issue).fingerprint
    with pytest.raises(IssueFrozen):
        build(installation, issue_builder, week, now, again=True)
    with installation.database.read() as session:
        issue = store.by_number(session, 1, 1)

        assert [edition.fingerprint for edition in store.editions(session, issue)] == [before]


def test_F04_a_week_in_which_everything_is_dropped_makes_no_issue(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        pick = publish.choose_comparisons(session, newsletter, week)
        slugs = [entry.candidate.slug for entry in pick.chosen]
        slugs += [entry.candidate.slug for entry in pick.left_out]
        decisions = overrides.Decisions(dropped=tuple(slugs))
        draft_history.decide(session, newsletter, week, decisions, summary="drop all", now=now)

    with pytest.raises(NothingToPick, match="13 taken out by an editor"):
        build(installation, issue_builder, week, now)
    build(installation, issue_builder, "2026-W49", now)


def test_F06_a_mail_over_the_budget_is_refused_at_freeze(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    write_template: WriteTemplate,
) -> None:
    write_template(
        "partials/sponsor.mjml",
        "<mj-section><mj-column><mj-text>{{ 'word ' * 12000 }}</mj-text></mj-column></mj-section>",
    )
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        words = overrides.sponsor(overrides.Decisions(), SponsorView(text="Buy."))
        draft_history.decide(session, newsletter, week, words, summary="sponsor", now=now)

    with pytest.raises(MailUnfit, match="Gmail cuts off at 102,400"):
        build(installation, issue_builder, week, now)


@pytest.mark.parametrize("name", ["partials/footer.mjml", "issue.txt"])
def test_F08_a_mail_without_a_way_out_is_refused_at_freeze(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    write_template: WriteTemplate,
    name: str,
) -> None:
    for each in {name, "partials/masthead.mjml"} if name.endswith(".mjml") else {name}:
        source = installation.issues.template_sources()[each]
        write_template(each, source.replace("issue.unsubscribe_url", "issue.preferences_url"))

    with pytest.raises(MailUnfit, match="there is no unsubscribe link"):
        build(installation, issue_builder, week, now)


@pytest.mark.parametrize(
    ("typed", "goes_out"),
    [("One\r\nBcc: x@example.org", "One Bcc: x@example.org"), ("a\u202eb", "ab")],
)
def test_F11_a_subject_goes_out_as_the_preview_shows_it(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    typed: str,
    goes_out: str,
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        decisions = overrides.set_text(overrides.Decisions(), "subject", typed)
        draft_history.decide(session, newsletter, week, decisions, summary="subject", now=now)
        issue, made = publish.build(session, newsletter, week, now=now, issue_builder=issue_builder)
        edition = store.edition_of(session, issue)

    assert edition.subject == made.rendered.subject == goes_out


def test_F11_a_subject_of_2000_characters_is_refused_at_freeze(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        decisions = overrides.set_text(overrides.Decisions(), "subject", "x" * 2_000)
        draft_history.decide(session, newsletter, week, decisions, summary="subject", now=now)

    with pytest.raises(MailUnfit, match="2000 characters"):
        build(installation, issue_builder, week, now)


def openings(installation: App, issue_builder: IssueBuilder) -> list[tuple[str, str]]:
    """Draft what the next issue would carry, always the same; return its opening and wording."""
    with installation.database.read() as session:
        newsletter = store.newsletter(session, "weekly")
        number = store.next_number(session, newsletter.id)
        pick = publish.choose_comparisons(session, newsletter, "2026-W48")
        drafted = publish.draft_issue(
            session, newsletter, pick, number=number, issue_builder=issue_builder
        )
    return [(drafted.view.opening, drafted.view.opening_form)]


def test_d11_an_issue_does_not_open_as_the_one_before(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    first = openings(installation, issue_builder)
    build(installation, issue_builder, week, now)
    second = openings(installation, issue_builder)
    with installation.database.write() as session:
        store.by_number(session, 1, 1).state = IssueState.CANCELLED

    assert first != second
    assert openings(installation, issue_builder) == first


def test_the_issue_before_a_week_is_the_newest_with_a_number_and_no_correction(
    installation: App, now: datetime
) -> None:
    with installation.database.write() as session:
        for number, period in ((1, "2026-W46"), (2, "2026-W47"), (None, "2026-W48")):
            state = IssueState.SENT if number else IssueState.SKIPPED
            session.add(
                Issue(newsletter_id=1, number=number, period=period, state=state, built_at=now)
            )
        session.flush()
        corrected = store.by_number(session, 1, 2)
        session.add(
            Issue(
                newsletter_id=1,
                number=1002,
                period="2026-W47-1002",
                state=IssueState.SENT,
                built_at=now,
                corrects_issue_id=corrected.id,
            )
        )
        session.flush()

        assert store.last_before(session, 1, "2026-W49") == corrected
        assert store.last_before(session, 1, "2026-W46") is None


def test_building_again_asks_for_comparisons_together_and_not_one_by_one(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    asked: list[str] = []
    event.listen(
        installation.database.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: asked.append(statement),
    )

    build(installation, issue_builder, week, now, again=True)

    assert len([each for each in asked if each.startswith("SELECT comparison.")]) == 1
    assert len([each for each in asked if each.startswith("SELECT")]) <= 24
