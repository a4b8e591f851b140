"""Rendered public pages: no script, escaped input, accessible forms, framed issues."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from digest.errors import TemplateBroken
from digest.issues.content.view import ContenderView
from digest.render.pages import (
    IssueLink,
    SignupBlock,
    Site,
    Teaser,
    archive_page,
    asset,
    comparison_page,
    home_page,
    issue_page,
    message_page,
)
from digest.web.comparison_page import ComparisonPage, SeatView, VerdictView
from subscribers.web.page_model import Choice, Field, Form, Page

SITE = Site(name="Weekly AI Tool Verdicts", postal_address="12 Example Street\n10115 Berlin")
ISSUE = IssueLink(
    number=12,
    label="No. 12",
    date="24 November 2026",
    subject="Marlow & Oriel",
    url="/issues/weekly/12",
    mail_url="/issues/weekly/12/mail",
    frame_url="/issues/weekly/12/mail?framed",
)
FIELDS = (
    Field(name="email", label="Your address", kind="email", value='"><script>'),
    Field(name="website", label="Leave this empty", kind="trap"),
)
FULL = Page(
    language="en",
    title="What should come to you?",
    paragraphs=("One.", "Two."),
    fault="Choose one.",
    form=Form(
        action="/p/abc",
        button="Save",
        hidden=(("token", "t"),),
        fields=FIELDS,
        choices=(
            Choice(name="standing", label="Weekly", options=(("on", "All"),), chosen=("on",)),
        ),
    ),
    links=(("Back", "/"),),
    small="Small print.",
)


SIGN_UP = SignupBlock(
    form=Form(action="/subscribe", button="Subscribe", fields=FIELDS),
    kept=("Privacy", "/privacy"),
    agreed="Send me the weekly.",
)
TEASER = Teaser(left="Marlow", right="Oriel", headline="A tie.", url="/comparisons/marlow-vs-oriel")
LONG = "Being wrong in public is worth more to me than being right in a slide deck. " * 8


def make_side(name: str, *, ships: int | None = 3, share: float | None = 75.0) -> ContenderView:
    return ContenderView(
        name=name,
        short_name=name,
        category="Developer Tools",
        tagline="One tool",
        description=(LONG,),
        panel_share=share,
        ships=ships,
        skips=None if ships is None else 4 - ships,
        seats=4,
        price=None,
        pricing="",
        community_share=None,
        url="https://example.com/marlow",
    )


def make_comparison(left: ContenderView, right: ContenderView) -> ComparisonPage:
    seats = [
        SeatView(
            number=seat,
            reviewer=f"Reviewer {seat}",
            verdicts=[
                VerdictView(about=side.name, quote=LONG, call="ship") for side in (left, right)
            ],
        )
        for seat in (1, 2, 3, 4)
    ]
    return ComparisonPage(
        title="Marlow vs Oriel",
        slug="marlow-vs-oriel",
        url="https://example.com/comparisons/marlow-vs-oriel",
        category="Developer Tools",
        question="Which one?",
        kicker="",
        intro=("Both did the same work.",),
        verdict_lead="A tie.",
        verdict_rest="",
        note="",
        labels=("Editor\u2019s pick",),
        date="20 November 2026",
        original="https://example.com/comparisons/marlow-vs-oriel",
        contenders=(left, right),
        quotes=(),
        quoted=8,
        seats=seats,
        tool_paths=("/tools/marlow", "/tools/oriel"),
        category_links=[("Developer Tools", "/categories/developer-tools")],
    )


COMPARISON = make_comparison(make_side("Marlow"), make_side("Oriel", ships=None, share=60.5))


def every_page() -> list[str]:
    return [
        message_page(SITE, Page(language="en", title="Done")),
        message_page(SITE, FULL),
        home_page(SITE, sign_up=SIGN_UP, issue=None, teasers=[]),
        home_page(SITE, sign_up=SIGN_UP, issue=ISSUE, teasers=[TEASER] * 5),
        archive_page(SITE, [], sign_up=SIGN_UP),
        archive_page(SITE, [ISSUE] * 20, sign_up=SIGN_UP),
        issue_page(SITE, ISSUE, beside=(ISSUE, ISSUE), sign_up=SIGN_UP),
        comparison_page(SITE, COMPARISON, sign_up=SIGN_UP),
    ]


@pytest.mark.parametrize("page", every_page())
def test_a_page_needs_no_script_and_no_style_of_its_own(page: str) -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
    assert '<html lang="en">' in page
    assert len(re.findall(r"<h1[ >]", page)) == 1


@pytest.mark.parametrize("page", every_page())
def test_a_page_with_its_style_sheet_stays_under_20_000_bytes(page: str) -> None:
    assert len(page.encode()) + len(asset("style.css").encode()) < 20_000


def test_form_input_is_shown_again_as_text() -> None:
    page = message_page(SITE, FULL)

    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert 'aria-describedby="fault"' in page


def test_a_form_posts_and_labels_each_field() -> None:
    page = message_page(SITE, FULL)

    assert '<form method="post" action="/p/abc">' in page
    assert '<label for="email">Your address</label>' in page
    assert '<input type="hidden" name="token" value="t">' in page
    assert 'value="on" checked' in page


@pytest.mark.parametrize("path", ["//evil.example/", "javascript:alert(1)", "/\\evil", "p/abc"])
def test_a_page_leads_nowhere_but_this_site_and_the_web(path: str) -> None:
    with pytest.raises(TemplateBroken, match=r"form\.html:1: .* neither a path"):
        message_page(SITE, Page(language="en", title="x", form=Form(action=path, button="Go")))


def test_the_archive_lists_issues_as_given() -> None:
    page = archive_page(SITE, [ISSUE], sign_up=SIGN_UP)

    assert '<a href="/issues/weekly/12">' in page
    assert "Marlow &amp; Oriel" in page
    assert "isn’t out yet" in archive_page(SITE, [], sign_up=SIGN_UP)


def test_an_issue_kept_as_a_mail_only_is_shown_in_a_frame_that_may_run_nothing() -> None:
    page = issue_page(SITE, ISSUE, sign_up=SIGN_UP)

    assert 'src="/issues/weekly/12/mail?framed"' in page
    assert "allow-scripts" not in page


def test_a_bar_has_a_part_for_every_seat_and_an_odd_share_is_drawn_as_it_is() -> None:
    page = comparison_page(SITE, COMPARISON, sign_up=SIGN_UP)

    assert (page.count("<b></b>"), page.count("<s></s>")) == (3, 1)
    assert '<rect width="60.5" height="8"/>' in page


def test_no_votes_is_said_and_never_zero() -> None:
    page = comparison_page(SITE, COMPARISON, sign_up=SIGN_UP)

    assert "<dt>Readers</dt><dd>No votes yet</dd>" in page
    assert ">0 %<" not in page


def test_a_page_is_its_own_canonical_one_also_where_it_was_published_elsewhere_first() -> None:
    url = "https://news.example.com/comparisons/lantern"
    page = comparison_page(replace(SITE, address=url), COMPARISON, sign_up=SIGN_UP)

    assert re.findall(r'<link rel="canonical" href="([^"]*)">', page) == [url]
    assert f'<a href="{COMPARISON.original}">' in page


def test_a_page_that_no_search_engine_may_list_names_no_canonical_one() -> None:
    assert "canonical" not in comparison_page(SITE, COMPARISON, sign_up=SIGN_UP)


def test_a_style_sheet_of_the_installation_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("p { color: red }")

    assert asset("style.css", folder=tmp_path) == "p { color: red }"
