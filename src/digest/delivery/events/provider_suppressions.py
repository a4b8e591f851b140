"""Decides when the provider is asked to lift its own suppression of an address.

The provider keeps suppression lists and drops mail to the addresses on them without the reader's
knowledge. A reader's new confirmation has no effect there until the address is removed by its API.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlmodel import Session, col

from digest.delivery.cursors import cursor, set_cursor
from digest.delivery.models import ProviderBlock
from digest.mail.provider import SuppressionRemover
from subscribers.models import Consent, ConsentAct, Subscriber
from subscribers.sql import UnitOfWork
from subscribers.tokens import Hashes

MAX_ADDRESSES = 200
_CONFIRMED = "confirmed"


class _Confirmation(NamedTuple):
    """A confirmation and its reader."""

    consent: int
    at: datetime
    address: str
    key: str
    suppressed: str | None


def lift_provider_blocks(store: UnitOfWork, provider: SuppressionRemover, hashes: Hashes) -> int:
    """Lift the provider's blocks on readers who confirmed since; return how many were lifted.

    No transaction is open during a request to the provider. After a failed request the next call
    continues with the same reader.
    """
    lifted = 0
    with store.read() as session:
        since = cursor(session, _CONFIRMED)
        confirmations = _confirmed(session, since)
        blocked = _blocked(session, confirmations, hashes)
    for confirmation in confirmations:
        at = blocked.get(confirmation.key)
        if at is not None and at <= confirmation.at.timestamp() and confirmation.suppressed is None:
            if not provider.remove(confirmation.address):
                break
            lifted += 1
            with store.write() as session:
                _unblock(session, hashes.every(confirmation.key))
        since = confirmation.consent
    if confirmations:
        with store.write() as session:
            set_cursor(session, _CONFIRMED, since)
    return lifted


def _confirmed(session: Session, after: int) -> list[_Confirmation]:
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
        .limit(MAX_ADDRESSES)
    )
    return [_Confirmation(*row) for row in rows]


def _blocked(
    session: Session, confirmations: Sequence[_Confirmation], hashes: Hashes
) -> dict[str, int]:
    owner = {
        address_hash: confirmation.key
        for confirmation in confirmations
        for address_hash in hashes.every(confirmation.key)
    }
    rows = session.connection().execute(
        select(col(ProviderBlock.address_hash), col(ProviderBlock.at)).where(
            col(ProviderBlock.address_hash).in_(list(owner))
        )
    )
    return {owner[address_hash]: at for address_hash, at in rows}


def _unblock(session: Session, address_hashes: Sequence[str]) -> None:
    session.connection().execute(
        delete(ProviderBlock).where(col(ProviderBlock.address_hash).in_(address_hashes))
    )
