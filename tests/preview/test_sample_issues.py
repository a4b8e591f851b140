"""Sample issues: extreme content that a mail has to survive."""

from __future__ import annotations

import re

import pytest

from digest.issues.content.view import IssueView
from digest.mail.mailing import UNSUBSCRIBE_TAG
from digest.preview.sample_issues import SAMPLE_ISSUES, case_view, contender, pair
from digest.render.lint.finding import Severity
from digest.render.lint.rules.size import CLIP_BYTES
from digest.render.lint.runner import lint_mail
from digest.render.rendered import Rendered
from digest.render.sandbox import RenderProcess
from tests.render.samples import make_copy, make_newsletter
from tests.render.samples import make_issue as compose

KEYS = [each.key for each in SAMPLE_ISSUES]
#: Told by the checks, and rightly: too much for one mail, or a word too many.
KNOWN = {
    "many": {"html-size", "repeated-link"},
    "subject": {"subject-length"},
    "unknown": {"preheader-length"},
}


def view(key: str) -> IssueView:
    found = case_view(
        key,
        make_newsletter(),
        base_url="https://news.example.com",
        postal_address="12 Example Street\n10115 Berlin",
    )
    assert found is not None
    return found


def rendered(key: str, confined: RenderProcess) -> Rendered:
    return confined.render("issue", {"issue": view(key)})


@pytest.mark.parametrize("key", KEYS)
def test_F05_F06_F07_a_hard_case_makes_a_mail_that_may_go(
    key: str, confined: RenderProcess
) -> None:
    mail = rendered(key, confined)
    found = [*mail.findings, *lint_mail(make_copy(view(key), mail))]

    assert {each.rule for each in found} - KNOWN.get(key, set()) == set()


@pytest.mark.parametrize("key", ["no-votes", "zero", "tie", "one-sided", "unknown", "gone"])
def test_F05_no_vote_and_no_share_are_said_and_never_none(
    key: str, confined: RenderProcess
) -> None:
    mail = rendered(key, confined)

    assert not re.search(r"\b(?:None|nan|NaN|null)\b", mail.text)
    assert "No votes yet" in mail.html
    assert ("Community" in mail.html) == (key not in {"no-votes", "unknown"})


def test_F05_no_votes_is_not_zero_votes(confined: RenderProcess) -> None:
    votes = re.compile(r"(Readers|Community) +(\S+)")

    assert votes.findall(rendered("no-votes", confined).text) == [("Readers", "No")]
    assert votes.findall(rendered("zero", confined).text) == [
        ("Community", "0%"),
        ("Readers", "No"),
    ]


def test_our_readers_and_the_community_share_have_a_row_each(confined: RenderProcess) -> None:
    many, few = rendered("votes", confined).text, rendered("few-votes", confined).text

    assert re.search(r"\nCommunity +62% would ship +62% would ship\n", many)
    assert re.search(r"\nReaders +71% would ship · 612 votes +99% would ship · 10,000\n", many)
    assert re.search(r"\nReaders +3 votes so far +1 vote so far\n", few)
    assert "Community" not in few


@pytest.mark.parametrize("key", ["long-quote", "emoji", "stacked", "rtl"])
def test_F06_a_text_that_never_ends_is_cut_and_leads_on(key: str, confined: RenderProcess) -> None:
    mail = rendered(key, confined)

    assert len(mail.html.encode()) < CLIP_BYTES / 2
    assert re.search(r"Read all \d+ verdicts|verdict", mail.text)


@pytest.mark.parametrize("key", ["emoji", "stacked"])
def test_F06_nothing_is_cut_inside_a_character(key: str, confined: RenderProcess) -> None:
    html = rendered(key, confined).html

    assert "\u200d…" not in html
    assert "\ud83d" not in html.encode("utf-16", "surrogatepass").decode("utf-16")


def test_F07_what_was_stored_is_shown_and_never_obeyed(confined: RenderProcess) -> None:
    mail = rendered("hostile", confined)
    plain = rendered("tie", confined)

    for sign in ("<script", "<mj-raw", "{{", "<%"):
        assert sign not in mail.html
    assert "{{" not in mail.text + mail.subject
    assert mail.html.count(UNSUBSCRIBE_TAG) == plain.html.count(UNSUBSCRIBE_TAG)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example/",
        "https://me:secret@a.example/",
        "https://?nobody",
    ],
)
def test_F09_a_link_that_is_none_is_left_out(url: str, confined: RenderProcess) -> None:
    issue = compose(pair(contender(0, "Lathe", url=url), contender(1, "Mortar"), url=url))
    mail = confined.render("issue", {"issue": issue})

    assert url not in mail.html
    assert url not in mail.text
    assert not [e for e in lint_mail(make_copy(issue, mail)) if e.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("url", "rule"),
    # The lookalike letter is the point.
    [("https://localhost/x", "local-host"), ("https://аpple.example/", "lookalike-host")],  # noqa: RUF001
)
def test_F09_a_link_that_may_deceive_is_reported(
    url: str, rule: str, confined: RenderProcess
) -> None:
    issue = compose(pair(contender(0, "Lathe"), contender(1, "Mortar"), url=url))
    mail = confined.render("issue", {"issue": issue})

    assert rule in {each.rule for each in lint_mail(make_copy(issue, mail))}


def test_there_is_no_case_of_an_unknown_name() -> None:
    assert (
        case_view("x", make_newsletter(), base_url="https://a.example", postal_address="") is None
    )
