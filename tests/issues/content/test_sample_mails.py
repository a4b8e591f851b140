"""Every sample, alone and with others, makes a mail without a finding, in each language."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest import samples
from digest.comparisons.loader import read_file
from digest.comparisons.models import Comparison, Revision, Tool
from digest.comparisons.slug import slugify
from digest.comparisons.store import revision_row
from digest.issues.content import IssueView
from digest.issues.content.copywriting import SUBJECT_LIMIT
from digest.render.engine import render
from digest.render.lint.runner import lint_mail
from subscribers.locale import LANGUAGES
from tests.render.samples import make_copy, make_issue, make_newsletter

NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAMES = [path.stem for path in samples.comparisons()]


def sample(name: str) -> Revision:
    path = next(path for path in samples.comparisons() if path.stem == name)
    draft = read_file(path)
    tools = [
        Tool(id=at, slug=slugify(side.name), name=side.name)
        for at, side in enumerate(draft.contenders)
    ]
    comparison = Comparison(slug=path.stem, first_imported_at=NOW)
    return revision_row(draft, comparison, tools, fingerprint="0" * 64, now=NOW)


def issue(language: str, *names: str) -> IssueView:
    newsletter = make_newsletter()
    newsletter.language = language
    return make_issue(*map(sample, names), newsletter=newsletter)


def findings(view: IssueView) -> list[str]:
    mail = render("issue", {"issue": view, "language": view.language})
    return [f"{each.rule}: {each.message}" for each in lint_mail(make_copy(view, mail))]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_sample_alone_makes_a_mail_without_a_finding(name: str, language: str) -> None:
    view = issue(language, name)

    assert findings(view) == []
    assert len(view.subject) <= SUBJECT_LIMIT
    assert view.comparisons[0].title not in (view.subject, view.title)  # it tells a story


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [2, 5, 12])
def test_samples_together_make_a_mail_without_a_finding(count: int, language: str) -> None:
    assert findings(issue(language, *NAMES[:count])) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_3_two_comparisons_with_short_names_have_a_preheader_that_fits(language: str) -> None:
    view = issue(language, "marrow-search-vs-plainsight", "tidepool-notes-vs-marginalia-loop")

    assert findings(view) == []
    assert "Tidepool Notes vs Marginalia Loop" in view.preheader
