"""What an issue tells of verdicts that have changed since earlier issues carried them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import orjson
import pytest
from typer.testing import CliRunner

from digest import samples
from digest.app.installation import App
from digest.cli import app as digest_app
from digest.comparisons import store as comparisons
from digest.comparisons.loader import read_file
from digest.comparisons.models import Call, Comparison, Entry
from digest.comparisons.schema import ComparisonDraft
from digest.db import Database
from digest.issues import build as publish
from digest.issues import draft_history, provenance, store
from digest.issues.build import BuiltIssue, IssueBuilder
from digest.issues.changed_verdicts import changed_since_told
from digest.issues.checking import changed_since, withdrawn_since
from digest.issues.content import VerdictChange
from digest.issues.content.verdict_changes import MOST_TOLD
from digest.issues.corrections import build_correction
from digest.issues.models import IssueState, Newsletter
from digest.issues.picking import overrides

Edit = Callable[[ComparisonDraft], ComparisonDraft]
NEXT = "2026-W49"


def share(value: float | None) -> Edit:
    """Return the edit that gives the left tool another panel share."""
    return lambda draft: _left(draft, panel_share=value)


def call(seat: int, value: Call) -> Edit:
    """Return the edit that gives a reviewer another call on the left tool."""

    def edit(draft: ComparisonDraft) -> ComparisonDraft:
        verdicts = [
            verdict.model_copy(update={"call": value}) if verdict.seat == seat else verdict
            for verdict in draft.contenders[0].verdicts
        ]
        return _left(draft, verdicts=tuple(verdicts))

    return edit


def pricing(entry: Entry | None) -> Edit:
    """Return the edit that gives the left tool another pricing."""
    return lambda draft: _left(draft, entry=entry)


def _left(draft: ComparisonDraft, **values: object) -> ComparisonDraft:
    left, right = draft.contenders
    return draft.model_copy(update={"contenders": (left.model_copy(update=values), right)})


class Weeks:
    """An installation whose first issue is out, and that builds further ones."""

    def __init__(self, database: Database, builder: IssueBuilder, now: datetime) -> None:
        self.database, self.builder, self.now = database, builder, now
        self.slugs: list[str] = []

    def send(self, week: str, *, language: str = "en") -> BuiltIssue:
        """Build the issue of *week*, and let it have gone out."""
        with self.database.write() as session:
            newsletter = store.newsletter(session, "weekly")
            newsletter.language = language
            issue, built = publish.build(
                session, newsletter, week, now=self.now, issue_builder=self.builder
            )
            issue.state, issue.prepared_at = IssueState.SENT, self.now
            self.slugs = [choice["slug"] for choice in issue.pick["chosen"]]
        return built

    def revise(self, slug: str, *edits: Edit) -> None:
        """Import a comparison as it was published first, with *edits*."""
        self.now += timedelta(hours=1)
        path = next(path for path in samples.comparisons() if path.stem == slug)
        draft = read_file(path)
        for edit in edits:
            draft = edit(draft)
        with self.database.write() as session:
            comparisons.store_draft(session, draft, now=self.now)

    def changes(
        self, number: int = 2, *, carried: tuple[int, ...] = ()
    ) -> tuple[VerdictChange, ...]:
        with self.database.read() as session:
            newsletter = store.newsletter(session, "weekly")
            return changed_since_told(
                session, newsletter, number, carried=carried, day=self.now.date()
            )

    def told(self, language: str = "en") -> list[str]:
        """Return the sentences of the next issue's block."""
        return [
            " ".join(change.in_words(language, base_url="").sentences) for change in self.changes()
        ]


@pytest.fixture
def weeks(installation: App, issue_builder: IssueBuilder, now: datetime, week: str) -> Weeks:
    """An installation whose issue of *week* is out."""
    made = Weeks(installation.database, issue_builder, now)
    with made.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        newsletter.max_per_issue = 1
    made.send(week)
    return made


def test_only_the_net_change_is_told(weeks: Weeks) -> None:
    slug = weeks.slugs[0]
    weeks.revise(slug, share(75.0))
    assert weeks.told() == ["The panel’s share of Tidepool Notes went from 100% to 75%."]
    weeks.revise(slug, share(50.0))
    assert weeks.told() == ["The panel’s share of Tidepool Notes went from 100% to 50%."]
    weeks.revise(slug)
    assert weeks.told() == []


