"""Decides under which number an event is stored: the delivery's, a pseudonym, or none.

Opens and clicks follow the newsletter's tracking mode; all other events name the delivery.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_hex

from sqlalchemy import bindparam, literal_column
from sqlmodel import Session, col, select

from digest.delivery.models import ErasedDelivery, FrozenNumbers, MailEvent, PseudonymSalt
from digest.delivery.sending import KnownAttempt
from digest.errors import WrongState
from digest.issues.models import Issue, IssueState, Newsletter, Tracking
from subscribers.sql import upsert

#: Of an event: a literal, so that the index of these events is known to hold it.
IS_PSEUDONYM = col(MailEvent.delivery_id) < literal_column("0")
_UNDER_WAY = [IssueState.BUILT, IssueState.PREPARED, IssueState.PAUSED]
_BITS_63 = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class EventOwnership:
    """What decides under which number the events of some attempts are stored."""

    frozen: frozenset[int] = frozenset()  #: editions whose numbers are frozen
    erased: frozenset[int] = frozenset()  #: deliveries of readers who were erased
    salts: dict[int, str] = field(default_factory=dict, repr=False)

    def stored_number(self, delivery: int, attempt: KnownAttempt, *, engaged: bool) -> int | None:
        """Return the number an event is stored under, ``None`` if it isn't stored.

        *engaged* is true for opens and clicks.
        """
        if attempt.edition in self.frozen or delivery in self.erased:
            return None
        if not engaged or attempt.tracking == Tracking.READER:
            return delivery
        if attempt.tracking == Tracking.OFF:
            return None
        return pseudonym(delivery, self.salts[attempt.edition])


def pseudonym(delivery: int, salt: str) -> int:
    """Return a negative number that can be tied to the delivery only with the salt.

    The number is the keyed BLAKE2b hash (RFC 7693) of the delivery's number, masked to 63 bits.
    """
    drawn = blake2b(str(delivery).encode(), key=salt.encode(), digest_size=8).digest()
    return -1 - (int.from_bytes(drawn) & (_BITS_63 - 1))


def change_tracking(session: Session, newsletter: Newsletter, mode: Tracking) -> None:
    """Set what is recorded of opens and clicks from now on; the caller commits.

    Raise `WrongState` while an issue that is built and not sent states the old mode in its mail.
    """
    waiting = session.exec(
        select(Issue).where(
            col(Issue.newsletter_id) == newsletter.id, col(Issue.state).in_(_UNDER_WAY)
        )
    ).first()
    if waiting is not None:
        raise WrongState(
            f"issue {waiting.number} is {waiting.state}, and its mail says how readers are tracked",
            next_step=f"send or cancel issue {waiting.number} first",
        )
    newsletter.tracking = mode
    session.add(newsletter)


def event_ownership(session: Session, known: Iterable[KnownAttempt]) -> EventOwnership:
    """Return what decides under which number the events of these attempts are stored."""
    attempts = list(known)
    if not attempts:
        return EventOwnership()
    connection = session.connection()
    editions = sorted({attempt.edition for attempt in attempts})
    spans = {
        "first": min(attempt.first for attempt in attempts),
        "last": max(attempt.last for attempt in attempts),
    }
    frozen = connection.execute(_FROZEN, {"editions": editions}).scalars()
    erased = connection.execute(_ERASED, spans).scalars()
    anonymous = {attempt.edition for attempt in attempts if attempt.tracking == Tracking.ANONYMOUS}
    return EventOwnership(
        frozen=frozenset(frozen),
        erased=frozenset(erased),
        salts={edition: _salt(session, edition) for edition in anonymous},
    )


def _salt(session: Session, edition: int) -> str:
    connection = session.connection()
    salt = connection.execute(_SALT, {"edition": edition}).scalar()
    if salt is None:
        row = {"edition_id": edition, "salt": token_hex(32)}
        connection.execute(upsert(session, PseudonymSalt).values(row).on_conflict_do_nothing())
        salt = connection.execute(_SALT, {"edition": edition}).scalar_one()
    return str(salt)


_FROZEN = select(col(FrozenNumbers.edition_id)).where(
    col(FrozenNumbers.edition_id).in_(bindparam("editions", expanding=True))
)
_ERASED = select(col(ErasedDelivery.delivery_id)).where(
    col(ErasedDelivery.delivery_id).between(bindparam("first"), bindparam("last"))
)
_SALT = select(col(PseudonymSalt.salt)).where(col(PseudonymSalt.edition_id) == bindparam("edition"))
