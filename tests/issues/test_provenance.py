"""Provenance: an edition rebuilt from its inputs is identical byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version

import pytest
from sqlmodel import Session, select

from digest import images
from digest.app.installation import App
from digest.errors import NotFound, WrongState
from digest.issues import build as publish
from digest.issues import draft_history, newsletters, provenance, store
from digest.issues.build import IssueBuilder
from digest.issues.content import QuoteChoice
from digest.issues.content.view import IssueView
from digest.issues.models import Issue, Recipe, TemplateSet
from digest.issues.picking import Block, blocks, overrides
from digest.render.brand import Font, fonts_of
from digest.render.rendered import Rendered
from digest.votes.models import DailyCount
from tests.images.pictures import drawn


def build(installation: App, issue_builder: IssueBuilder, week: str, now: datetime) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        decisions = overrides.set_text(overrides.Decisions(), "opening", "Words of our own.")
        draft_history.decide(session, newsletter, week, decisions, summary="opening", now=now)
        publish.build(session, newsletter, week, now=now, issue_builder=issue_builder)


def again(
    installation: App, reprint: provenance.Reprint | None = None
) -> provenance.RebuiltEdition:
    with installation.database.read() as session:
        issue = store.by_number(session, 1, 1)
        edition = store.edition_of(session, issue)
        return provenance.rebuild(session, issue, edition, reprint or installation.issues.rerender)


def test_an_issue_made_again_is_the_same_bytes(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)

    made = again(installation)
    assert made.differs == ()
    assert made.view.opening == "Words of our own."


def test_votes_that_came_later_change_nothing(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        issue = store.by_number(session, 1, 1)
        comparison, tool = _first_tool(session, issue)
        before = made_text(session, issue)
        session.add(
            DailyCount(comparison_id=comparison, tool_id=tool, day=now.date(), ships=434, skips=178)
        )

    assert again(installation).differs == ()
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        issue, _ = publish.build(
            session, newsletter, week, now=now, issue_builder=issue_builder, again=True
        )
        assert "612 votes" in made_text(session, issue)
    assert "612 votes" not in before
    assert again(installation).differs == ()


def _first_tool(session: Session, issue: Issue) -> tuple[int, int]:
    revision = store.carried_comparisons(session, issue.id or 0)[0]
    return revision.comparison_id, revision.contenders[0].tool_id


def made_text(session: Session, issue: Issue) -> str:
    return store.edition_of(session, issue).text


def test_an_editors_words_made_again_are_the_same_bytes(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        slug = publish.choose_comparisons(session, newsletter, week).chosen[0].candidate.slug
        decisions = overrides.set_text(overrides.Decisions(), "opening", "**Words**.\n\n- one")
        decisions = overrides.set_note(decisions, slug, "A [note](https://a.example/).")
        decisions = overrides.quote(decisions, slug, QuoteChoice(side=1, seat=3))
        decisions = replace(decisions, blocks=blocks.add((), Block(text="*Block*")))
        draft_history.decide(session, newsletter, week, decisions, summary="all", now=now)
        _, made = publish.build(session, newsletter, week, now=now, issue_builder=issue_builder)

    rebuilt = again(installation)
    assert rebuilt.differs == ()
    assert rebuilt.view == made.view
    assert [block.text.plain for block in rebuilt.view.before if block.text] == ["Block"]


def test_an_opening_built_before_markdown_is_made_again_as_it_was(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        recipe = session.get_one(Recipe, 1)
        recipe.made_from = recipe.made_from | {"decisions": {"opening": "1. *Old* words"}}

    assert again(installation).view.opening == "1. *Old* words"


def test_neither_templates_nor_settings_nor_the_draft_of_today_matter(
    installation: App,
    issue_builder: IssueBuilder,
    week: str,
    now: datetime,
    write_template: Callable[[str, str], None],
) -> None:
    build(installation, issue_builder, week, now)
    write_template("issue.subject.txt", "Something else")
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        newsletter.name = "Renamed"
        draft_history.decide(
            session, newsletter, week, overrides.Decisions(), summary="all", now=now
        )

    moved = replace(
        installation, settings=installation.settings.model_copy(update={"base_url": "https://x.io"})
    )
    assert again(moved).differs == ()


def test_a_rebuilt_mail_has_the_logo_and_the_fonts_it_had(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    brand(installation, logo=drawn("PNG", (300, 88)), font="slab", logo_alt="Hammers")
    build(installation, issue_builder, week, now)
    brand(installation, logo=drawn("PNG", (90, 90)), font="sans", logo_alt="")

    made = again(installation)
    assert made.differs == ()
    assert made.view.logo is not None
    assert (made.view.logo.height, made.view.logo.alt) == (44, "Hammers")
    assert made.view.fonts == fonts_of(Font.SLAB)


def test_a_rebuilt_mail_has_the_tags_it_had_and_the_site_shows_it_without(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    brand(installation, logo=drawn(), utm="on")
    build(installation, issue_builder, week, now)
    brand(installation, logo=drawn(), utm="off")

    made = again(installation)
    assert made.differs == ()
    assert "utm_source=weekly&utm_medium=email&utm_campaign=no-1" in made.view.comparisons[0].url
    with installation.database.read() as session:
        issue = store.by_number(session, 1, 1)
        edition = store.edition_of(session, issue)
        shown = provenance.frozen_view(session, issue, edition, as_mailed=False)
    assert "utm_" not in shown.comparisons[0].url


def brand(installation: App, *, logo: bytes, **given: object) -> None:
    with installation.database.write() as session:
        key = images.add(session, logo, now=installation.clock()).key
        newsletters.change(session, store.newsletter(session, "weekly"), given | {"logo": key})


def test_a_recipe_older_than_logos_and_fonts_gives_the_same_bytes(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        kept = session.exec(select(Recipe)).one()
        newer = {"logo", "logo_alt", "font", "utm"}
        of_then = {n: v for n, v in kept.made_from["newsletter"].items() if n not in newer}
        kept.made_from = {**kept.made_from, "newsletter": of_then}

    assert again(installation).differs == ()


def test_what_comes_out_otherwise_is_named(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)

    def changed(view: IssueView, sources: provenance.Sources) -> Rendered:
        return replace(installation.issues.rerender(view, sources), text="other", subject="other")

    assert again(installation, changed).differs == ("subject", "text")


def test_an_edition_without_a_recipe_says_so(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        session.delete(session.get_one(Recipe, 1))

    with pytest.raises(NotFound, match="wasn't kept"):
        again(installation)


def test_templates_that_did_not_change_are_kept_once(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        publish.build(session, newsletter, week, now=now, issue_builder=issue_builder, again=True)
        kept = {session.get_one(Recipe, number).templates for number in (1, 2)}

    assert len(kept) == 1


def test_a_tool_that_has_another_version_now_is_named(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    assert again(installation).tools == ()
    with installation.database.write() as session:
        kept = session.exec(select(Recipe)).one()
        with_others = kept.made_from["made_with"] | {"mjml-python": "1.0.0"}
        kept.made_from = {**kept.made_from, "made_with": with_others}

    assert again(installation).tools == (f"mjml-python 1.0.0, now {version('mjml-python')}",)


def test_templates_of_an_older_version_end_in_clear_words(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        kept = session.exec(select(TemplateSet)).one()
        kept.files = {**kept.files, "issue.txt": "{{ issue.gone }}"}

    with pytest.raises(WrongState, match=r"older version \(issue\.txt:1: .*gone.*\)") as refused:
        again(installation)
    assert "digest show 1" in (refused.value.next_step or "")


def test_a_recipe_without_the_wording_before_is_still_made_again(
    installation: App, issue_builder: IssueBuilder, week: str, now: datetime
) -> None:
    build(installation, issue_builder, week, now)
    with installation.database.write() as session:
        kept = session.exec(select(Recipe)).one()
        kept.made_from = {
            name: value
            for name, value in kept.made_from.items()
            if name not in {"background", "opening_form"}
        }

    assert again(installation).differs == ()
