from __future__ import annotations

import re

import pytest

from digest.render.checks import leftovers, links, reading, size, wording
from digest.render.checks.finding import Copy
from digest.render.engine import render
from digest.render.letters import LetterView
from digest.render.lint import check

ACTION = "https://news.example.com/confirm/c2lnbmVk"
LETTER = LetterView(
    newsletter="Weekly AI Tool Verdicts",
    postal_address="Weekly AI Tool Verdicts\n12 Example Street",
    action_url=ACTION,
    cadence="every Tuesday",
    hours=72,
    unsubscribe_url="https://news.example.com/u/bGVhdmU",
    preferences_url="https://news.example.com/p/cHJlZmVy",
)
RULES = (
    size.long_lines,
    leftovers.mjml_left,
    leftovers.template_left,
    leftovers.active_content,
    links.link_targets,
    reading.language,
    reading.title,
    reading.heading_order,
    wording.subject_length,
)


@pytest.mark.parametrize("name", ["confirm", "welcome"])
def test_a_letter_keeps_the_rules(name: str) -> None:
    mail = render(name, {"letter": LETTER})
    copy = Copy(
        subject=mail.subject,
        preheader="",
        html=mail.html,
        text=mail.text,
        unsubscribe_url=LETTER.unsubscribe_url,
        tags=(),
        postal_address=LETTER.postal_address,
    )

    assert check(copy, RULES) == []
    assert len(mail.html) < 12_000


@pytest.mark.parametrize("name", ["confirm", "welcome"])
def test_a_letter_says_in_both_parts_what_to_do_and_who_sent_it(name: str) -> None:
    mail = render(name, {"letter": LETTER})

    for part in (mail.html, mail.text):
        assert ACTION in part
        assert "12 Example Street" in part
        assert "every Tuesday" in part


@pytest.mark.parametrize("name", ["confirm", "welcome"])
def test_no_link_of_a_letter_is_tracked(name: str) -> None:
    links_in_it = re.findall(r"<a\b[^>]*>", render(name, {"letter": LETTER}).html)

    assert links_in_it
    assert all(link.startswith("<a clicktracking=off href=") for link in links_in_it)


def test_a_confirmation_leaves_out_what_it_is_not_told() -> None:
    bare = LetterView(newsletter="Weekly", postal_address="Here", action_url=ACTION)

    text = render("confirm", {"letter": bare}).text

    assert "hours" not in text
    assert "to get Weekly. If" in text
