"""Takes the provider's events in: one transaction for all that they change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from digest.delivery.canary import CANARY_BATCH, hear
from digest.delivery.dispatch import finish
from digest.delivery.track import Tracked, track
from digest.issues.models import Edition, Issue, Newsletter
from digest.mail.events import MailEvent
from subscribers.lifecycle import leave
from subscribers.store import Evidence
from subscribers.suppression import suppress_readers
from subscribers.tokens import Hashes


def receive(
    session: Session, events: Sequence[MailEvent], *, hashes: Hashes, now: datetime
) -> Tracked:
    """Record events and do what they ask for: settle, suppress, unsubscribe. Caller commits."""
    tracked = track(session, events, now)
    hear(session, {event.attempt for event in events if event.batch == CANARY_BATCH}, now)
    suppress_readers(session, tracked.suppress, hashes, now)
    for edition, subscriber in tracked.unsubscribe:
        leave(session, subscriber, _newsletter(session, edition), Evidence(channel="provider"), now)
    for edition in tracked.settled:
        finish(session, edition, now)
    return tracked


def _newsletter(session: Session, edition_id: int) -> str:
    issue = session.get_one(Issue, session.get_one(Edition, edition_id).issue_id)
    return session.get_one(Newsletter, issue.newsletter_id).slug