@pytest.mark.parametrize(
    ("edits", "english", "german"),
    [
        (
            [pricing(Entry.PAID)],
            "The pricing of Tidepool Notes changed from Free to Paid.",
            "Der Preis von Tidepool Notes ist jetzt „Kostenpflichtig“, vorher „Kostenlos“.",
        ),
        (
            [pricing(None)],
            "The pricing of Tidepool Notes is no longer known; it was Free.",
            "Der Preis von Tidepool Notes ist nicht mehr bekannt; vorher war er „Kostenlos“.",
        ),
        (
            [share(75.0), call(2, Call.SKIP)],
            "The panel’s share of Tidepool Notes went from 100% to 75%."
            " Reviewer 2 would no longer ship Tidepool Notes.",
            "Der Jury-Anteil von Tidepool Notes liegt jetzt bei 75\u00a0% statt bei 100\u00a0%."
            " Jurymitglied 2 würde Tidepool Notes nicht mehr nehmen.",
        ),
        (
            [share(50.0), call(2, Call.SKIP), call(3, Call.SKIP)],
            "The panel’s share of Tidepool Notes went from 100% to 50%."
            " Reviewer 2 and Reviewer 3 would no longer ship Tidepool Notes.",
            "Der Jury-Anteil von Tidepool Notes liegt jetzt bei 50\u00a0% statt bei 100\u00a0%."
            " Jurymitglied 2 und Jurymitglied 3 würden Tidepool Notes nicht mehr nehmen.",
        ),
        (
            [share(None)],
            "There’s no panel share of Tidepool Notes any more; it was 100%.",
            "Einen Jury-Anteil von Tidepool Notes gibt es nicht mehr; er lag bei 100\u00a0%.",
        ),
    ],
)
def test_each_change_is_said_in_plain_words(
    weeks: Weeks, edits: list[Edit], english: str, german: str
) -> None:
    weeks.revise(weeks.slugs[0], *edits)

    assert weeks.told() == [english]
    assert weeks.told("de") == [german]


def test_words_alone_are_no_change_of_a_verdict(weeks: Weeks) -> None:
    weeks.revise(weeks.slugs[0], lambda draft: _left(draft, tagline="Other words"))

    assert weeks.changes() == ()


def test_the_next_issue_tells_it_once(weeks: Weeks) -> None:
    weeks.revise(weeks.slugs[0], share(75.0))
    second = weeks.send(NEXT)
    third = weeks.send("2026-W50")

    assert "Changed since earlier issues" in second.rendered.html
    assert "CHANGED SINCE" not in third.rendered.text
    sentence = "The panel’s share of Tidepool Notes went from 100% to 75%."
    assert [each.sentences for each in second.view.changed] == [(sentence,)]
    assert sentence in " ".join(second.rendered.text.split())
    assert third.view.changed == ()


def test_pricing_that_is_known_only_now_has_no_dash_for_what_it_was(weeks: Weeks) -> None:
    slug = weeks.slugs[0]
    weeks.revise(slug, pricing(None))
    weeks.send(NEXT)
    weeks.revise(slug)

    [change] = weeks.changes(3)
    views = [change.in_words(language, base_url="") for language in ("en", "de")]
    assert [view.sentences for view in views] == [
        ("The pricing of Tidepool Notes is now known: Free.",),
        ("Der Preis von Tidepool Notes ist jetzt bekannt: „Kostenlos“.",),
    ]


def test_what_went_back_after_it_was_told_is_told_too(weeks: Weeks) -> None:
    slug = weeks.slugs[0]
    weeks.revise(slug, share(75.0))
    weeks.send(NEXT)
    weeks.revise(slug)

    [change] = weeks.changes(3)
    assert [(each.was, each.now) for each in change.changes] == [("75%", "100%")]


def test_what_a_correction_has_told_counts_as_told_once_it_is_out(weeks: Weeks) -> None:
    weeks.revise(weeks.slugs[0], share(75.0))
    with weeks.database.write() as session:
        correction, _ = build_correction(
            session,
            store.by_number(session, 1, 1),
            now=weeks.now,
            issue_builder=weeks.builder,
            why="We miscounted.",
        )
    assert len(weeks.changes()) == 1
    with weeks.database.write() as session:
        correction = store.by_number(session, 1, correction.number or 0)
        correction.state, correction.prepared_at = IssueState.SENT, weeks.now
    assert weeks.changes() == ()


def test_a_comparison_that_was_withdrawn_or_is_carried_again_is_left_out(weeks: Weeks) -> None:
    weeks.revise(weeks.slugs[0], share(75.0))
    with weeks.database.write() as session:
        comparison = comparisons.by_slug(session, weeks.slugs[0])
        number = comparison.id or 0
    assert weeks.changes(carried=(number,)) == ()
    with weeks.database.write() as session:
        session.get_one(Comparison, number).withdrawn_at = weeks.now
    assert weeks.changes() == ()


def test_what_is_dated_after_the_issue_waits(weeks: Weeks) -> None:
    later = weeks.now.date() + timedelta(days=7)
    weeks.revise(
        weeks.slugs[0],
        share(75.0),
        lambda draft: draft.model_copy(update={"published_on": later}),
    )

    assert weeks.changes() == ()


