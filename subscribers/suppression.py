"""How an address is kept from being mailed, also after its erasure: a keyed hash and a reason.

Of several reasons the strictest stays, in the order of `SuppressionReason`. A subscriber's row has
a copy of the reason, so that the audience is found without hashing. A mailbox whose owner declined
gets no letters for a while, in any spelling of its address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Text, case, delete, func, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import sql, store
from subscribers.address import mailbox
from subscribers.models import DeclinedMailbox, Suppression, SuppressionReason
from subscribers.tokens import Hashes

#: Suppressions that the reader's own confirmation lifts: the address has just answered.
REJOINABLE = (
    SuppressionReason.MOVED,
    SuppressionReason.LEFT,
    SuppressionReason.ERASED,
    SuppressionReason.HARD_BOUNCE,
)
#: How long after a hard bounce no letter is sent: the mailbox hardly exists again any sooner.
BOUNCE_REST = timedelta(days=30)
#: How long a mailbox's refusal of letters counts.
DECLINE_LASTS = timedelta(days=365)
_DATED = SuppressionReason.HARD_BOUNCE
STRICTNESS = {reason: rank for rank, reason in enumerate(SuppressionReason)}


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
        record = SuppressionRecord(reason, now, erased)
        _write(session, hashes.first(key), _strictest(known.get(key), record))
    # Read again, since another transaction may have written a stricter reason meanwhile.
    for key, record in find_all(session, list(reasons), hashes).items():
        store.mark_suppressed(session, [key], record.reason)


def _strictest(old: SuppressionRecord | None, new: SuppressionRecord) -> SuppressionRecord:
    """Return the stricter record; of two hard bounces the later one."""
    if old is None:
        return new
    kept = old if STRICTNESS[old.reason] >= STRICTNESS[new.reason] else new
    if old.reason is new.reason is _DATED:
        kept = max(old, new, key=lambda record: record.at)
    return kept._replace(erased_at=old.erased_at or new.erased_at)


def find(session: Session, address_key: str, hashes: Hashes) -> SuppressionRecord | None:
    """Return the suppression of an address under any of the secrets, or ``None``."""
    return find_all(session, [address_key], hashes).get(address_key)


def find_all(session: Session, keys: list[str], hashes: Hashes) -> dict[str, SuppressionRecord]:
    """Return the suppressed ones among these keys, each with its strictest record."""
    pairs = [(known, key) for key in keys for known in hashes.every(key)]
    records: dict[str, SuppressionRecord] = {}
    for key, reason, at, erased_at in session.connection().execute(
        _found(sql.dialect(session)), sql.json_rows_parameter(pairs)
    ):
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


def may_be_asked(record: SuppressionRecord, now: datetime) -> bool:
    """Return whether a suppressed address may get the letter whose answer lifts the suppression."""
    resting = record.reason is SuppressionReason.HARD_BOUNCE and now - record.at < BOUNCE_REST
    return record.reason in REJOINABLE and not resting


def _write(session: Session, address_hash: str, record: SuppressionRecord) -> None:
    """Store a record under a hash, unless a stricter one is stored; keep an erasure's moment."""
    insert = sql.upsert(session, Suppression)
    rank = case(STRICTNESS, value=col(Suppression.reason))
    stricter = rank > STRICTNESS[record.reason]
    session.execute(
        insert.values(address_hash=address_hash, **record._asdict()).on_conflict_do_update(
            index_elements=["address_hash"],
            set_={
                "reason": case((stricter, col(Suppression.reason)), else_=insert.excluded.reason),
                "at": case((stricter, col(Suppression.at)), else_=insert.excluded.at),
                "erased_at": func.coalesce(col(Suppression.erased_at), insert.excluded.erased_at),
            },
        )
    )


def decline_mailbox(session: Session, mailbox_hash: str, now: datetime) -> None:
    """Record that a mailbox, known by its hash, wants no letters."""
    insert = sql.upsert(session, DeclinedMailbox).values(mailbox_hash=mailbox_hash, at=now)
    session.execute(insert.on_conflict_do_update(index_elements=["mailbox_hash"], set_={"at": now}))


def allow_mailbox(session: Session, mailbox_hash: str) -> None:
    """Allow letters to a mailbox again, known by its hash."""
    session.execute(
        delete(DeclinedMailbox).where(col(DeclinedMailbox.mailbox_hash) == mailbox_hash)
    )


def allow_mailbox_of(session: Session, address_key: str, hashes: Hashes) -> bool:
    """Allow letters to an address's mailbox again; return whether they had been declined."""
    same = col(DeclinedMailbox.mailbox_hash).in_(hashes.every(_mailbox_name(address_key)))
    return bool(_count(session.execute(delete(DeclinedMailbox).where(same))))


def declined_mailboxes(
    session: Session, keys: Iterable[str], hashes: Hashes, now: datetime
) -> dict[str, datetime]:
    """Return the keys whose mailbox declined within `DECLINE_LASTS`, each with its moment."""
    pairs = [(known, key) for key in set(keys) for known in hashes.every(_mailbox_name(key))]
    statement = _declined(sql.dialect(session))
    rows = session.connection().execute(statement, sql.json_rows_parameter(pairs))
    return {key: at for key, at in rows if at > now - DECLINE_LASTS}


def mailbox_declined_at(session: Session, mailbox_hash: str, now: datetime) -> datetime | None:
    """Return when a mailbox declined, ``None`` where it didn't within `DECLINE_LASTS`."""
    same = col(DeclinedMailbox.mailbox_hash) == mailbox_hash
    at = session.execute(select(col(DeclinedMailbox.at)).where(same)).scalar_one_or_none()
    return at if at and at > now - DECLINE_LASTS else None


def purge_declined_mailboxes(session: Session, now: datetime) -> None:
    """Delete the refusals older than `DECLINE_LASTS`."""
    old = col(DeclinedMailbox.at) <= now - DECLINE_LASTS
    session.execute(delete(DeclinedMailbox).where(old))


def mailbox_hash(address_key: str, hashes: Hashes) -> str:
    """Return the keyed hash by which an address's mailbox is known."""
    return hashes.first(_mailbox_name(address_key))


def _mailbox_name(address_key: str) -> str:
    return f"declined {mailbox(address_key)}"


@cache
def _found(dialect: str) -> Any:
    pairs = sql.json_rows(dialect, address_hash=Text, key=Text)
    same = pairs.c.address_hash == col(Suppression.address_hash)
    return select(
        pairs.c.key, col(Suppression.reason), col(Suppression.at), col(Suppression.erased_at)
    ).join_from(sql.table(Suppression), pairs, same)


@cache
def _declined(dialect: str) -> Any:
    pairs = sql.json_rows(dialect, mailbox_hash=Text, key=Text)
    same = pairs.c.mailbox_hash == col(DeclinedMailbox.mailbox_hash)
    return select(pairs.c.key, col(DeclinedMailbox.at)).join_from(
        sql.table(DeclinedMailbox), pairs, same
    )


def _count(result: Any) -> int:
    return int(result.rowcount)
