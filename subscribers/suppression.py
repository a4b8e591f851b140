"""Which addresses must not be mailed whatever their subscriptions say, also after erasure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import store
from subscribers.models import Subscriber, Suppression, SuppressionReason
from subscribers.tokens import Hashes

_T = TypeVar("_T")
_STRICTNESS = {reason: rank for rank, reason in enumerate(SuppressionReason)}
#: More look-ups in one statement than this would pass a database's limit on parameters.
_AT_ONCE = 400


_FIND = select(col(Suppression.address_hash), col(Suppression.reason), col(Suppression.at)).where(
    col(Suppression.address_hash).in_(bindparam("hashes", expanding=True))
)


class Found(NamedTuple):
    """Why an address is suppressed, and since when."""

    reason: SuppressionReason
    at: datetime


def suppress(
    session: Session, address_key: str, reason: SuppressionReason, hashes: Hashes, now: datetime
) -> None:
    """Never mail this address again; a stricter reason that is known stays."""
    suppress_all(session, {address_key: reason}, hashes, now)


def suppress_readers(
    session: Session, reasons: Mapping[int, SuppressionReason], hashes: Hashes, now: datetime
) -> None:
    """Suppress readers by number; those who were erased are suppressed already."""
    keys: dict[str, SuppressionReason] = {}
    for part in _parts(list(reasons)):
        found = select(col(Subscriber.address_key), col(Subscriber.id)).where(
            col(Subscriber.id).in_(part)
        )
        keys |= {key: reasons[number or 0] for key, number in session.execute(found)}
    suppress_all(session, keys, hashes, now)


def suppress_all(
    session: Session, reasons: Mapping[str, SuppressionReason], hashes: Hashes, now: datetime
) -> None:
    """Suppress addresses, each with its reason, by the keys they are compared by."""
    known = find_all(session, list(reasons), hashes)
    for key, reason in reasons.items():
        old = known.get(key)
        keep = old if old and _STRICTNESS[old.reason] >= _STRICTNESS[reason] else Found(reason, now)
        _write(session, hashes.first(key), keep)
        store.mark_suppressed(session, [key], keep.reason)


def find(session: Session, address_key: str, hashes: Hashes) -> Found | None:
    """Tell whether and why an address is suppressed, under every secret that is known."""
    return find_all(session, [address_key], hashes).get(address_key)


def find_all(session: Session, keys: list[str], hashes: Hashes) -> dict[str, Found]:
    """Return the suppressed ones among these addresses."""
    owner = {known_by: key for key in keys for known_by in hashes.every(key)}
    found: dict[str, Found] = {}
    for part in _parts(list(owner)):
        for known_by, reason, at in session.connection().execute(_FIND, {"hashes": part}):
            key = owner[known_by]
            if key not in found or _STRICTNESS[found[key].reason] < _STRICTNESS[reason]:
                found[key] = Found(reason, at)
    return found


def lift(session: Session, address_key: str, hashes: Hashes) -> bool:
    """Allow mail to an address again; tells whether it was suppressed."""
    gone = session.execute(
        delete(Suppression)
        .where(col(Suppression.address_hash).in_(hashes.every(address_key)))
        .returning(col(Suppression.address_hash))
    ).all()
    store.mark_suppressed(session, [address_key], None)
    return bool(gone)


def _write(session: Session, known_by: str, found: Found) -> None:
    row = found._asdict()
    session.execute(
        store.upsert(session, Suppression)
        .values(address_hash=known_by, **row)
        .on_conflict_do_update(index_elements=["address_hash"], set_=row)
    )


def _parts(values: list[_T]) -> list[list[_T]]:
    return [values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE)]
