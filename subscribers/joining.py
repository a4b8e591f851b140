"""Takes sign-ups in, many in one transaction: standing, evidence, and a letter to send.

Whoever asks, for whatever address, causes the same statements: what is known of an address shows
neither in the answer nor in the time it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Integer, bindparam, insert, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers import ledger, store, suppression, throttle
from subscribers.address import Address
from subscribers.lifecycle import REJOINABLE
from subscribers.models import (
    Consent,
    ConsentAct,
    ConsentNetwork,
    LetterKind,
    LetterState,
    LetterToSend,
    Standing,
    Subscriber,
    Subscription,
    SuppressionReason,
)
from subscribers.suppression import Found
from subscribers.throttle import Limits, Stop, Weighed
from subscribers.tokens import Hashes

#: A mailbox that didn't exist may exist again after a while; before, asking it only bounces again.
BOUNCE_REST = timedelta(days=30)


# Kept, since making a statement anew costs as much as running it.
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_KNOWN = (
    select(col(Subscriber.address_key), col(Subscription.newsletter), col(Subscription.standing))
    .join(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
    .where(col(Subscriber.address_key).in_(_KEYS))
)
_NUMBERS = select(col(Subscriber.address_key), col(Subscriber.id)).where(
    col(Subscriber.address_key).in_(_KEYS)
)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Somebody asks that an address be signed up."""

    address: Address
    newsletter: str
    form: str  #: which form it came from
    wording: str  #: what the form says one agrees to
    language: str
    network: str = field(repr=False)  #: the /24 or /48 it came from
    seen_from: str | None = field(default=None, repr=False)  #: the address to keep as evidence


class _Known(NamedTuple):
    """What is known of an address before it asks."""

    standing: Standing | None
    suppressed: Found | None


def sign_up(
    session: Session, asks: Sequence[Ask], *, limits: Limits, hashes: Hashes, now: datetime
) -> list[Stop | None]:
    """Take sign-ups in; returns for each what stopped it, if anything did.

    One stopped by `Stop.ADDRESS` looks like any other from outside: the answer has to be the same.
    """
    weighed = [Weighed(ask.address, ask.network) for ask in asks]
    stops = throttle.weigh(session, weighed, limits, hashes, now)
    taken = [n for n, stop in enumerate(stops) if stop in (None, Stop.ADDRESS)]
    if taken:
        part = [asks[n] for n in taken]
        suppressed = _take(session, part, [stops[n] is None for n in taken], hashes, now)
        for n, withheld in zip(taken, suppressed, strict=True):
            stops[n] = stops[n] or (Stop.SUPPRESSED if withheld else None)
    throttle.note(session, Counter(stops), now)
    return stops


def _take(
    session: Session, asks: Sequence[Ask], fresh: Sequence[bool], hashes: Hashes, now: datetime
) -> list[bool]:
    """Write what each ask causes; tells for each whether its letter is withheld."""
    known = _known(session, asks, hashes)
    facts = [known[ask.address.key, ask.newsletter] for ask in asks]
    _add_readers(session, asks, facts, now)
    numbers = _numbers(session, asks)
    rows = [
        {"subscriber_id": numbers[ask.address.key], "newsletter": ask.newsletter, "go": int(go)}
        for ask, go in zip(asks, fresh, strict=True)
    ]
    _add_places(session, rows, asks, now)
    _add_evidence(session, rows, asks, now)
    withheld = [_withheld(one.suppressed, now) for one in facts]
    _add_letters(session, rows, asks, facts, withheld, now)
    return withheld


def _known(session: Session, asks: Sequence[Ask], hashes: Hashes) -> dict[tuple[str, str], _Known]:
    keys = sorted({ask.address.key for ask in asks})
    rows = session.connection().execute(_KNOWN, {"keys": keys})
    standings = {(key, newsletter): standing for key, newsletter, standing in rows}
    suppressed = suppression.find_all(session, keys, hashes)
    return {
        (ask.address.key, ask.newsletter): _Known(
            standings.get((ask.address.key, ask.newsletter)), suppressed.get(ask.address.key)
        )
        for ask in asks
    }


