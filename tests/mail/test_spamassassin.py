"""SpamAssassin: how its report is read, and the program itself where it is installed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from digest.errors import DigestError
from digest.mail.mailing import Content, Mailbox
from digest.mail.marked_copy import inert_recipient
from digest.mail.outbox import message
from digest.mail.spamassassin import NoSpamAssassin, as_received, parse_report, score_mail
from digest.render.engine import render
from digest.render.lint.finding import Severity
from digest.render.lint.rules.compliance import spam_score
from tests.render.samples import full_week, make_issue
from tests.render.test_letters import LETTER

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
REPORT = b"""\
Content analysis details:   (2.6 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
-0.0 NO_RELAYS              Informational: message was not relayed via SMTP
 2.7 MISSING_DATE           Missing Date: header
"""


def mail(html: str, text: str) -> Content:
    return Content(
        subject="Lantern Code 3 leads",
        html=html,
        text=text,
        sender=Mailbox("verdicts@news.example.com", "Weekly AI Tool Verdicts"),
        headers={"List-Id": "Weekly <weekly.news.example.com>"},
    )


def test_a_report_is_read() -> None:
    score = parse_report(REPORT)

    assert score.score == 2.6
    assert [(rule.name, rule.points) for rule in score.rules] == [
        ("NO_RELAYS", 0.0),
        ("MISSING_DATE", 2.7),
    ]


def test_no_report_is_no_answer() -> None:
    with pytest.raises(DigestError, match="no answer"):
        parse_report(b"Segmentation fault")


def test_without_the_program_it_says_what_to_install() -> None:
    content = mail("x", "x")
    reader = inert_recipient(content, "reader@example.org", base_url="https://news.example.com")
    with pytest.raises(NoSpamAssassin) as caught:
        score_mail(message(content, reader), now=NOW, program="no-such-program")

    assert "install spamassassin" in str(caught.value.next_step)


def test_a_mail_is_judged_with_the_headers_a_provider_adds() -> None:
    content = mail("x", "x")
    reader = inert_recipient(content, "reader@example.org", base_url="https://news.example.com")
    sent = as_received(message(content, reader), NOW)

    assert sent["Date"] == "Tue, 24 Nov 2026 09:00:00 +0000"
    assert str(sent["Message-ID"]).endswith("@news.example.com>")


@pytest.mark.parametrize(
    ("score", "severities"),
    [(-0.1, []), (0.0, []), (0.7, [Severity.WARNING]), (5.0, [Severity.ERROR])],
)
def test_points_mean_a_warning_and_many_an_error(score: float, severities: list[Severity]) -> None:
    assert [finding.severity for finding in spam_score(score, ["MISSING_DATE 2.7"])] == severities


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="SpamAssassin isn't installed")
@pytest.mark.parametrize("name", ["one comparison", "five", "letter"])
def test_a_mail_as_sent_has_no_points(name: str) -> None:
    rendered = (
        render("letter", {"letter": LETTER})
        if name == "letter"
        else render("issue", {"issue": make_issue(*full_week()[: 5 if name == "five" else 1])})
    )
    content = mail(rendered.html, rendered.text)
    reader = inert_recipient(
        content, "reader@example.org", base_url="https://news.example.com", token="x" * 32
    )

    score = score_mail(message(content, reader), now=NOW)
    assert (score.score <= 0, [rule.name for rule in score.rules if rule.points > 0]) == (True, [])
