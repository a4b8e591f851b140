"""Words of editors that a mail has to show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.issues.content import IssueView, VerdictChangeView, unsaid
from digest.issues.picking import Block, BlockPlace, Decisions, apply_words, blocks, overrides
from digest.render.engine import render
from digest.render.lint.runner import lint_mail
from digest.render.rendered import Rendered
from tests.render.samples import full_week, make_copy, make_issue

WORDS = "*Ours* & [theirs](https://a.example/x?y=%e4%b8%ad) {{ x }} -digest_x-\n\n1. عن\n   - `b`"


def written() -> IssueView:
    """Return an issue with an editor's words in every place for them, and at every depth."""
    issue = make_issue(*full_week())
    decisions = overrides.set_text(Decisions(), "opening", f"The opening. {WORDS}")
    for number, one in enumerate(issue.comparisons):
        decisions = overrides.set_note(decisions, one.slug, f"Note {number}. {WORDS}")
    made = blocks.add((), Block(text=f"Before. {WORDS}"))
    made = blocks.add(made, Block(text=f"After. {WORDS}", place=BlockPlace.AFTER))
    return apply_words(issue, replace(decisions, blocks=made))


@pytest.fixture(scope="module")
def issue() -> IssueView:
    return written()


@pytest.fixture(scope="module")
def mail(issue: IssueView) -> Rendered:
    return render("issue", {"issue": issue})


def test_the_shipped_templates_show_all_words_of_editors(issue: IssueView, mail: Rendered) -> None:
    assert list(unsaid(issue, mail)) == []


def test_a_mail_with_words_everywhere_passes_the_checks(issue: IssueView, mail: Rendered) -> None:
    allowed = {"repeated-link"}  # by the words of this test
    assert {finding.rule for finding in lint_mail(make_copy(issue, mail))} <= allowed


@pytest.mark.parametrize(
    ("gone", "what"),
    [
        ("The opening", "the opening"),
        ("Note 0", "the note on Lantern Code 3 vs Quayside Serverless Inference"),
        ("Note 4", "the note on Switchyard Agents vs Ferrous Guardrails for Teams"),
        ("After", "a block"),
    ],
)
def test_templates_that_leave_words_out_are_warned_of(
    issue: IssueView, mail: Rendered, gone: str, what: str
) -> None:
    less = replace(mail, html=mail.html.replace(gone, ""), text=mail.text.replace(gone, ""))
    found = list(unsaid(issue, less))

    assert [(one.rule, one.place) for one in found] == [
        ("words-unsaid", "html"),
        ("words-unsaid", "text"),
    ]
    assert all(one.message.endswith(what) for one in found)


@pytest.mark.parametrize("gone", ["went from", "75%"])
def test_templates_that_leave_out_what_has_changed_are_warned_of(gone: str) -> None:
    sentence = "The panel’s share of Modal went from 100% to 75%."
    change = VerdictChangeView(
        title="Modal vs Brook", url="https://a.example/", sentences=(sentence,)
    )
    issue = replace(make_issue(), changed=(change,))
    mail = render("issue", {"issue": issue})
    less = replace(mail, html=mail.html.replace(gone, ""))

    assert list(unsaid(issue, mail)) == []
    assert [(one.rule, one.place) for one in unsaid(issue, less)] == [("changes-unsaid", "html")]


def test_without_words_of_editors_nothing_is_looked_for() -> None:
    assert list(unsaid(make_issue(), Rendered(subject="", html="", text=""))) == []
