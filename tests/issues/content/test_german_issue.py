"""A German newsletter's mail: every word that isn't the panel's own is German."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import subscribers.locale
from digest.comparisons.models import Call, Entry, Revision
from digest.issues.content import Correction, IssueView, SponsorView, correct_view, difference
from digest.issues.models import Tracking
from digest.render.engine import render
from digest.render.lint.html_reader import read_html
from digest.render.rendered import Rendered
from tests.render.samples import full_week, make_issue, make_newsletter

_CATALOGUE = Path(subscribers.locale.__file__).parent / "de.po"
_WORD = re.compile(r"[^\W\d_]{2,}")
_PLACEHOLDER = re.compile(r"%\(\w+\)s")


def words_of_catalogue(*, translated: bool) -> set[str]:
    with _CATALOGUE.open("rb") as file:
        messages = [each for each in read_po(file, locale="de") if each.id]
    texts: list[str] = []
    for each in messages:
        text = each.string if translated else each.id
        texts += [text] if isinstance(text, str) else text or ()
    return set(_WORD.findall(_PLACEHOLDER.sub(" ", " ".join(texts)).lower()))


#: Words that only English sentences of the product have.
ENGLISH = words_of_catalogue(translated=False) - words_of_catalogue(translated=True)


def wordless(revisions: list[Revision]) -> list[Revision]:
    """Return comparisons whose names, quotes and published words are no words of any language."""
    for at, revision in enumerate(revisions):
        revision.question, revision.intro, revision.kicker = "Qxz?", "Qxz.", "Qxz"
        revision.labels = ["Qxz"]
        for side in revision.contenders:
            side.name, side.category = f"Qxz{at}{side.side}", "Qxz"
            side.tagline = side.description = "Qxz vrk."
            for verdict in side.verdicts:
                verdict.quote = "Qxz vrk zzt. " * 9
    return revisions


def english_words(text: str) -> set[str]:
    return set(_WORD.findall(re.sub(r"https?://\S+", " ", text.lower()))) & ENGLISH


def all_of(view: IssueView, mail: Rendered) -> str:
    return "\n".join((view.subject, view.preheader, mail.text, read_html(mail.html).text))


def german(view: IssueView) -> Rendered:
    return render("issue", {"issue": view, "language": "de"})


@pytest.mark.parametrize("tracking", Tracking)
def test_16_a_german_issue_has_no_english_word_but_names_and_quotes(tracking: Tracking) -> None:
    newsletter = make_newsletter()
    newsletter.language, newsletter.tracking, newsletter.name = "de", tracking, "Qxz"
    view = make_issue(*wordless(full_week()), newsletter=newsletter)
    view = replace(view, postal_address="Qxz", sponsor=SponsorView(text="Qxz", url="https://a.b/"))
    mail = german(view)

    assert english_words(all_of(view, mail)) == set()
    assert '<html lang="de"' in mail.html
    assert "24. November 2026" in mail.text


def test_a_german_correction_has_no_english_word_but_names_and_quotes() -> None:
    was, now = wordless(full_week()), wordless(full_week())
    was[0].contenders[0].panel_share, was[0].contenders[0].entry = 50.0, Entry.PAID
    was[0].contenders[1].verdicts[0].call = Call.SKIP
    was[1].contenders[0].community_share, was[1].contenders[0].tagline = None, "Zzt."
    now[2].labels = []
    newsletter = make_newsletter()
    newsletter.language, newsletter.name = "de", "Qxz"
    correction = Correction(
        number=12, day=date(2026, 11, 24), again=True, why="Qxz.", changes=difference(was, now)
    )
    view = correct_view(make_issue(*now, newsletter=newsletter), correction)
    view = replace(view, postal_address="Qxz")

    assert len(correction.changes) > 4
    assert english_words(all_of(view, german(view))) == set()


def test_readers_are_counted_in_as_few_words_as_the_panel() -> None:
    newsletter = make_newsletter()
    newsletter.language = "de"
    revision = full_week()[0]
    revision.contenders[0].community_share = 92

    side = make_issue(revision, newsletter=newsletter).comparisons[0].contenders[0]

    assert (side.community, side.split) == ("92\N{NO-BREAK SPACE}% dafür", "3 dafür · 1 dagegen")


def test_english_words_would_be_found() -> None:
    view = make_issue(*wordless(full_week()))
    found = english_words(all_of(view, render("issue", {"issue": view})))

    assert {"reviewers", "would", "readers", "verdicts", "unsubscribe", "votes"} <= found