def _withheld(found: Found | None, now: datetime) -> bool:
    if found is None:
        return False
    resting = found.reason is SuppressionReason.HARD_BOUNCE and now - found.at < BOUNCE_REST
    return resting or found.reason not in REJOINABLE


def _kind(known: _Known) -> LetterKind:
    joined = known.standing in (Standing.CONFIRMED, Standing.PAUSED)
    return LetterKind.ALREADY if joined else LetterKind.CONFIRM


def _add_readers(
    session: Session, asks: Sequence[Ask], facts: Sequence[_Known], now: datetime
) -> None:
    rows = [
        {
            "address": ask.address.text,
            "address_key": ask.address.key,
            "suppressed": one.suppressed.reason.value if one.suppressed else None,
            "language": ask.language,
            "created_at": now,
        }
        for ask, one in zip(asks, facts, strict=True)
    ]
    session.connection().execute(_unless_there(store.dialect(session), Subscriber), rows)


def _numbers(session: Session, asks: Sequence[Ask]) -> dict[str, int]:
    keys = sorted({ask.address.key for ask in asks})
    rows = session.connection().execute(_NUMBERS, {"keys": keys})
    return {key: number or 0 for key, number in rows}


def _add_places(
    session: Session, rows: list[dict[str, Any]], asks: Sequence[Ask], now: datetime
) -> None:
    """Make those pending who have no standing; who left stays so until the letter is answered."""
    values = [
        {
            "subscriber_id": row["subscriber_id"],
            "newsletter": row["newsletter"],
            "standing": Standing.PENDING,
            "source": ask.form,
            "since": now,
        }
        for row, ask in zip(rows, asks, strict=True)
    ]
    session.connection().execute(_unless_there(store.dialect(session), Subscription), values)


def _add_evidence(
    session: Session, rows: list[dict[str, Any]], asks: Sequence[Ask], now: datetime
) -> None:
    hashed = {
        wording: ledger.keep_wording(session, wording) for wording in {a.wording for a in asks}
    }
    entries = [
        {
            **row,
            "act": ConsentAct.ASKED,
            "channel": "form",
            "form": ask.form,
            "wording_hash": hashed[ask.wording],
            "language": ask.language,
            "at": now,
        }
        for row, ask in zip(rows, asks, strict=True)
    ]
    _insert_if(session, Consent, entries)
    seen = [
        {**row, "at": now, "network": ask.seen_from, "go": row["go"] if ask.seen_from else 0}
        for row, ask in zip(rows, asks, strict=True)
    ]
    _insert_if(session, ConsentNetwork, seen)


def _add_letters(
    session: Session,
    rows: list[dict[str, Any]],
    asks: Sequence[Ask],
    facts: Sequence[_Known],
    withheld: Sequence[bool],
    now: datetime,
) -> None:
    letters = [
        {
            **row,
            "kind": _kind(one),
            "state": LetterState.WITHHELD if held else LetterState.WAITING,
            "language": ask.language,
            "asked_at": now,
            "since": now,
        }
        for row, ask, one, held in zip(rows, asks, facts, withheld, strict=True)
    ]
    _insert_if(session, LetterToSend, letters)


def _insert_if(session: Session, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose "go" is true, by one statement that runs for the others as well."""
    names = tuple(name for name in rows[0] if name != "go")
    session.connection().execute(_conditional(model, names), rows)


@cache
def _unless_there(dialect: str, model: type[SQLModel]) -> Any:
    return store.upsert_on(dialect, model).on_conflict_do_nothing()


@cache
def _conditional(model: type[SQLModel], names: tuple[str, ...]) -> Any:
    table = store.table(model)
    values = [bindparam(name, type_=table.c[name].type) for name in names]
    source = select(*values).where(bindparam("go", type_=Integer) == 1)
    return insert(table).from_select(names, source, include_defaults=False)
