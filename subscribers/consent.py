"""The consent ledger: who agreed to what, when, and by which form; entries are only ever added."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import store
from subscribers.models import Consent, ConsentAct, ConsentNetwork, Wording
from subscribers.store import Evidence


def record(
    session: Session,
    subscriber_id: int,
    newsletter: str,
    act: ConsentAct,
    evidence: Evidence,
    now: datetime,
) -> None:
    """Append one entry to the consent ledger."""
    wording = evidence.wording
    entry = Consent(
        subscriber_id=subscriber_id,
        newsletter=newsletter,
        act=act,
        channel=evidence.channel,
        form=evidence.form,
        wording_hash=keep_wording(session, wording) if wording else None,
        language=evidence.language,
        at=now,
    )
    session.add(entry)
    session.flush()
    if evidence.network:
        row = ConsentNetwork(
            subscriber_id=subscriber_id, newsletter=newsletter, network=evidence.network, at=now
        )
        session.add(row)
        session.flush()


def entries(session: Session, subscriber_id: int) -> list[Mapping[str, Any]]:
    """Return a reader's consent entries with their wordings, the oldest first."""
    rows = session.execute(
        select(
            *(getattr(Consent, name) for name in _LEDGER),
            col(Wording.text).label("wording"),
            col(ConsentNetwork.network).label("network"),
        )
        .outerjoin(Wording, col(Wording.hash) == col(Consent.wording_hash))
        .outerjoin(
            ConsentNetwork,
            and_(
                col(ConsentNetwork.subscriber_id) == col(Consent.subscriber_id),
                col(ConsentNetwork.newsletter) == col(Consent.newsletter),
                col(ConsentNetwork.at) == col(Consent.at),
            ),
        )
        .where(col(Consent.subscriber_id) == subscriber_id)
        .order_by(col(Consent.id))
    )
    return [dict(row) for row in rows.mappings()]


def forget_networks(session: Session, subscriber_id: int) -> None:
    """Delete where a reader's entries were made from."""
    session.execute(
        delete(ConsentNetwork).where(col(ConsentNetwork.subscriber_id) == subscriber_id)
    )


def asked_since(session: Session, subscriber_id: int, newsletter: str, at: datetime) -> bool:
    """Tell whether somebody filled in a form for a reader after a moment."""
    found = select(col(Consent.id)).where(
        col(Consent.subscriber_id) == subscriber_id,
        col(Consent.newsletter) == newsletter,
        col(Consent.act) == ConsentAct.ASKED,
        col(Consent.at) > at,
    )
    return session.execute(found.limit(1)).first() is not None


def ever_agreed(session: Session, subscriber_id: int, newsletter: str) -> bool:
    """Tell whether a reader ever confirmed, or came with a list that vouched for it."""
    found = select(col(Consent.id)).where(
        col(Consent.subscriber_id) == subscriber_id,
        col(Consent.newsletter) == newsletter,
        col(Consent.act).in_([ConsentAct.CONFIRMED, ConsentAct.IMPORTED]),
    )
    return session.execute(found.limit(1)).first() is not None


def wording_hash(text: str) -> str:
    """Return the hash a text is known by."""
    return sha256(text.encode()).hexdigest()


def keep_wording(session: Session, text: str) -> str:
    """Keep a text somebody agrees to, once; returns the hash it is known by."""
    known_by = wording_hash(text)
    session.connection().execute(_wording(store.dialect(session)), {"hash": known_by, "text": text})
    return known_by


_LEDGER = ("newsletter", "act", "channel", "form", "language", "at", "wording_hash")


@cache
def _wording(name: str) -> Any:
    return store.upsert_on(name, Wording).on_conflict_do_nothing()
