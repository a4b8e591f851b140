"""The page of a comparison tells what has changed in it, and why."""

from __future__ import annotations

import re

from sqlalchemy import update

from digest.issues import store
from digest.issues.models import Newsletter
from tests.web.conftest import SLUG, Running
from tests.web.test_corrections import correct


def corrected(site: Running) -> str:
    """Correct issue 1 a week later, and return the path of what was wrong in it."""
    site.clock.advance(days=8)
    correct(site)
    with site.app.database.read() as session:
        slug = store.by_number(session, 1, 1).pick["chosen"][0]["slug"]
    return f"/comparisons/{slug}"


def changes(page: str) -> list[str]:
    (part,) = re.findall(r'<ul class="changes">(.*?)</ul>', page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", item).split()) for item in part.split("</li>")[:-1]]


def test_a_corrected_share_is_told_with_its_days_and_the_reason(site: Running) -> None:
    path = corrected(site)
    (line,) = changes(site.get(path).text)

    assert re.fullmatch(
        r"Panel share of [\w ]+: \d+% on \d+ \w+ 2026, 60% since 2 December 2026"
        r" We read the columns the wrong way round\.",
        line,
    )


def test_a_german_page_tells_it_in_german(site: Running) -> None:
    path = corrected(site)
    with site.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(language="de"))

    page = site.get(path).text

    assert "Was sich geändert hat" in page
    assert "60\u00a0% seit dem 2. Dezember 2026" in page


def test_what_never_changed_has_no_history(site: Running) -> None:
    assert "What has changed" not in site.get(f"/comparisons/{SLUG}").text
