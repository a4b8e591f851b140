"""How far readers and panel are apart on a comparison, by the votes as they stand."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session, col, select

from digest.app.installation import App
from digest.comparisons.models import Contender, Revision
from digest.comparisons.store import summaries
from digest.issues import build, newsletters, store
from digest.issues.picking import PickPoints, PickRule, candidates
from digest.votes.models import DailyCount


def voted(session: Session, ships: int, skips: int, *, panel: float) -> str:
    """Add votes on the first tool with that panel share; return the comparison's slug."""
    found = session.exec(
        select(Revision, Contender)
        .join(Contender)
        .where(Contender.panel_share == panel)
        .order_by(col(Revision.id))
    ).first()
    assert found is not None
    revision, contender = found
    session.add(
        DailyCount(
            comparison_id=revision.comparison_id,
            tool_id=contender.tool_id,
            day=date(2026, 11, 20),
            ships=ships,
            skips=skips,
        )
    )
    session.flush()
    return revision.comparison.slug


def gaps(session: Session, points: float, *, votes_shown_from: int = 5) -> dict[str, float | None]:
    rule = PickRule(points=PickPoints(gap=points))
    pool = candidates(session, summaries(session), rule, votes_shown_from=votes_shown_from)
    return {one.slug: one.readers_gap for one in pool if one.readers_gap is not None}


def test_votes_make_a_gap_from_the_number_on_at_which_they_are_shown(installation: App) -> None:
    with installation.database.write() as session:
        slug = voted(session, 3, 2, panel=100.0)

        assert gaps(session, 10) == {slug: 40.0}
        assert gaps(session, 10, votes_shown_from=6) == {}


def test_votes_are_not_read_while_the_rule_gives_no_points_for_them(installation: App) -> None:
    with installation.database.write() as session:
        voted(session, 3, 2, panel=100.0)

        assert gaps(session, 0) == {}


def test_an_issue_picks_and_keeps_where_readers_and_panel_are_apart(installation: App) -> None:
    with installation.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        newsletters.change(session, newsletter, {"gap": "50", "most": "1"})
        slug = voted(session, 0, 612, panel=100.0)
        pick = build.choose_comparisons(session, newsletter, "2026-W48")

    kept = pick.to_dict()["chosen"][0]
    assert (kept["slug"], kept["points"]["gap"]) == (slug, 50.0)
    assert kept["reason"].endswith("readers and panel 100% apart (+50)")
