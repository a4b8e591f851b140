from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.errors import TemplateBroken
from digest.render.pages import (
    Choice,
    Field,
    Form,
    IssueLink,
    Page,
    Site,
    archive_page,
    issue_page,
    message_page,
    stylesheet,
)

SITE = Site(name="Weekly AI Tool Verdicts", postal_address="12 Example Street\n10115 Berlin")
ISSUE = IssueLink(
    number=12,
    date="24 November 2026",
    subject="Marlow & Oriel",
    url="/issues/weekly/12",
    frame_url="/issues/weekly/12/mail",
)
FULL = Page(
    title="What should come to you?",
    paragraphs=("One.", "Two."),
    fault="Choose one.",
    form=Form(
        action="/p/abc",
        button="Save",
        hidden=(("token", "t"),),
        fields=(
            Field(name="email", label="Your address", kind="email", value='"><script>'),
            Field(name="website", label="Leave this empty", kind="trap"),
        ),
        choices=(
            Choice(name="standing", label="Weekly", options=(("on", "All"),), chosen=("on",)),
        ),
    ),
    links=(("Back", "/"),),
    small="Small print.",
)


def every_page() -> list[str]:
    return [
        message_page(SITE, Page(title="Done")),
        message_page(SITE, FULL),
        archive_page(SITE, []),
        archive_page(SITE, [ISSUE] * 20),
        issue_page(SITE, ISSUE, archive_url="/issues"),
    ]


@pytest.mark.parametrize("page", every_page())
def test_a_page_needs_no_script_and_no_style_of_its_own(page: str) -> None:
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
    assert '<html lang="en">' in page
    assert page.count("<h1>") + page.count("<iframe") == 1


@pytest.mark.parametrize("page", every_page())
def test_a_page_with_its_style_stays_light(page: str) -> None:
    assert len(page.encode()) + len(stylesheet().encode()) < 20_000


def test_what_was_typed_comes_back_as_text() -> None:
    page = message_page(SITE, FULL)

    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert 'aria-describedby="fault"' in page


def test_a_form_posts_and_says_what_each_field_is() -> None:
    page = message_page(SITE, FULL)

    assert '<form method="post" action="/p/abc">' in page
    assert '<label for="email">Your address</label>' in page
    assert '<input type="hidden" name="token" value="t">' in page
    assert 'value="on" checked' in page


@pytest.mark.parametrize("path", ["//evil.example/", "javascript:alert(1)", "/\\evil", "p/abc"])
def test_a_page_leads_nowhere_but_this_site_and_the_web(path: str) -> None:
    with pytest.raises(TemplateBroken, match=r"form\.html:2: .* neither a path"):
        message_page(SITE, Page(title="x", form=Form(action=path, button="Go")))


def test_the_archive_lists_issues_as_given() -> None:
    page = archive_page(SITE, [ISSUE])

    assert '<a href="/issues/weekly/12">' in page
    assert "Marlow &amp; Oriel" in page
    assert "still being written" in archive_page(SITE, [])


def test_an_issue_is_shown_in_a_frame_that_may_run_nothing() -> None:
    page = issue_page(SITE, ISSUE, archive_url="/issues")

    assert 'src="/issues/weekly/12/mail"' in page
    assert "allow-scripts" not in page


def test_a_style_sheet_of_ones_own_hides_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text("p { color: red }")

    assert stylesheet(folder=tmp_path) == "p { color: red }"
