"""A German newsletter's mail: every word that isn't the panel's own is German."""

from __future__ import annotations

import re
from datetime import date

import pytest

from digest.issues.content import german_copywriting
from digest.issues.content.compose import compose
from digest.issues.content.mail_texts import DE, EN, mail_texts
from digest.issues.content.view import IssueView
from digest.issues.models import Tracking
from digest.render.engine import render
from digest.render.lint.runner import lint_mail
from tests.render.samples import (
    full_week,
    make_contender,
    make_copy,
    make_newsletter,
    make_revision,
)

#: Words of the English mail that no comparison of the samples has.
ENGLISH = re.compile(
    r"\b(You get this|Preferences|Unsubscribe|View in browser|Read all|verdicts|would|Panel"
    r"|Entry|Community|reviewers?|this week|November \d|No\.|of one mind|splits on|Also:"
    r"|Free|Paid)\b"
)


def german(*panels: tuple[float | None, float | None]) -> IssueView:
    newsletter = make_newsletter()
    newsletter.language, newsletter.name = "de", "Werkzeug am Donnerstag"
    revisions = [
        make_revision(
            make_contender(0, "Lathe", panel=left), make_contender(1, "Brook", panel=right)
        )
        for left, right in panels
    ] or full_week()
    return compose(
        revisions,
        newsletter,
        number=3,
        period="2026-W48",
        on=date(2026, 11, 26),
        base_url="https://news.example.com",
        postal_address="Musterverlag\n2 Musterweg",
    )


def test_16_a_german_newsletters_mail_is_german() -> None:
    view = german()
    mail = render("issue", {"issue": view})
    quotes = [quote.text for each in view.comparisons for quote in each.quotes]
    text = " ".join(mail.text.split())
    for quote in quotes:
        text = text.replace(" ".join(quote.split()), "")
    assert ENGLISH.findall(text) == []
    assert '<html lang="de"' in mail.html
    assert "Nr. 3, 26. November 2026" in mail.text
    assert "Jurymitglied 4 würde als Einziges Oriel LASSEN" in text
    assert "Alle 8 Urteile lesen" in mail.html
    assert lint_mail(make_copy(view, mail)) == []


@pytest.mark.parametrize(
    ("panel", "headline", "subject"),
    [
        (
            (75.0, 100.0),
            "Alle vier Jurymitglieder würden Brook nehmen, drei Lathe.",
            "Brook vor Lathe, 100 % zu 75 %",
        ),
        (
            (75.0, 25.0),
            "Drei von vier Jurymitgliedern würden Lathe nehmen, nur eines Brook.",
            "Lathe vor Brook, 75 % zu 25 %",
        ),
        (
            (25.0, 0.0),
            "Eines von vier Jurymitgliedern würde Lathe nehmen, keines Brook.",
            "Lathe vor Brook, 25 % zu 0 %",
        ),
        (
            (60.0, 30.0),
            "60 % der Jury würden Lathe nehmen, 30 % Brook.",
            "Lathe vor Brook, 60 % zu 30 %",
        ),
        (
            (100.0, 100.0),
            "Die ganze Jury würde beide nehmen.",
            "Lathe oder Brook? Die Jury nähme beide",
        ),
        (
            (0.0, 0.0),
            "Niemand in der Jury würde eines der beiden nehmen.",
            "Lathe oder Brook? Die Jury nähme keines",
        ),
        (
            (50.0, 50.0),
            "Gleichstand: Zwei von vier Jurymitgliedern würden jeweils das eine wie das andere"
            " nehmen.",
            "Lathe oder Brook? Gleichstand bei 50 %",
        ),
        (
            (None, 50.0),
            "Zwei von vier Jurymitgliedern würden Brook nehmen.",
            "Brook: 50 % der Jury würden es nehmen",
        ),
        ((None, None), "Die Jury hat noch keinen Anteil veröffentlicht.", "Lathe vs Brook"),
    ],
)
def test_how_the_panel_leans(
    panel: tuple[float | None, float | None], headline: str, subject: str
) -> None:
    view = german(panel)
    assert view.comparisons[0].headline.replace("\u00a0", " ") == headline
    assert view.subject == subject


@pytest.mark.parametrize(
    ("panels", "opening"),
    [
        (
            [(75.0, 100.0)],
            "Ein Vergleich in dieser Woche. Bei Brook ist sich die Jury einig, bei Lathe ist sie"
            " geteilt.",
        ),
        (
            [(100.0, 0.0)],
            "Ein Vergleich in dieser Woche. Bei beiden Werkzeugen ist sich die Jury einig.",
        ),
        (
            [(75.0, 25.0)] * 2,
            "Zwei Vergleiche in dieser Woche. Bei vier Werkzeugen ist die Jury geteilt.",
        ),
        ([(None, None)], "Ein Vergleich in dieser Woche."),
    ],
)
def test_the_opening_counts_what_the_panel_agrees_on(
    panels: list[tuple[float | None, float | None]], opening: str
) -> None:
    assert german(*panels).opening == opening


def test_what_is_recorded_is_said_in_german() -> None:
    assert german_copywriting.TRACKING.keys() == set(Tracking)


def test_a_language_is_found_by_its_first_part() -> None:
    assert (mail_texts("de-AT"), mail_texts("en"), mail_texts("fr")) == (DE, EN, EN)
