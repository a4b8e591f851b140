"""Decides what a reader's own data export contains of issues and their events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from digest.delivery.models import Batch, BatchState, Delivery, EventLink, MailEvent
from digest.delivery.sent_copies import of_reader
from digest.issues.models import Edition, Issue, Newsletter


def issues_sent_to(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    """Return one dict for each issue planned for a reader, the oldest first, with its events."""
    rows = session.execute(_ISSUES.where(of_reader(subscriber_id))).all()
    return [
        {
            "newsletter": row.slug,
            "number": row.number,
            "subject": row.subject,
            "standing": str(row.outcome or row.state or "planned"),
            "reason": row.reason or "",
            "news": row.news,
            "events": _events(session, row.id),
        }
        for row in rows
    ]


def _events(session: Session, delivery_id: int) -> list[dict[str, Any]]:
    rows = session.execute(
        select(
            col(MailEvent.kind),
            col(MailEvent.moment),
            col(MailEvent.machine),
            col(EventLink.url),
            col(MailEvent.cause),
            col(MailEvent.detail),
        )
        .outerjoin(EventLink, col(EventLink.id) == col(MailEvent.link))
        .where(col(MailEvent.delivery_id) == delivery_id)
        .order_by(col(MailEvent.moment), col(MailEvent.kind))
    )
    return [
        {
            "kind": kind,
            "at": datetime.fromtimestamp(moment, UTC),
            "by_machine": bool(machine),
            "link": url,
            "cause": cause,
            "detail": detail,
        }
        for kind, moment, machine, url, cause, detail in rows
    ]


_ISSUES = (
    select(
        col(Delivery.id),
        col(Newsletter.slug),
        col(Issue.number),
        col(Edition.subject),
        col(Delivery.outcome),
        col(Delivery.reason),
        col(Delivery.news),
        select(col(Batch.state))
        .where(
            col(Batch.edition_id) == col(Edition.id),
            col(Batch.state) != BatchState.SPLIT,
            col(Batch.first_delivery) <= col(Delivery.id),
            col(Batch.last_delivery) >= col(Delivery.id),
        )
        .order_by(col(Batch.state), col(Batch.number))  # as an index has them
        .limit(1)
        .scalar_subquery()
        .label("state"),
    )
    .select_from(Edition)
    .join(Issue, col(Issue.id) == col(Edition.issue_id))
    .join(Newsletter, col(Newsletter.id) == col(Issue.newsletter_id))
    .join(Delivery, col(Delivery.edition_id) == col(Edition.id))
    .order_by(col(Delivery.id))
)
