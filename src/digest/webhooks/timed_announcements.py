"""Announce what comes about with time: a comparison that is public now, a report that is ready.

Nothing is written at that moment, so a job looks for what wasn't announced yet; what it finds is
announced once. Where no endpoint asked, it's only noted, so that an endpoint that is added later
isn't told of the past.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, literal, select
from sqlmodel import Session, col

from digest.comparisons import store as comparisons
from digest.comparisons.comparison_announcements import SUBJECT, comparison_announcement
from digest.comparisons.models import Comparison
from digest.directory import PublicTerms, public_comparisons
from digest.issues.models import Issue, IssueState, Newsletter
from subscribers import sql
from subscribers.announcements import Announcement, announce_once
from subscribers.announcements.models import AnnouncementKind, MadeAnnouncement, WebhookKind

#: How long after an issue was sent its report is ready: the provider tries for up to three days.
REPORT_AFTER = timedelta(days=3)
_AT_ONCE = 200  #: announced in one transaction
_PUBLISHED = AnnouncementKind.COMPARISON_PUBLISHED
_READY = AnnouncementKind.REPORT_READY


def announce_due(session: Session, terms: PublicTerms, now: datetime) -> int:
    """Announce the public comparisons and the ready reports that weren't; return how many.

    It's `_AT_ONCE` of each kind at most. The caller commits.
    """
    return _announce_published(session, terms, now) + _announce_ready(session, now)


def _announce_published(session: Session, terms: PublicTerms, now: datetime) -> int:
    subject = literal(SUBJECT).concat(col(Comparison.slug))
    new = public_comparisons(terms).where(~_is_announced(_PUBLISHED, subject))
    if not _is_asked_for(session, _PUBLISHED):
        return _note(session, _PUBLISHED, new.with_only_columns(subject), now)
    ids = session.connection().execute(new.limit(_AT_ONCE)).scalars().all()
    told = [comparison_announcement(row) for row in comparisons.newest(session, ids)]
    return announce_once(session, _PUBLISHED, told, now)


def _announce_ready(session: Session, now: datetime) -> int:
    subject = literal("report/").concat(col(Newsletter.slug)).concat("/").concat(col(Issue.period))
    ready = (
        select(col(Newsletter.slug), col(Issue.number), col(Issue.period), col(Issue.sent_at))
        .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
        .where(
            col(Issue.state) == IssueState.SENT,
            col(Issue.sent_at) <= now - REPORT_AFTER,
            ~_is_announced(_READY, subject),
        )
    )
    if not _is_asked_for(session, _READY):
        return _note(session, _READY, ready.with_only_columns(subject), now)
    rows = session.connection().execute(ready.order_by(col(Issue.sent_at)).limit(_AT_ONCE)).all()
    told = [_report_announcement(row) for row in rows]
    return announce_once(session, _READY, told, now)


def _report_announcement(row: Any) -> Announcement:
    facts = {"newsletter": row.slug, "number": row.number, "period": row.period}
    sent = {"sent_at": row.sent_at.isoformat()}
    return Announcement(f"report/{row.slug}/{row.period}", {**facts, **sent}, row.slug)


def _is_announced(kind: AnnouncementKind, subject: Any) -> ColumnElement[bool]:
    return exists().where(
        col(MadeAnnouncement.kind) == kind, col(MadeAnnouncement.subject) == subject
    )


def _is_asked_for(session: Session, kind: AnnouncementKind) -> bool:
    asked = select(col(WebhookKind.webhook_id)).where(col(WebhookKind.kind) == kind)
    return session.connection().execute(asked.limit(1)).first() is not None


def _note(session: Session, kind: AnnouncementKind, subjects: Select[Any], now: datetime) -> int:
    """Note what *subjects* selects as announced; return 0, since nobody is told."""
    made = sql.table(MadeAnnouncement)
    rows = subjects.add_columns(literal(kind, made.c.kind.type), literal(now, made.c.at.type))
    noted = sql.upsert(session, MadeAnnouncement).from_select(["subject", "kind", "at"], rows)
    session.connection().execute(noted.on_conflict_do_nothing())  # another process notes it, too
    return 0
