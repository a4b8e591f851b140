"""What a webhook message says of a comparison, and when a change to one is told.

A comparison that wasn't announced as published isn't public yet, so nothing is told of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from digest.comparisons.models import Comparison, Revision
from subscribers.announcements import Announcement, announce_all, has_announced
from subscribers.announcements.models import AnnouncementKind

SUBJECT = "comparison/"  #: and its slug


def comparison_announcement(revision: Revision, **more: Any) -> Announcement:
    """Return the announcement of a comparison as it is in *revision*."""
    slug = revision.comparison.slug
    facts = {
        "slug": slug,
        "title": revision.title,
        "revision": revision.number,
        "tools": [contender.tool.slug for contender in revision.contenders],
    }
    return Announcement(f"{SUBJECT}{slug}", {**facts, **more})


def announce_change(
    session: Session, comparison: Comparison, revision: Revision, now: datetime
) -> None:
    """Announce a comparison's new revision, or that it was withdrawn or restored.

    The caller commits. One that was withdrawn has its last revision.
    """
    if has_announced(session, AnnouncementKind.COMPARISON_PUBLISHED, f"{SUBJECT}{comparison.slug}"):
        told = comparison_announcement(revision, withdrawn=comparison.withdrawn_at is not None)
        announce_all(session, AnnouncementKind.COMPARISON_CHANGED, [told], now)
