"""Takes the provider's events in: one transaction for all that they change."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from digest.delivery.events.bounce_processing import apply_consequences
from digest.delivery.events.dead_letters import ACCOUNT, UNKNOWN, add_dead_letters
from digest.delivery.events.status_updates import apply_events
from digest.delivery.events.unmatched_events import match_by_address
from digest.delivery.models import SeedCopy
from digest.delivery.sending import ATTEMPT_LENGTH, mark_sent_if_done, note_seed_copy_events
from digest.mail.provider_events import EventKind, ProviderEvent
from subscribers.tokens import Hashes

TRIAL = "test"  #: the delivery that a test copy names
TO_EDITOR = "editor-"  #: what the delivery starts with that a letter to an editor names
_UNREACHED = {EventKind.BOUNCED, EventKind.BLOCKED, EventKind.DROPPED, EventKind.COMPLAINED}
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HandledEvents:
    """What a batch of events changed."""

    new: int = 0  #: events not heard before
    unknown: int = 0  #: events of no mail of ours
    stray: int = 0  #: events without our ids that name a reader's address
    trial: int = 0  #: events of test copies and letters to editors, which change nothing
    suppressed: int = 0
    left: int = 0


def handle_events(
    session: Session, events: Sequence[ProviderEvent], *, hashes: Hashes, now: datetime
) -> HandledEvents:
    """Record events and do what they ask for: settle, suppress, unsubscribe. Caller commits.

    What is of no mail of ours goes into quarantine, and so does what is of the account as a whole.
    """
    tracked = apply_events(session, events)
    ours = _without_canaries(session, tracked.unknown, now)
    rest = [event for event in ours if not _of_the_makers(event)]
    found = match_by_address(session, rest)
    acted = apply_consequences(session, [*tracked.telling, *found.telling], hashes, now)
    for edition in tracked.settled:
        mark_sent_if_done(session, edition, now)
    add_dead_letters(session, [(_why(event), _said(event)) for event in found.unknown], now)
    return HandledEvents(
        new=tracked.new,
        unknown=len(found.unknown),
        trial=len(ours) - len(rest),
        stray=len(rest) - len(found.unknown),
        suppressed=acted.suppressed,
        left=acted.left,
    )


def _without_canaries(
    session: Session, unknown: Sequence[ProviderEvent], now: datetime
) -> list[ProviderEvent]:
    """Note news of our own watched copies, and return the rest."""
    attempts = {e.attempt for e in unknown if e.attempt and _could_be(e.attempt)}
    if not attempts:
        return list(unknown)
    canaries = set(session.connection().execute(_CANARIES, {"keys": list(attempts)}).scalars())
    note_seed_copy_events(session, canaries, now)
    return [event for event in unknown if event.attempt not in canaries]


def _of_the_makers(event: ProviderEvent) -> bool:
    """Tell whether an event is of a mail to whoever makes the newsletter; says if it failed."""
    to_editor = (event.delivery or "").startswith(TO_EDITOR)
    if to_editor and event.kind in _UNREACHED:
        log.warning("a letter to an editor (%s) was %s", event.delivery, event.kind)
    return to_editor or event.delivery == TRIAL


def _could_be(attempt: str) -> bool:
    return len(attempt) == ATTEMPT_LENGTH and attempt.isalnum()


def _why(event: ProviderEvent) -> str:
    if event.kind is EventKind.ACCOUNT:
        log.error("the provider says of the account: %s", event.cause or "nothing more")
        return ACCOUNT
    return UNKNOWN


def _said(event: ProviderEvent) -> str:
    """Describe a stranger: its address is nobody's we know, and no mailbox's words are kept."""
    if event.kind is EventKind.ACCOUNT:
        return event.cause
    said: Iterable[str] = (
        f"kind {event.kind}",
        f"at {event.at}",
        f"attempt {event.attempt or 'none'}",
        f"delivery {event.delivery or 'none'}",
        event.cause,
    )
    return ", ".join(part for part in said if part)


_CANARIES = select(col(SeedCopy.attempt)).where(
    col(SeedCopy.attempt).in_(bindparam("keys", expanding=True))
)
