"""Lint rules: each with one mail that it forbids and one that it permits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.issues.content import IssueView
from digest.render.engine import render
from digest.render.lint.finding import LintedMail, Severity
from digest.render.lint.rules import (
    accessibility,
    compliance,
    links,
    size,
    subject_line,
    unrendered,
)
from digest.render.lint.runner import RULES, MailRule, forbids_sending, lint_mail
from tests.render.samples import full_week, make_copy, make_correction, make_issue

TAG = "-digest_unsubscribe_token-"
LINK = f"https://news.example.com/u/{TAG}"
GOOD_HTML = (
    '<!doctype html>\n<html lang="en"><head><title>Two tools</title></head>\n<body>'
    f"<h1>Two tools</h1>\n<p>{'word ' * 40}</p>"
    f'<p><a clicktracking=off href="{LINK}">Unsubscribe</a></p>\n'
    "<p>Weekly<br>12 Example Street</p></body></html>\n"
)
GOOD = LintedMail(
    subject="Lantern Code 3 leads Marlow",
    preheader="Also: Tidemark SQL vs Brook, Canopy Voice Studio vs Oriel",
    html=GOOD_HTML,
    text=f"{'word ' * 40}\n{LINK}\nWeekly\n12 Example Street\n",
    unsubscribe_url=LINK,
    tags=(TAG, "-digest_preferences_token-"),
    postal_address="Weekly\n12 Example Street",
)


def html(added: str) -> LintedMail:
    return replace(GOOD, html=GOOD_HTML.replace("<p>Weekly", f"{added}<p>Weekly"))


def without(part: str) -> LintedMail:
    return replace(GOOD, html=GOOD_HTML.replace(part, ""))


NIGHT = (
    "<style>.y > .x, p { color: #eeeeee }"
    "@media (prefers-color-scheme: dark) { .x { color: #000000 !important } }</style>"
)
LATE = replace(GOOD, html=GOOD_HTML.replace("<h1>", "<p>" + "word\n" * 2_001 + "</p><h1>"))

BROKEN: list[tuple[MailRule, LintedMail, Severity]] = [
    (size.html_size, html("x" * 102_400), Severity.ERROR),
    (size.html_size, html('<a href="https://a.example/">x</a>' * 180), Severity.ERROR),
    (size.html_size, html("x" * 90_000), Severity.WARNING),
    (size.long_lines, html("x" * 901), Severity.ERROR),
    (size.long_lines, replace(GOOD, text=GOOD.text + "ü" * 451), Severity.ERROR),
    (unrendered.mjml_left, html("<mj-fancy>x</mj-fancy>"), Severity.ERROR),
    (unrendered.mjml_left, html("<MJ-Text>"), Severity.ERROR),
    (unrendered.template_left, html("{{ name }}"), Severity.ERROR),
    (unrendered.template_left, replace(GOOD, subject="{% if %}"), Severity.ERROR),
    (unrendered.template_left, replace(GOOD, text=GOOD.text + "{{x"), Severity.ERROR),
    (unrendered.tags_intact, html(TAG), Severity.ERROR),
    (unrendered.tags_intact, html(f'<a href="{LINK}x">'), Severity.ERROR),
    (
        unrendered.tags_intact,
        html('<a href="https://a.b/-digest_unsubscribe_token">'),
        Severity.ERROR,
    ),
    (
        unrendered.tags_intact,  # of a comparison that isn't in the issue
        html('<a href="https://a.b/v/-digest_vote_9_token-/lathe/ship">'),
        Severity.ERROR,
    ),
    (unrendered.tags_in_links, replace(GOOD, subject=TAG), Severity.ERROR),
    (unrendered.tags_intact, replace(GOOD, text=f"{GOOD.text}{TAG}"), Severity.ERROR),
    (unrendered.active_content, html("<script>1</script>"), Severity.ERROR),
    (unrendered.active_content, html("<form></form>"), Severity.ERROR),
    (links.link_targets, html('<a href="javascript:alert(1)">'), Severity.ERROR),
    (links.link_targets, html('<a href="mailto:nobody">'), Severity.ERROR),
    (links.link_targets, html('<img src="mailto:a@a.example">'), Severity.ERROR),
    (links.link_targets, html('<a href="data:text/html,x">'), Severity.ERROR),
    (links.link_targets, html('<img alt="" src="file:///etc/passwd">'), Severity.ERROR),
    (links.link_targets, html('<a href="//evil.example/">'), Severity.ERROR),
    (links.link_targets, html('<a href="/archive">'), Severity.ERROR),
    (links.link_targets, html('<a href="https://">'), Severity.ERROR),
    (links.link_targets, html('<a href="https://me:secret@a.example/">'), Severity.ERROR),
    (links.link_targets, html('<a href="https://[::1/">'), Severity.ERROR),
    (links.local_hosts, html('<a href="http://localhost:8000/">'), Severity.WARNING),
    (links.local_hosts, html('<a href="https://127.0.0.1/">'), Severity.WARNING),
    (links.local_hosts, html('<a href="https://10.0.0.8/">'), Severity.WARNING),
    (links.plain_http, html('<a href="http://a.example/">'), Severity.WARNING),
    (links.lookalike_hosts, html('<a href="https://xn--pple-43d.com/">'), Severity.WARNING),
    # The lookalike letter is the point.
    (links.lookalike_hosts, html('<a href="https://аpple.com/">'), Severity.WARNING),  # noqa: RUF001
    (links.click_marks, html(f'<a href="{LINK}">'), Severity.ERROR),
    (links.click_marks, html(f'<a href="{LINK}" clicktracking=off>'), Severity.ERROR),
    (compliance.unsubscribe_link, without(LINK), Severity.ERROR),
    (compliance.unsubscribe_link, replace(GOOD, text="no way out"), Severity.ERROR),
    (compliance.unsubscribe_near_top, LATE, Severity.WARNING),
    (compliance.postal_address, without("12 Example Street"), Severity.ERROR),
    (compliance.postal_address, replace(GOOD, text="no address"), Severity.ERROR),
    (compliance.postal_address, replace(GOOD, postal_address=" \n"), Severity.ERROR),
    (compliance.text_part, replace(GOOD, text="  \n"), Severity.ERROR),
    (subject_line.subject_length, replace(GOOD, subject=" "), Severity.ERROR),
    (subject_line.subject_length, replace(GOOD, subject="x" * 2000), Severity.ERROR),
    (subject_line.subject_length, replace(GOOD, subject="x" * 71), Severity.WARNING),
    (subject_line.subject_controls, replace(GOOD, subject="a\r\nBcc: b"), Severity.ERROR),
    (subject_line.subject_controls, replace(GOOD, subject="a\u202eb"), Severity.ERROR),
    (subject_line.subject_controls, replace(GOOD, preheader="a\u2028b"), Severity.ERROR),
    (subject_line.honest_subject, replace(GOOD, subject="Re: your order"), Severity.ERROR),
    (subject_line.honest_subject, replace(GOOD, subject="FWD : news"), Severity.ERROR),
    (subject_line.preheader_length, replace(GOOD, preheader=""), Severity.WARNING),
    (subject_line.preheader_length, replace(GOOD, preheader="x" * 101), Severity.WARNING),
    (accessibility.language, without(' lang="en"'), Severity.ERROR),
    (accessibility.language, replace(GOOD, html='<html lang="und">'), Severity.ERROR),
    (accessibility.title, without("<title>Two tools</title>"), Severity.ERROR),
    (accessibility.image_alts, html('<img src="https://a.example/a.png">'), Severity.ERROR),
    (accessibility.heading_order, html("<h3>Deep</h3>"), Severity.WARNING),
    (accessibility.heading_order, html("<h1>Again</h1>"), Severity.WARNING),
    (
        accessibility.words_without_images,
        html('<img alt="" src="https://a.b/">' * 9),
        Severity.WARNING,
    ),
    (accessibility.text_contrast, html('<p style="color:#aaa">Faint</p>'), Severity.WARNING),
    (accessibility.text_contrast, html('<p style="background:#222">Dark</p>'), Severity.WARNING),
    (accessibility.text_contrast, html('<td bgcolor="#2744c4">Dark</td>'), Severity.WARNING),
    (
        accessibility.text_contrast,
        html(NIGHT + '<p class="x">Black on night</p>'),
        Severity.WARNING,
    ),
    (unrendered.placeholders, html('<a href="https://yourdomain.com/">Us</a>'), Severity.WARNING),
    (unrendered.placeholders, replace(GOOD, text=GOOD.text + "Lorem ipsum"), Severity.WARNING),
    (unrendered.placeholders, replace(GOOD, subject="[Insert subject]"), Severity.WARNING),
    (links.link_words, html('<a href="https://a.b/">here</a>'), Severity.WARNING),
    (
        links.link_words,
        html('<a href="https://a.b/"><img alt="" src="x"></a>'),
        Severity.WARNING,
    ),
    (links.repeated_links, html('<a href="https://a.b/">x</a>' * 4), Severity.WARNING),
]


@pytest.mark.parametrize(("rule", "copy", "severity"), BROKEN)
def test_a_rule_finds_what_it_is_for(rule: MailRule, copy: LintedMail, severity: Severity) -> None:
    assert [finding.severity for finding in rule(copy)][:1] == [severity]


@pytest.mark.parametrize("rule", sorted({case[0] for case in BROKEN}, key=str))
def test_a_rule_lets_a_good_mail_pass(rule: MailRule) -> None:
    assert list(rule(GOOD)) == []


def test_every_rule_has_a_mail_that_it_forbids() -> None:
    assert lint_mail(GOOD) == []
    assert {case[0].name for case in BROKEN} == {rule.name for rule in RULES}


@pytest.mark.parametrize(
    "added",
    ['<img alt="" src="https://a.example/a.png">', "<h2>Next</h2><h3>Deep</h3><h2>Up</h2>"],
)
def test_what_resembles_a_fault_passes(added: str) -> None:
    assert lint_mail(html(added)) == []


def test_click_tracking_that_is_off_adds_nothing_to_the_size() -> None:
    copy = html('<a href="https://a.example/">x</a>\n' * 160)

    assert list(size.html_size(replace(copy, tracked=False))) == []


@pytest.mark.parametrize("issue", [make_issue(*full_week()), make_correction()])
def test_the_shipped_issue_and_its_correction_pass_every_rule(issue: IssueView) -> None:
    assert lint_mail(make_copy(issue, render("issue", {"issue": issue}))) == []


def test_a_link_may_lead_to_a_mailbox() -> None:
    mail = html('<a href="mailto:us@a.example?subject=Tools">Write to us</a>')

    assert list(links.link_targets(mail)) == []


def test_only_errors_forbid_sending() -> None:
    assert forbids_sending(lint_mail(replace(GOOD, subject="")))
    assert not forbids_sending(lint_mail(replace(GOOD, preheader="")))


def test_errors_come_first_and_a_repeated_fault_is_reported_five_times() -> None:
    findings = lint_mail(html('<h4>x</h4><a href="javascript:x">x</a>' * 100))

    assert findings[0].severity is Severity.ERROR
    assert len(findings) <= 10


def test_a_finding_says_where_what_and_how_to_mend_it() -> None:
    finding = next(unrendered.mjml_left(html("<mj-fancy>")))

    assert str(finding).startswith("error: html:5: <mj-fancy> is left over")
    assert finding.mend in str(finding)


def test_a_local_host_is_reported_once_with_the_number_of_its_links() -> None:
    links_there = (
        '<a href="http://localhost:8000/a">A tool</a><a href="http://localhost:8000/b">B</a>'
    )

    assert [finding.message for finding in lint_mail(html(links_there))] == [
        "2 links lead to http://localhost:8000, which readers can't reach"
    ]


def test_links_without_encryption_are_reported_once_for_each_host() -> None:
    mixed = '<a href="http://a.example/1">A</a><img alt="" src="http://b.example/x.png">'

    assert [finding.message for finding in links.plain_http(html(mixed))] == [
        "a link leads to http://a.example without encryption",
        "an image comes from http://b.example without encryption",
    ]


def test_an_invalid_url_is_an_error_and_stops_no_other_rule() -> None:
    findings = [
        finding.rule for finding in lint_mail(html('<a href="http://[::1/">Open the page</a>'))
    ]

    assert findings == ["link-target"]
