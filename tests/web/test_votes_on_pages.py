"""What the pages of the site say of readers' votes."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, Contender, Tool
from digest.votes.models import DailyCount
from tests.web.conftest import SLUG, MakeSite, Running

LEFT, RIGHT = "lintwick", "ravelin-coder-2"


def count(session: Session, tool: str, *, ships: int, skips: int) -> None:
    """Count votes of one day on a tool of the comparison."""
    comparison = session.exec(select(Comparison).where(col(Comparison.slug) == SLUG)).one()
    row = session.exec(select(Tool).where(col(Tool.slug) == tool)).one()
    session.add(
        DailyCount(
            comparison_id=comparison.id or 0,
            tool_id=row.id or 0,
            day=date(2026, 11, 20),
            ships=ships,
            skips=skips,
        )
    )


def row_of(page: str, name: str) -> list[str]:
    """Return what the rows of that name say, the left tool's first."""
    return [part.partition("</dd>")[0] for part in page.split(f"<dt>{name}</dt><dd>")[1:]]


def test_a_comparison_s_page_shows_the_votes_of_our_readers(site: Running) -> None:
    with site.app.database.write() as session:
        count(session, LEFT, ships=434, skips=178)
        count(session, RIGHT, ships=2, skips=1)

    left, right = row_of(site.get(f"/comparisons/{SLUG}").text, "Readers")
    assert left == '71% would ship · 612 votes <span class="soft">(likely 67–74%)</span>'
    assert right == "3 votes so far"


def test_the_least_number_of_votes_is_a_setting(make_running: MakeSite) -> None:
    site = make_running(votes_shown_from=3)
    with site.app.database.write() as session:
        count(session, LEFT, ships=2, skips=1)

    left, right = row_of(site.get(f"/comparisons/{SLUG}").text, "Readers")
    assert left.startswith("67% would ship · 3 votes ")
    assert right == "No votes yet"


def published(site: Running, **shares: float | None) -> None:
    """Set the numbers that the comparison's page was published with, by the tool's slug."""
    with site.app.database.write() as session:
        for contender in session.exec(select(Contender)).all():
            slug = contender.tool.slug.replace("-", "_")
            contender.community_share = shares.get(slug)
            session.add(contender)


def test_a_published_number_has_a_row_of_its_own(site: Running) -> None:
    published(site, lintwick=88.0)

    page = site.get(f"/comparisons/{SLUG}").text
    assert row_of(page, "Community") == ["88% would ship", "—"]
    assert row_of(page, "Readers") == ["No votes yet", "No votes yet"]


def test_where_no_number_was_published_there_is_no_row_for_it(site: Running) -> None:
    published(site)

    assert row_of(site.get(f"/comparisons/{SLUG}").text, "Community") == []


def test_a_comparison_s_page_has_the_place_where_links_to_vote_lead(site: Running) -> None:
    assert site.get(f"/comparisons/{SLUG}").text.count('id="vote"') == 1
