"""Golden files: rendered mails as they were last reviewed.

After an intended change, review the new mails, then write them:
``DIGEST_UPDATE_GOLDEN=1 pytest tests/render/test_golden.py``
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from digest.issues.identity import MailIdentity
from digest.letters.sender import LetterContext, write_letter
from digest.render.engine import render
from digest.render.rendered import Rendered
from subscribers.models import LetterKind
from subscribers.reader_letter import Letter
from tests.render.samples import full_week, make_correction, make_issue

GOLDEN = Path(__file__).parents[1] / "golden"
LETTER = write_letter(
    Letter(
        kind=LetterKind.CONFIRM,
        address="ada@example.org",
        newsletter="weekly",
        language="en",
        action_url="https://news.example.com/c/c2lnbmVk",
        decline_url="https://news.example.com/n/ZGVjbGluZQ",
    ),
    LetterContext(
        name="Weekly AI Tool Verdicts",
        identity=MailIdentity(postal_address="Weekly AI Tool Verdicts\n12 Example Street"),
        comes="every Tuesday",
    ),
    hours=72,
)


def mails() -> dict[str, Rendered]:
    return {
        "full-week": render("issue", {"issue": make_issue(*full_week())}),
        "one-comparison": render("issue", {"issue": make_issue()}),
        "correction": render("issue", {"issue": make_correction()}),
        "confirm": render("letter", {"letter": LETTER}),
    }


@pytest.mark.parametrize("name", ["full-week", "one-comparison", "correction", "confirm"])
def test_a_mail_equals_its_golden_files(name: str) -> None:
    mail = mails()[name]
    made = {"html": mail.html, "txt": f"Subject: {mail.subject}\n\n{mail.text}"}
    if os.environ.get("DIGEST_UPDATE_GOLDEN"):
        for suffix, text in made.items():
            (GOLDEN / f"{name}.{suffix}").write_text(text, encoding="utf-8")

    for suffix, text in made.items():
        assert text == (GOLDEN / f"{name}.{suffix}").read_text(encoding="utf-8")
