"""Mailboxes whose owner said "this wasn't me": our forms cause no letter to them for a year."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Text, delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import lifecycle, store, wishes
from subscribers.address import mailbox
from subscribers.given import given, rows
from subscribers.links import Unasked
from subscribers.models import DeclinedMailbox, Standing
from subscribers.store import Evidence
from subscribers.tokens import Hashes

LASTING = timedelta(days=365)


def known_by(address_key: str, hashes: Hashes) -> str:
    """Return the keyed hash of an address's mailbox."""
    return hashes.first(_named(address_key))


def decline(session: Session, unasked: Unasked, evidence: Evidence, now: datetime) -> None:
    """Keep letters away from a mailbox, and end what caused the one it got; twice is fine.

    Who had never confirmed isn't kept at all; who had leaves.
    """
    row = {"mailbox_hash": unasked.mailbox, "at": now}
    insert = store.upsert(session, DeclinedMailbox).values(row)
    session.execute(insert.on_conflict_do_update(index_elements=["mailbox_hash"], set_={"at": now}))
    if unasked.change_id:
        wishes.forget_move(session, unasked.change_id)
        return
    number = unasked.subscriber_id
    stood = {place.standing for place in store.places(session, number)}
    lifecycle.leave(session, number, unasked.newsletter, replace(evidence, network=None), now)
    if stood == {Standing.PENDING}:
        store.delete_reader(session, number)


def take_back(session: Session, mailbox_hash: str) -> None:
    """Let letters through to a mailbox again."""
    session.execute(
        delete(DeclinedMailbox).where(col(DeclinedMailbox.mailbox_hash) == mailbox_hash)
    )


def lift(session: Session, address_key: str, hashes: Hashes) -> bool:
    """Do the same for an address's mailbox; tells whether that changed anything."""
    mine = col(DeclinedMailbox.mailbox_hash).in_(hashes.every(_named(address_key)))
    done: Any = session.execute(delete(DeclinedMailbox).where(mine))
    return bool(done.rowcount)


def find(
    session: Session, keys: Iterable[str], hashes: Hashes, now: datetime
) -> dict[str, datetime]:
    """Return which of these addresses are in such a mailbox, each with the moment of its word."""
    told = [(known, key) for key in set(keys) for known in hashes.every(_named(key))]
    found = session.connection().execute(_finding(store.dialect(session)), rows(told))
    return {key: at for key, at in found if at > now - LASTING}


def declined_at(session: Session, mailbox_hash: str, now: datetime) -> datetime | None:
    """Tell when a mailbox's owner said so, as long as that counts."""
    mine = col(DeclinedMailbox.mailbox_hash) == mailbox_hash
    found = session.execute(select(col(DeclinedMailbox.at)).where(mine)).scalar_one_or_none()
    return found if found and found > now - LASTING else None


def purge(session: Session, now: datetime) -> None:
    """Forget those whose year is over."""
    session.execute(delete(DeclinedMailbox).where(col(DeclinedMailbox.at) <= now - LASTING))


def _named(address_key: str) -> str:
    return f"declined {mailbox(address_key)}"


@cache
def _finding(dialect: str) -> Any:
    asked = given(dialect, mailbox_hash=Text, key=Text)
    same = asked.c.mailbox_hash == col(DeclinedMailbox.mailbox_hash)
    return select(asked.c.key, col(DeclinedMailbox.at)).join_from(
        store.table(DeclinedMailbox), asked, same
    )
