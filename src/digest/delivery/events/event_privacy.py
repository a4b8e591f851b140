"""Under whom an event is kept: the delivery, a number nobody can tie to it, or nobody."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_hex

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from digest.delivery.models import Anonymity, Forgotten, FrozenNumbers
from digest.delivery.sending import KnownAttempt
from digest.errors import WrongState
from digest.issues.models import Issue, IssueState, Newsletter, Tracking
from subscribers.store import upsert

_UNDER_WAY = [IssueState.BUILT, IssueState.PREPARED, IssueState.PAUSED]
_BITS_63 = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class EventOwnership:
    """What decides under whom the events of a few attempts are kept."""

    closed: frozenset[int] = frozenset()  #: editions whose numbers are frozen
    forgotten: frozenset[int] = frozenset()  #: deliveries of readers who were erased
    salts: dict[int, str] = field(default_factory=dict, repr=False)

    def who(self, delivery: int, mine: KnownAttempt, *, engaged: bool) -> int | None:
        """Return the number an event is kept under, ``None`` when it isn't kept."""
        if mine.edition in self.closed or delivery in self.forgotten:
            return None
        if not engaged or mine.tracking == Tracking.READER:
            return delivery
        if mine.tracking == Tracking.OFF:
            return None
        return pseudonym(delivery, self.salts[mine.edition])


def pseudonym(delivery: int, salt: str) -> int:
    """Return a number below zero that only who has the salt can tie to the delivery."""
    drawn = blake2b(str(delivery).encode(), key=salt.encode(), digest_size=8).digest()
    return -1 - (int.from_bytes(drawn) & (_BITS_63 - 1))


def change_tracking(session: Session, newsletter: Newsletter, mode: Tracking) -> None:
    """Choose what is learnt from opens and clicks from now on; the caller commits.

    Raises `WrongState` while an issue waits to go out whose mail says otherwise.
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
    """Read what decides for these attempts."""
    mine = list(known)
    if not mine:
        return EventOwnership()
    connection = session.connection()
    editions = sorted({one.edition for one in mine})
    spans = {"first": min(one.first for one in mine), "last": max(one.last for one in mine)}
    closed = connection.execute(_CLOSED, {"editions": editions}).scalars()
    forgotten = connection.execute(_FORGOTTEN, spans).scalars()
    anonymous = {one.edition for one in mine if one.tracking == Tracking.ANONYMOUS}
    return EventOwnership(
        closed=frozenset(closed),
        forgotten=frozenset(forgotten),
        salts={edition: _salt(session, edition) for edition in anonymous},
    )


def _salt(session: Session, edition: int) -> str:
    connection = session.connection()
    found = connection.execute(_SALT, {"edition": edition}).scalar()
    if found is None:
        row = {"edition_id": edition, "salt": token_hex(32)}
        connection.execute(upsert(session, Anonymity).values(row).on_conflict_do_nothing())
        found = connection.execute(_SALT, {"edition": edition}).scalar_one()
    return str(found)


_CLOSED = select(col(FrozenNumbers.edition_id)).where(
    col(FrozenNumbers.edition_id).in_(bindparam("editions", expanding=True))
)
_FORGOTTEN = select(col(Forgotten.delivery_id)).where(
    col(Forgotten.delivery_id).between(bindparam("first"), bindparam("last"))
)
_SALT = select(col(Anonymity.salt)).where(col(Anonymity.edition_id) == bindparam("edition"))