def test_another_newsletter_tells_only_what_it_carried(weeks: Weeks) -> None:
    weeks.revise(weeks.slugs[0], share(75.0))
    with weeks.database.write() as session:
        other = Newsletter(slug="other", name="Other")
        session.add(other)
        session.flush()
        day = weeks.now.date()
        assert changed_since_told(session, other, 1, carried=(), day=day) == ()


@pytest.mark.parametrize(("language", "whys"), [("en", ["They raised the price."]), ("de", [""])])
def test_the_words_of_the_editor_who_carried_the_new_verdict_stand_with_it_in_their_language(
    weeks: Weeks, language: str, whys: list[str]
) -> None:
    slug = weeks.slugs[0]
    weeks.revise(slug, share(75.0))
    with weeks.database.write() as session:
        other = Newsletter(slug="other", name="Other")
        session.add(other)
        session.flush()
        decisions = overrides.set_note(overrides.Decisions(), slug, "They raised the *price*.")
        decisions = overrides.pin(decisions, slug)
        draft_history.decide(session, other, NEXT, decisions, summary="note", now=weeks.now)
        issue, _ = publish.build(session, other, NEXT, now=weeks.now, issue_builder=weeks.builder)
        issue.state, issue.prepared_at = IssueState.SENT, weeks.now
        store.newsletter(session, "weekly").language = language

    assert [change.why for change in weeks.changes()] == whys


def test_an_issue_with_changes_made_again_is_the_same_bytes(
    installation: App, weeks: Weeks
) -> None:
    weeks.revise(weeks.slugs[0], share(75.0))
    weeks.send(NEXT)
    weeks.revise(weeks.slugs[0], share(25.0))

    with weeks.database.read() as session:
        issue = store.by_number(session, 1, 2)
        edition = store.edition_of(session, issue)
        made = provenance.rebuild(session, issue, edition, installation.issues.rerender)
    assert made.differs == ()
    assert [each.title for each in made.view.changed] == ["Tidepool Notes vs Marginalia Loop"]


def test_a_mail_tells_of_three_and_names_the_others(weeks: Weeks) -> None:
    with weeks.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        newsletter.max_per_issue, newsletter.no_repeat = 5, 0
    slugs = [revision.comparison.slug for revision in weeks.send(NEXT).revisions]
    with weeks.database.write() as session:
        store.newsletter(session, "weekly").max_per_issue = 1
    for slug in slugs:
        weeks.revise(slug, share(12.5))
    view = weeks.send("2026-W50").view

    told = [each.url.rpartition("/")[2] for each in (*view.changed, *view.changed_too)]
    assert told == slugs[::-1]  # the latest first
    assert len(view.changed) == MOST_TOLD < len(told)


def findings(weeks: Weeks) -> list[str]:
    """Return the rules by which the second issue, still a draft, is stopped."""
    with weeks.database.read() as session:
        issue = store.by_number(session, 1, 2)
        edition = store.edition_of(session, issue)
        found = [*withdrawn_since(edition, issue), *changed_since(edition, issue)]
        return [finding.rule for finding in found]


def test_a_draft_is_held_up_by_what_happens_to_a_change_it_tells_of(weeks: Weeks) -> None:
    weeks.revise(weeks.slugs[0], share(75.0))
    slug = weeks.slugs[0]
    weeks.send(NEXT)
    with weeks.database.write() as session:
        store.by_number(session, 1, 2).state = IssueState.BUILT
    assert findings(weeks) == []
    weeks.revise(slug)
    assert findings(weeks) == ["changed-again"]
    with weeks.database.write() as session:
        comparisons.by_slug(session, slug).withdrawn_at = weeks.now
    assert findings(weeks) == ["withdrawn", "changed-again"]


def test_a_check_says_what_changed_after_a_draft_was_built_without_it(weeks: Weeks) -> None:
    def untold() -> list[str]:
        command = ["--database", str(weeks.database.url), "check", "2", "--json"]
        found = orjson.loads(CliRunner().invoke(digest_app, command).stdout)["findings"]
        return [each["message"] for each in found if each["rule"] == "changed-since"]

    slug = weeks.slugs[0]
    weeks.send(NEXT)
    with weeks.database.write() as session:
        store.by_number(session, 1, 2).state = IssueState.BUILT
    weeks.revise(slug, lambda draft: _left(draft, tagline="Other words"))
    assert untold() == []
    weeks.revise(slug, share(75.0))
    assert untold() == [f"it doesn't tell of {slug}, whose verdict has changed since"]
    assert findings(weeks) == []  # nothing that approving or sending waits for
    weeks.revise(slug)
    assert untold() == []
