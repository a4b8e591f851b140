"""Which addresses must not be mailed whatever their subscriptions say, also after erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import bindparam, case, delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import store
from subscribers.models import AddressChange, SignUpAsked, Suppression, SuppressionReason
from subscribers.tokens import Hashes


def forget_wishes(session: Session, address_key: str) -> bool:
    """Delete every wish about an address.

    Of another reader's wish only the address goes: that it is gone would tell them who it was.
    Tells whether there was any.
    """
    asked = session.execute(delete(SignUpAsked).where(col(SignUpAsked.address_key) == address_key))
    moves = session.execute(
        update(AddressChange)
        .where(col(AddressChange.address_key) == address_key)
        .values(address="", address_key="")
    )
    return bool(_rows(asked) + _rows(moves))


def forget_move(session: Session, change_id: int) -> None:
    """Forget the address of a wish to move there that nobody has confirmed."""
    session.execute(
        update(AddressChange)
        .where(col(AddressChange.id) == change_id, col(AddressChange.done_at).is_(None))
        .values(address="", address_key="")
    )


def is_requested(session: Session, address_key: str) -> bool:
    """Tell whether somebody asked to sign up or to move there, and it isn't done yet."""
    wishes: tuple[Any, ...] = (SignUpAsked, AddressChange)
    found = [
        session.execute(select(model.id).where(model.address_key == address_key)).first()
        for model in wishes
    ]
    return any(found)


def _rows(done: Any) -> int:
    return int(done.rowcount)


_T = TypeVar("_T")
_RESTS = SuppressionReason.HARD_BOUNCE
_STRICTNESS = {reason: rank for rank, reason in enumerate(SuppressionReason)}
#: More look-ups in one statement than this would pass a database's limit on parameters.
_AT_ONCE = 400


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
    erased_at: datetime | None = None  #: when its reader asked to be forgotten, if they did


def suppress(
    session: Session, address_key: str, reason: SuppressionReason, hashes: Hashes, now: datetime
) -> None:
    """Never mail this address again; a stricter reason that is known stays."""
    suppress_all(session, {address_key: reason}, hashes, now)


def suppress_all(
    session: Session, reasons: Mapping[str, SuppressionReason], hashes: Hashes, now: datetime
) -> None:
    """Suppress addresses, each with its reason, by the keys they are compared by."""
    if not reasons:
        return
    known = find_all(session, list(reasons), hashes)
    for key, reason in reasons.items():
        erased = now if reason is SuppressionReason.ERASED else None
        fresh = SuppressionRecord(reason, now, erased)
        _write(session, hashes.first(key), _strictest(known.get(key), fresh))
    # Looked at again: somebody else may have had a stricter reason at the same time.
    for key, found in find_all(session, list(reasons), hashes).items():
        store.mark_suppressed(session, [key], found.reason)


def _strictest(old: SuppressionRecord | None, new: SuppressionRecord) -> SuppressionRecord:
    """Return what to keep; a mailbox that bounces again has its rest anew."""
    if old is None:
        return new
    kept = old if _STRICTNESS[old.reason] >= _STRICTNESS[new.reason] else new
    if old.reason is new.reason is _RESTS:
        kept = max(old, new, key=lambda one: one.at)
    return kept._replace(erased_at=old.erased_at or new.erased_at)


def find(session: Session, address_key: str, hashes: Hashes) -> SuppressionRecord | None:
    """Tell whether and why an address is suppressed, under every secret that is known."""
    return find_all(session, [address_key], hashes).get(address_key)


def find_all(session: Session, keys: list[str], hashes: Hashes) -> dict[str, SuppressionRecord]:
    """Return the suppressed ones among these addresses."""
    owner = {known_by: key for key in keys for known_by in hashes.every(key)}
    found: dict[str, SuppressionRecord] = {}
    for part in _parts(list(owner)):
        for known_by, reason, at, erased_at in session.connection().execute(
            _FIND, {"hashes": part}
        ):
            key = owner[known_by]
            found[key] = _strictest(found.get(key), SuppressionRecord(reason, at, erased_at))
    return found


def lift(
    session: Session,
    address_key: str,
    hashes: Hashes,
    *,
    among: Sequence[SuppressionReason] = tuple(SuppressionReason),
) -> bool:
    """Allow mail to an address again, if the reason is one *among*; tells whether that was so.

    Unless *among* has it, that its reader asked to be forgotten stays when other reasons go.
    """
    mine = col(Suppression.address_hash).in_(hashes.every(address_key))
    meant = col(Suppression.reason).in_(among)
    touched = 0
    if SuppressionReason.ERASED not in among:
        kept = {"reason": SuppressionReason.ERASED, "at": col(Suppression.erased_at)}
        erased = col(Suppression.erased_at).is_not(None)
        done: Any = session.execute(update(Suppression).where(mine, meant, erased).values(kept))
        touched = done.rowcount
    done = session.execute(delete(Suppression).where(mine, meant))
    left = find(session, address_key, hashes)
    store.mark_suppressed(session, [address_key], left and left.reason)
    return bool(touched + done.rowcount)


def _write(session: Session, known_by: str, found: SuppressionRecord) -> None:
    """Write a reason down, unless a stricter one stands there by now; an erasure stays noted."""
    insert = store.upsert(session, Suppression)
    rank = case(_STRICTNESS, value=col(Suppression.reason))
    stricter = rank > _STRICTNESS[found.reason]
    session.execute(
        insert.values(address_hash=known_by, **found._asdict()).on_conflict_do_update(
            index_elements=["address_hash"],
            set_={
                "reason": case((stricter, col(Suppression.reason)), else_=insert.excluded.reason),
                "at": case((stricter, col(Suppression.at)), else_=insert.excluded.at),
                "erased_at": func.coalesce(col(Suppression.erased_at), insert.excluded.erased_at),
            },
        )
    )


def _parts(values: list[_T]) -> list[list[_T]]:
    return [values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE)]
