"""What a short issue carries in a period with nothing new: the evergreens unseen the longest."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import Session

from digest.comparisons.store import summaries
from digest.issues import store
from digest.issues.calendar.next_issue import date_of
from digest.issues.models import Newsletter
from digest.issues.picking.pick_result import Pick, PickRule
from digest.issues.picking.rule import candidate, pick

SHORT = 2  #: comparisons in an evergreen issue


def choose_evergreen(session: Session, newsletter: Newsletter, period: str) -> Pick:
    """Return a pick from the evergreen list; it is empty when no slug on the list is stored."""
    seen = {
        slug: past.period
        for past in sorted(store.history(session, newsletter.id), key=lambda issue: issue.period)
        for slug in past.comparisons
        if past.period != period
    }
    stored = {summary.slug: summary for summary in summaries(session) if not summary.withdrawn}
    listed = [slug for slug in newsletter.evergreen if slug in stored]
    rested = sorted(listed, key=lambda slug: (seen.get(slug, ""), listed.index(slug)))
    chosen = pick(
        [candidate(stored[slug]) for slug in rested[:SHORT]],
        [],  # an evergreen may have been carried before
        PickRule(max_per_issue=SHORT, no_repeat=0),
        period=period,
        day=date_of(session, newsletter, period),
    )
    return replace(chosen, note=f"nothing new this week; from the evergreen list: {chosen.note}")
