"""Linting of a frozen edition: checked on its own terms, changed settings named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlmodel import select

from digest.app.installation import App
from digest.comparisons.models import Call
from digest.comparisons.store import revisions
from digest.delivery.models import Batch, BatchState
from digest.issues import build, newsletters, store
from digest.issues.build import IssueBuilder
from digest.issues.checking import score_spam
from digest.issues.models import Recipe
from digest.mail.mailing import UNSUBSCRIBE_TAG, Content, Mailbox
from digest.mail.spamassassin import SpamScore
from digest.render.lint.finding import Finding, Severity

NOW = datetime.fromisoformat("2026-11-24T09:00:00Z")


@pytest.fixture(autouse=True)
def built(installation: App, issue_builder: IssueBuilder, week: str) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        build.build(session, newsletter, week, now=NOW, issue_builder=issue_builder)


def findings(installation: App, **changed: str) -> list[Finding]:
    later = replace(installation, settings=installation.settings.model_copy(update=changed))
    with installation.database.read() as session:
        issue = store.by_number(session, 1, 1)
        return later.issues.findings(store.edition_of(session, issue))


def test_nothing_is_wrong_while_the_settings_stay(installation: App) -> None:
    assert findings(installation) == []


def test_a_changed_address_is_named_and_not_taken_for_a_missing_link(installation: App) -> None:
    results = findings(installation, base_url="https://other.example.net")

    assert [str(finding) for finding in results] == [
        "error: html: its links lead to https://news.example.com, and DIGEST_BASE_URL is"
        " https://other.example.net now (settings-changed)."
        " Set it back, or build again: digest build --again."
    ]


def test_a_changed_postal_address_is_named_and_not_taken_for_a_missing_one(
    installation: App,
) -> None:
    results = findings(installation, postal_address="1 New Street")

    assert [(finding.rule, finding.message) for finding in results] == [
        ("settings-changed", "the postal address has changed since it was built")
    ]


def test_I7_a_changed_sender_is_named(installation: App) -> None:
    results = findings(installation, sender="Cheap Pills <pills@elsewhere.example>")

    assert [(finding.rule, finding.message) for finding in results] == [
        (
            "settings-changed",
            "it was made to come from Weekly AI Tool Verdicts <verdicts@example.com>, and"
            " mail comes from Cheap Pills <pills@elsewhere.example> now",
        )
    ]


def test_the_same_sender_in_another_spelling_is_no_change(installation: App) -> None:
    assert findings(installation, sender='"Weekly AI Tool Verdicts"  <verdicts@example.com>') == []


OWN = {
    "sender": "Tools <tools@example.com>",
    "reply_to": "desk@example.com",
    "postal_address": "9 Own Street",
}


def content_of(installation: App) -> Content:
    with installation.database.read() as session:
        return installation.sending.edition_send(session, store.by_number(session, 1, 1)).content


def sender_of(installation: App, **changed: str) -> str:
    later = replace(installation, settings=installation.settings.model_copy(update=changed))
    return content_of(later).sender.address


def test_I7_every_reader_gets_an_issue_from_the_sender_it_was_built_with(
    installation: App,
) -> None:
    assert sender_of(installation, sender="pills@elsewhere.example") == "verdicts@example.com"


def test_I7_a_newsletters_own_sender_goes_before_the_setting_and_is_kept_with_the_issue(
    installation: App, issue_builder: IssueBuilder, week: str
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        newsletters.change(session, newsletter, OWN)
        build.build(session, newsletter, week, now=NOW, issue_builder=issue_builder, again=True)
        edition = store.edition_of(session, store.by_number(session, 1, 1))
        assert "9 Own Street" in edition.text
    assert findings(installation, sender="Us <us@example.com>", postal_address="Elsewhere") == []
    content = content_of(installation)
    assert content.sender == Mailbox("tools@example.com", "Tools")
    assert content.reply_to == Mailbox("desk@example.com", "")


def test_I7_a_newsletters_new_sender_waits_for_an_approval(installation: App) -> None:
    before = content_of(installation)
    with installation.database.write() as session:
        newsletters.change(session, store.newsletter(session, "weekly"), OWN)
    assert [finding.message for finding in findings(installation)] == [
        "the postal address has changed since it was built",
        "it was made to come from Weekly AI Tool Verdicts <verdicts@example.com>,"
        " and mail comes from Tools <tools@example.com> now",
        "answers to it were to go to the sender, and go to desk@example.com now",
    ]
    assert content_of(installation) == before


def test_an_issue_of_a_version_without_reply_to_stays_without(installation: App) -> None:
    with installation.database.write() as session:
        recipe = session.exec(select(Recipe)).one()
        recipe.made_from = {k: v for k, v in recipe.made_from.items() if k != "reply_to"}
        session.add(recipe)
    assert findings(installation, reply_to="desk@example.com") == []
    with_setting = installation.settings.model_copy(update={"reply_to": "desk@example.com"})
    assert content_of(replace(installation, settings=with_setting)).reply_to is None


@pytest.mark.parametrize(
    ("outcome", "taken"),
    [(BatchState.PENDING, True), (BatchState.ACCEPTED, False), (BatchState.IN_DOUBT, False)],
)
def test_a_new_sender_is_taken_only_while_nobody_has_got_the_issue(
    installation: App, outcome: BatchState, *, taken: bool
) -> None:
    new = "Weekly <weekly@elsewhere.example>"
    later = replace(installation, settings=installation.settings.model_copy(update={"sender": new}))
    with installation.database.write() as session:
        issue = store.by_number(session, 1, 1)
        edition = store.edition_of(session, issue).id or 0
        session.add(
            Batch(
                key="b", root="b", edition_id=edition, number=1, first_delivery=1,
                last_delivery=2, size=2, state=outcome,
            )
        )  # fmt: skip
    with installation.database.write() as session:
        assert later.issues.update_sender(session, issue) is taken
    assert (findings(later) == []) is taken
    assert (sender_of(later) == "weekly@elsewhere.example") is taken


def test_a_share_that_the_calls_contradict_is_pointed_out(
    installation: App, issue_builder: IssueBuilder, week: str
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        chosen = build.choose_comparisons(session, newsletter, week)
        carried = build.draft_issue(
            session, newsletter, chosen, number=1, issue_builder=issue_builder
        ).revisions
        left = carried[0].contenders[0]
        left.panel_share = 50
        for verdict, call in zip(left.verdicts, (*[Call.SHIP] * 3, Call.SKIP), strict=True):
            verdict.call = call
        results = build.draft_issue(
            session, newsletter, chosen, number=1, issue_builder=issue_builder
        ).findings
        session.rollback()

    assert [finding.rule for finding in results] == ["panel-share"]
    assert "2 ship and 2 skip of 4, but the calls say 3 ship and 1 skip" in results[0].message


def findings_dated(
    installation: App, issue_builder: IssueBuilder, week: str, published_on: date | None
) -> list[Finding]:
    """Return the embargo findings of an issue whose lead is published on that day."""
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        chosen = build.choose_comparisons(session, newsletter, week)
        lead = revisions(session, [chosen.chosen[0].candidate.revision_id])
        next(iter(lead.values())).published_on = published_on
        made = build.draft_issue(session, newsletter, chosen, number=1, issue_builder=issue_builder)
        session.rollback()
    return [finding for finding in made.findings if finding.rule == "embargo"]


def test_D12_a_comparison_dated_after_the_issue_is_pointed_out(
    installation: App, issue_builder: IssueBuilder, week: str
) -> None:
    found = findings_dated(installation, issue_builder, week, date(2026, 11, 30))

    assert [finding.severity for finding in found] == [Severity.WARNING]
    assert found[0].message.endswith(" is dated 30 November, six days after this issue")


@pytest.mark.parametrize("published_on", [None, date(2026, 11, 24)])
def test_D12_a_comparison_of_the_issues_day_or_of_none_is_in_order(
    installation: App, issue_builder: IssueBuilder, week: str, published_on: date | None
) -> None:
    assert findings_dated(installation, issue_builder, week, published_on) == []


@pytest.mark.parametrize("braces", ["{{name}}", "{% if %}", "{# note #}", UNSUBSCRIBE_TAG])
def test_a_title_with_a_templates_braces_stops_no_issue_from_any_place(
    installation: App, issue_builder: IssueBuilder, week: str, braces: str
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        chosen = build.choose_comparisons(session, newsletter, week)
        carried = build.draft_issue(
            session, newsletter, chosen, number=1, issue_builder=issue_builder
        ).revisions
        carried[1].contenders[0].name = f"Mustache {braces}"
        proof = build.draft_issue(
            session, newsletter, chosen, number=1, issue_builder=issue_builder
        )
        session.rollback()

    assert braces in proof.view.preheader
    assert [str(finding) for finding in proof.findings if finding.severity is Severity.ERROR] == []


def test_a_frozen_preheader_with_a_templates_braces_is_no_error(installation: App) -> None:
    with installation.database.write() as session:
        edition = store.edition_of(session, store.by_number(session, 1, 1))
        edition.preheader = "Also: Mustache {{name}} vs Plain curly, and two more"

    assert findings(installation) == []


def test_the_points_for_spam_are_told_where_nothing_follows_from_them() -> None:
    content = Content(
        subject="No. 1",
        html="<p>Two tools.</p>",
        text="Two tools.",
        sender=Mailbox("verdicts@example.com", "Verdicts"),
        headers={},
        category="weekly",
    )
    judged = score_spam(
        content,
        base_url="https://news.example.com",
        now=NOW,
        score=lambda _mail, **_: SpamScore(score=-0.1, rules=[]),
    )
    assert judged == (-0.1, [])
