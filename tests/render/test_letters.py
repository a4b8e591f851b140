"""Rendered letters: both parts, links without tracking, and buttons."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from digest.letters.letter_view import LetterView
from digest.render.engine import render
from digest.render.lint.finding import LintedMail
from digest.render.lint.rules import accessibility, links, size, subject_line, unrendered
from digest.render.lint.runner import lint_mail
from subscribers.reader_letter import LetterItem

ACTION = "https://news.example.com/c/c2lnbmVk"
LETTER = LetterView(
    newsletter="Weekly AI Tool Verdicts",
    subject="Confirm your subscription to Weekly AI Tool Verdicts",
    preview="One click, and it comes.",
    title="Please confirm your subscription",
    paragraphs=["Somebody gave this address to get it every Tuesday.", "Say so here."],
    button="Confirm subscription",
    action_url=ACTION,
    spelled="The button’s address:",
    after=["If it wasn’t you, do nothing."],
    why="Someone entered this address in our form.",
    links=[
        ("Preferences", "https://news.example.com/p/cHJlZmVy"),
        ("Unsubscribe", "https://news.example.com/u/bGVhdmU"),
    ],
    postal_address="Weekly AI Tool Verdicts\n12 Example Street",
)
RULES = (
    size.long_lines,
    unrendered.mjml_left,
    unrendered.template_left,
    unrendered.active_content,
    links.link_targets,
    accessibility.language,
    accessibility.title,
    accessibility.heading_order,
    subject_line.subject_length,
)


ITEM = LetterItem("A vs B", "https://news.example.com/comparisons/a-vs-b", "A costs more now.")


@pytest.mark.parametrize("items", [(), (ITEM, ITEM)])
def test_a_letter_passes_the_rules(items: tuple[LetterItem, ...]) -> None:
    letter = replace(LETTER, items=items, items_too=[item._replace(said="") for item in items])
    mail = render("letter", {"letter": letter})
    copy = LintedMail(
        subject=mail.subject,
        preheader=LETTER.preview,
        html=mail.html,
        text=mail.text,
        unsubscribe_url="https://news.example.com/u/bGVhdmU",
        tags=(),
        postal_address=LETTER.postal_address,
    )

    assert lint_mail(copy, RULES) == []
    assert len(mail.html) < 12_000


def test_a_letter_says_in_both_parts_what_to_do_and_who_sent_it() -> None:
    mail = render("letter", {"letter": LETTER})

    for part in (mail.html, mail.text):
        assert ACTION in part
        assert "12 Example Street" in part
        assert "every Tuesday" in part


def test_no_link_of_a_letter_is_tracked() -> None:
    links_in_it = re.findall(r"<a\b[^>]*>", render("letter", {"letter": LETTER}).html)

    assert links_in_it
    assert all(link.startswith("<a clicktracking=off href=") for link in links_in_it)


def test_a_letter_with_nothing_to_do_has_no_button() -> None:
    bare = replace(LETTER, button="", action_url="", spelled="", after=[], links=[])

    mail = render("letter", {"letter": bare})

    assert "<a " not in mail.html
    assert "https://" not in mail.text
