"""Decides in which order a batch of events is processed, in one transaction.

Events of deliveries come first, then events matched by address, then suppressions and
unsubscriptions; what is left over is stored as dead letters.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlmodel import Session

from digest.delivery.events.bounce_processing import apply_consequences
from digest.delivery.events.dead_letters import ACCOUNT, UNKNOWN, add_dead_letters
from digest.delivery.events.event_counts import count_events
from digest.delivery.events.status_updates import apply_events
from digest.delivery.events.unmatched_events import match_by_address
from digest.delivery.sending import ATTEMPT_LENGTH, mark_sent_if_done
from digest.mail.provider_events import EventKind, ProviderEvent
from subscribers import letter_queue
from subscribers.tokens import Hashes

TEST_COPY = "test"  #: the delivery id in the events of a test copy
TO_EDITOR = "editor-"  #: prefix of the delivery id in the events of a letter to an editor
#: Names that commands print, of numbers that bear another one here.
_PRINTED = {"by_address": "stray", "internal": "trial"}
_UNREACHED = {EventKind.BOUNCED, EventKind.BLOCKED, EventKind.DROPPED, EventKind.COMPLAINED}
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HandledEvents:
    """What a batch of events changed."""

    new: int = 0  #: events that weren't recorded yet
    unknown: int = 0  #: events that match no mail of this installation
    by_address: int = 0  #: events matched by address, since they carry no ids of ours
    internal: int = 0  #: events of test copies and letters to editors, which change nothing
    suppressed: int = 0  #: addresses
    left: int = 0  #: subscriptions ended

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by the names that commands print."""
        numbers = asdict(self)
        return {_PRINTED.get(name, name): number for name, number in numbers.items()}


def handle_events(
    session: Session, events: Sequence[ProviderEvent], *, hashes: Hashes, now: datetime
) -> HandledEvents:
    """Record events, and settle, suppress and unsubscribe as they require; the caller commits.

    Events that match no mail of this installation, and events about the provider account as a
    whole, are stored as dead letters.
    """
    changes = apply_events(session, events)
    own_events = _without_seed_copies(session, changes.unknown, now)
    reader_events = [event for event in own_events if not _is_internal_mail(event)]
    matched = match_by_address(session, reader_events)
    actionable = [*changes.actionable, *matched.actionable]
    consequences = apply_consequences(session, actionable, hashes, now)
    for edition in changes.settled:
        mark_sent_if_done(session, edition, now)
    add_dead_letters(
        session, [(_dead_letter_reason(event), _describe(event)) for event in matched.unknown], now
    )
    count_events(session, [changes.new, matched.new])  # last: others wait for these rows
    return HandledEvents(
        new=sum(changes.new.values()),
        unknown=len(matched.unknown),
        internal=len(own_events) - len(reader_events),
        by_address=len(reader_events) - len(matched.unknown),
        suppressed=consequences.suppressed,
        left=consequences.left,
    )


def _without_seed_copies(
    session: Session, unknown: Sequence[ProviderEvent], now: datetime
) -> list[ProviderEvent]:
    """Record events of seed copies, and return the other events."""
    attempts = {e.attempt for e in unknown if e.attempt and _may_be_attempt(e.attempt)}
    seed_copies = letter_queue.note_events(session, attempts, now)
    return [event for event in unknown if event.attempt not in seed_copies]


def _is_internal_mail(event: ProviderEvent) -> bool:
    """Return whether an event is about a test copy or an editor's letter; log if that failed."""
    to_editor = (event.delivery or "").startswith(TO_EDITOR)
    if to_editor and event.kind in _UNREACHED:
        log.warning("a letter to an editor (%s) was %s", event.delivery, event.kind)
    return to_editor or event.delivery == TEST_COPY


def _may_be_attempt(attempt: str) -> bool:
    return len(attempt) == ATTEMPT_LENGTH and attempt.isalnum()


def _dead_letter_reason(event: ProviderEvent) -> str:
    if event.kind is EventKind.ACCOUNT:
        log.error("the provider reports on the account: %s", event.cause or "nothing more")
        return ACCOUNT
    return UNKNOWN


def _describe(event: ProviderEvent) -> str:
    """Describe an unknown event, without its address and without the mailbox's response."""
    if event.kind is EventKind.ACCOUNT:
        return event.cause
    facts: Iterable[str] = (
        f"kind {event.kind}",
        f"at {event.at}",
        f"attempt {event.attempt or 'none'}",
        f"delivery {event.delivery or 'none'}",
        event.cause,
    )
    return ", ".join(fact for fact in facts if fact)
