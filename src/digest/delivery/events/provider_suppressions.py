"""Asks the provider to mail an address again, once its reader has confirmed anew.

The provider keeps lists of its own and drops what is sent to an address on them, silently for the
reader; our own consent means nothing to it until we say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import delete, select
from sqlmodel import Session, col

from digest.delivery.cursors import cursor, set_cursor
from digest.delivery.models import ProviderBlock
from digest.delivery.unit_of_work import UnitOfWork
from subscribers.models import Consent, ConsentAct, Subscriber
from subscribers.tokens import Hashes

AT_ONCE = 200
_CONFIRMED = "confirmed"


class SuppressionRemover(Protocol):
    """A provider that keeps lists of addresses it won't mail."""

    def reopen(self, address: str) -> bool:
        """Take an address off every such list; false when that can't be done now."""
        ...


class _Back(NamedTuple):
    """A reader who confirmed."""

    consent: int
    at: datetime
    address: str
    key: str
    suppressed: str | None


def lift_provider_blocks(store: UnitOfWork, provider: SuppressionRemover, hashes: Hashes) -> int:
    """Lift the provider's blocks on readers who confirmed after them; returns how many.

    No transaction is open while the provider is asked. What it can't do now is tried again.
    """
    lifted = 0
    with store.read() as session:
        since = cursor(session, _CONFIRMED)
        back = _confirmed(session, since)
        blocked = _blocked(session, back, hashes)
    for one in back:
        at = blocked.get(one.key)
        if at is not None and at <= one.at.timestamp() and one.suppressed is None:
            if not provider.reopen(one.address):
                break
            lifted += 1
            with store.write() as session:
                _unblock(session, hashes.every(one.key))
        since = one.consent
    if back:
        with store.write() as session:
            set_cursor(session, _CONFIRMED, since)
    return lifted


def _confirmed(session: Session, after: int) -> list[_Back]:
    rows: Any = session.connection().execute(
        select(
            col(Consent.id),
            col(Consent.at),
            col(Subscriber.address),
            col(Subscriber.address_key),
            col(Subscriber.suppressed),
        )
        .join(Subscriber, col(Subscriber.id) == col(Consent.subscriber_id))
        .where(col(Consent.act) == ConsentAct.CONFIRMED, col(Consent.id) > after)
        .order_by(col(Consent.id))
        .limit(AT_ONCE)
    )
    return [_Back(*row) for row in rows]


def _blocked(session: Session, back: Sequence[_Back], hashes: Hashes) -> dict[str, int]:
    owner = {known_by: one.key for one in back for known_by in hashes.every(one.key)}
    rows = session.connection().execute(
        select(col(ProviderBlock.address_hash), col(ProviderBlock.at)).where(
            col(ProviderBlock.address_hash).in_(list(owner))
        )
    )
    return {owner[known_by]: at for known_by, at in rows}


def _unblock(session: Session, known_by: Sequence[str]) -> None:
    session.connection().execute(
        delete(ProviderBlock).where(col(ProviderBlock.address_hash).in_(known_by))
    )
