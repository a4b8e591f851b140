"""How an address is kept from ever being mailed, also after its erasure: a keyed hash and a reason.

Of several reasons the strictest stays, in the order of `SuppressionReason`. A subscriber's row has
a copy of the reason, so that the audience is found without hashing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import sql, store
from subscribers.models import AddressChange, RecordedSignup, Suppression, SuppressionReason
from subscribers.tokens import Hashes


def forget_wishes(session: Session, address_key: str) -> bool:
    """Delete the sign-ups for an address, and empty it in changes to it; return whether any was.

    The row of another reader's change stays: its absence would reveal to that reader whose address
    it was.
    """
    signups = session.execute(
        delete(RecordedSignup).where(col(RecordedSignup.address_key) == address_key)
    )
    moves = session.execute(
        update(AddressChange)
        .where(col(AddressChange.address_key) == address_key)
        .values(address="", address_key="")
    )
    return bool(_count(signups) + _count(moves))


def forget_move(session: Session, change_id: int) -> None:
    """Empty the new address of a change that nobody has confirmed."""
    session.execute(
        update(AddressChange)
        .where(col(AddressChange.id) == change_id, col(AddressChange.done_at).is_(None))
        .values(address="", address_key="")
    )


def is_requested(session: Session, address_key: str) -> bool:
    """Return whether a sign-up or an address change for this address is stored."""
    models: tuple[Any, ...] = (RecordedSignup, AddressChange)
    rows = [
        session.execute(select(model.id).where(model.address_key == address_key)).first()
        for model in models
    ]
    return any(rows)


def _count(result: Any) -> int:
    return int(result.rowcount)


_DATED = SuppressionReason.HARD_BOUNCE
_STRICTNESS = {reason: rank for rank, reason in enumerate(SuppressionReason)}


_FIND = select(
    col(Suppression.address_hash),
    col(Suppression.reason),
    col(Suppression.at),
    col(Suppression.erased_at),
).where(col(Suppression.address_hash).in_(bindparam("hashes", expanding=True)))


class SuppressionRecord(NamedTuple):
    """Why an address is suppressed, and since when."""

    reason: SuppressionReason
    at: datetime
    erased_at: datetime | None = None  #: when the reader was erased, if at all


def suppress(
    session: Session, address_key: str, reason: SuppressionReason, hashes: Hashes, now: datetime
) -> None:
    """Suppress one address; a stricter reason that is stored already stays."""
    suppress_all(session, {address_key: reason}, hashes, now)


def suppress_all(
    session: Session, reasons: Mapping[str, SuppressionReason], hashes: Hashes, now: datetime
) -> None:
    """Suppress addresses: a mapping from an address's key to its reason."""
    if not reasons:
        return
    known = find_all(session, list(reasons), hashes)
    for key, reason in reasons.items():
        erased = now if reason is SuppressionReason.ERASED else None
        fresh = SuppressionRecord(reason, now, erased)
        _write(session, hashes.first(key), _strictest(known.get(key), fresh))
    # Read again, since another transaction may have written a stricter reason meanwhile.
    for key, record in find_all(session, list(reasons), hashes).items():
        store.mark_suppressed(session, [key], record.reason)


def _strictest(old: SuppressionRecord | None, new: SuppressionRecord) -> SuppressionRecord:
    """Return the stricter record; of two hard bounces the later one, which starts the rest anew."""
    if old is None:
        return new
    kept = old if _STRICTNESS[old.reason] >= _STRICTNESS[new.reason] else new
    if old.reason is new.reason is _DATED:
        kept = max(old, new, key=lambda record: record.at)
    return kept._replace(erased_at=old.erased_at or new.erased_at)


def find(session: Session, address_key: str, hashes: Hashes) -> SuppressionRecord | None:
    """Return the suppression of an address under any of the secrets, or ``None``."""
    return find_all(session, [address_key], hashes).get(address_key)


def find_all(session: Session, keys: list[str], hashes: Hashes) -> dict[str, SuppressionRecord]:
    """Return the suppressed ones among these keys, each with its strictest record."""
    owner = {known_by: key for key in keys for known_by in hashes.every(key)}
    records: dict[str, SuppressionRecord] = {}
    for part in sql.chunks(owner):
        for known_by, reason, at, erased_at in session.connection().execute(
            _FIND, {"hashes": part}
        ):
            key = owner[known_by]
            record = SuppressionRecord(reason, at, erased_at)
            records[key] = _strictest(records.get(key), record)
    return records


def lift(
    session: Session,
    address_key: str,
    hashes: Hashes,
    *,
    among: Sequence[SuppressionReason] = tuple(SuppressionReason),
) -> bool:
    """Lift a suppression whose reason is one *among*; return whether there was one.

    Where *among* doesn't include `ERASED`, an erasure recorded with another reason stays.
    """
    same = col(Suppression.address_hash).in_(hashes.every(address_key))
    liftable = col(Suppression.reason).in_(among)
    changed = 0
    if SuppressionReason.ERASED not in among:
        kept = {"reason": SuppressionReason.ERASED, "at": col(Suppression.erased_at)}
        erased = col(Suppression.erased_at).is_not(None)
        statement = update(Suppression).where(same, liftable, erased).values(kept)
        changed = _count(session.execute(statement))
    changed += _count(session.execute(delete(Suppression).where(same, liftable)))
    record = find(session, address_key, hashes)
    store.mark_suppressed(session, [address_key], record and record.reason)
    return bool(changed)


def _write(session: Session, known_by: str, record: SuppressionRecord) -> None:
    """Store a record under a hash, unless a stricter one is stored; keep an erasure's moment."""
    insert = sql.upsert(session, Suppression)
    rank = case(_STRICTNESS, value=col(Suppression.reason))
    stricter = rank > _STRICTNESS[record.reason]
    session.execute(
        insert.values(address_hash=known_by, **record._asdict()).on_conflict_do_update(
            index_elements=["address_hash"],
            set_={
                "reason": case((stricter, col(Suppression.reason)), else_=insert.excluded.reason),
                "at": case((stricter, col(Suppression.at)), else_=insert.excluded.at),
                "erased_at": func.coalesce(col(Suppression.erased_at), insert.excluded.erased_at),
            },
        )
    )
