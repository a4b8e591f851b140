"""Writes what follows from sign-ups that were asked for: standing, evidence, a letter to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col

from subscribers import ledger, store, suppression, throttle
from subscribers.lifecycle import REJOINABLE
from subscribers.models import (
    Consent,
    ConsentAct,
    ConsentNetwork,
    LetterKind,
    LetterState,
    LetterToSend,
    SignUpAsked,
    Standing,
    Subscriber,
    Subscription,
    SuppressionReason,
)
from subscribers.store import Sessions
from subscribers.suppression import Found
from subscribers.throttle import Stop
from subscribers.tokens import Hashes

#: A mailbox that didn't exist may exist again after a while; before, asking it only bounces again.
BOUNCE_REST = timedelta(days=30)
AT_ONCE = 64  # sign-ups a transaction: a short one, since others wait for it

_ASKED = (
    select(*(getattr(SignUpAsked, name) for name in SignUpAsked.model_fields))
    .order_by(col(SignUpAsked.id))
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)
_KNOWN = (
    select(
        col(Subscriber.address_key),
        col(Subscriber.id),
        col(Subscription.newsletter),
        col(Subscription.standing),
    )
    .outerjoin(Subscription, col(Subscription.subscriber_id) == col(Subscriber.id))
    .where(col(Subscriber.address_key).in_(bindparam("keys", expanding=True)))
)


class Taken(NamedTuple):
    """What was written."""

    asked: int  #: sign-ups done with; `AT_ONCE` when more may wait
    letters: int  #: letters that wait now


class _Known(NamedTuple):
    numbers: dict[str, int]
    standings: dict[tuple[str, str], Standing]
    suppressed: dict[str, Found]


def take_in_all(sessions: Sessions, hashes: Hashes) -> int:
    """Take in whatever was asked for, in short transactions; returns how many sign-ups that was."""
    count, asked = 0, AT_ONCE
    while asked == AT_ONCE:
        with sessions.write() as session:
            asked, _ = take_in(session, hashes)
        count += asked
    return count


def take_in(session: Session, hashes: Hashes) -> Taken:
    """Take in the oldest sign-ups that were asked for, each once."""
    asked = session.execute(_ASKED).all()
    if not asked:
        return Taken(0, 0)
    done = [row.id for row in asked]
    session.execute(delete(SignUpAsked).where(col(SignUpAsked.id).in_(done)))
    fresh = [row for row in asked if row.fresh]
    return Taken(len(asked), _take(session, fresh, hashes) if fresh else 0)


def _take(session: Session, asked: Sequence[Any], hashes: Hashes) -> int:
    """Write what each ask causes; returns how many letters wait now."""
    known = _known(session, asked, hashes)
    _insert(session, Subscriber, [_reader(row, known.suppressed) for row in asked])
    known = _known(session, asked, hashes)
    _insert(session, Subscription, [_place(row, known) for row in asked])
    wordings = {text: ledger.keep_wording(session, text) for text in {row.wording for row in asked}}
    _insert(session, Consent, [_entry(row, known, wordings) for row in asked])
    seen = [_network(row, known) for row in asked if row.seen_from]
    _insert(session, ConsentNetwork, seen)
    letters = [_letter(row, known) for row in asked]
    _insert(session, LetterToSend, letters)
    held = sum(letter["state"] is LetterState.WITHHELD for letter in letters)
    if held:
        throttle.note(session, Counter({Stop.SUPPRESSED: held}), asked[-1].at)
    return len(letters) - held


def _known(session: Session, asked: Sequence[Any], hashes: Hashes) -> _Known:
    keys = sorted({row.address_key for row in asked})
    rows = session.execute(_KNOWN, {"keys": keys}).all()
    return _Known(
        numbers={key: number or 0 for key, number, _, _ in rows},
        standings={(key, newsletter): standing for key, _, newsletter, standing in rows},
        suppressed=suppression.find_all(session, keys, hashes),
    )


def _insert(session: Session, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    """Insert rows, but for readers and standings that are there already."""
    if not rows:
        return
    there = model in (Subscriber, Subscription)
    statement = store.upsert(session, model).on_conflict_do_nothing() if there else None
    session.connection().execute(
        insert(store.table(model)) if statement is None else statement, rows
    )


def _reader(row: Any, suppressed: dict[str, Found]) -> dict[str, Any]:
    found = suppressed.get(row.address_key)
    return {
        "address": row.address,
        "address_key": row.address_key,
        "suppressed": found.reason.value if found else None,
        "language": row.language,
        "created_at": row.at,
    }


def _place(row: Any, known: _Known) -> dict[str, Any]:
    """Make a standing for who has none; who left stays so until the letter is answered."""
    return {
        "subscriber_id": known.numbers[row.address_key],
        "newsletter": row.newsletter,
        "standing": Standing.PENDING,
        "source": row.form,
        "since": row.at,
    }


def _entry(row: Any, known: _Known, wordings: dict[str, str]) -> dict[str, Any]:
    return {
        "subscriber_id": known.numbers[row.address_key],
        "newsletter": row.newsletter,
        "act": ConsentAct.ASKED,
        "channel": "form",
        "form": row.form,
        "wording_hash": wordings[row.wording],
        "language": row.language,
        "at": row.at,
    }


def _network(row: Any, known: _Known) -> dict[str, Any]:
    return {
        "subscriber_id": known.numbers[row.address_key],
        "newsletter": row.newsletter,
        "at": row.at,
        "network": row.seen_from,
    }


def _letter(row: Any, known: _Known) -> dict[str, Any]:
    standing = known.standings.get((row.address_key, row.newsletter))
    joined = standing in (Standing.CONFIRMED, Standing.PAUSED)
    held = _withheld(known.suppressed.get(row.address_key), row.at)
    return {
        "subscriber_id": known.numbers[row.address_key],
        "newsletter": row.newsletter,
        "kind": LetterKind.ALREADY if joined else LetterKind.CONFIRM,
        "state": LetterState.WITHHELD if held else LetterState.WAITING,
        "language": row.language,
        "asked_at": row.at,
        "since": row.at,
    }


def _withheld(found: Found | None, now: datetime) -> bool:
    if found is None:
        return False
    resting = found.reason is SuppressionReason.HARD_BOUNCE and now - found.at < BOUNCE_REST
    return resting or found.reason not in REJOINABLE
