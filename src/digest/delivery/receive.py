"""Takes the provider's events in: one transaction for all that they change."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from digest.delivery.canary import hear
from digest.delivery.consequences import act
from digest.delivery.dispatch import finish
from digest.delivery.models import Canary
from digest.delivery.proof import ATTEMPT_LENGTH
from digest.delivery.quarantine import ACCOUNT, UNKNOWN, quarantine
from digest.delivery.stray import by_address
from digest.delivery.track import track
from digest.mail.events import EventKind, MailEvent
from subscribers.tokens import Hashes

TRIAL = "test"  #: the delivery that a test copy names
TO_EDITOR = "editor-"  #: what the delivery starts with that a letter to an editor names
_UNREACHED = {EventKind.BOUNCED, EventKind.BLOCKED, EventKind.DROPPED, EventKind.COMPLAINED}
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Received:
    """What a batch of events changed."""

    new: int = 0  #: events not heard before
    unknown: int = 0  #: events of no mail of ours
    stray: int = 0  #: events without our ids that name a reader's address
    trial: int = 0  #: events of test copies and letters to editors, which change nothing
    suppressed: int = 0
    left: int = 0


def receive(
    session: Session, events: Sequence[MailEvent], *, hashes: Hashes, now: datetime
) -> Received:
    """Record events and do what they ask for: settle, suppress, unsubscribe. Caller commits.

    What is of no mail of ours goes into quarantine, and so does what is of the account as a whole.
    """
    tracked = track(session, events)
    ours = _without_canaries(session, tracked.unknown, now)
    rest = [event for event in ours if not _of_the_makers(event)]
    found = by_address(session, rest)
    acted = act(session, [*tracked.telling, *found.telling], hashes, now)
    for edition in tracked.settled:
        finish(session, edition, now)
    quarantine(session, [(_why(event), _said(event)) for event in found.unknown], now)
    return Received(
        new=tracked.new,
        unknown=len(found.unknown),
        trial=len(ours) - len(rest),
        stray=len(rest) - len(found.unknown),
        suppressed=acted.suppressed,
        left=acted.left,
    )


def _without_canaries(
    session: Session, unknown: Sequence[MailEvent], now: datetime
) -> list[MailEvent]:
    """Note news of our own watched copies, and return the rest."""
    attempts = {e.attempt for e in unknown if e.attempt and _could_be(e.attempt)}
    if not attempts:
        return list(unknown)
    canaries = set(session.connection().execute(_CANARIES, {"keys": list(attempts)}).scalars())
    hear(session, canaries, now)
    return [event for event in unknown if event.attempt not in canaries]


def _of_the_makers(event: MailEvent) -> bool:
    """Tell whether an event is of a mail to whoever makes the newsletter; says if it failed."""
    to_editor = (event.delivery or "").startswith(TO_EDITOR)
    if to_editor and event.kind in _UNREACHED:
        log.warning("a letter to an editor (%s) was %s", event.delivery, event.kind)
    return to_editor or event.delivery == TRIAL


def _could_be(attempt: str) -> bool:
    return len(attempt) == ATTEMPT_LENGTH and attempt.isalnum()


def _why(event: MailEvent) -> str:
    if event.kind is EventKind.ACCOUNT:
        log.error("the provider says of the account: %s", event.cause or "nothing more")
        return ACCOUNT
    return UNKNOWN


def _said(event: MailEvent) -> str:
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


_CANARIES = select(col(Canary.attempt)).where(
    col(Canary.attempt).in_(bindparam("keys", expanding=True))
)
