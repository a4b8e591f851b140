"""What proves a consent: append-only entries of who agreed to what, when, and by which form.

The proof is the one GDPR, article 7(1), asks for. Each wording is stored once, under its SHA-256;
the network an entry was made from is stored apart, since it is deleted earlier.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import sql
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
    """Append one consent entry, in the caller's transaction."""
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
    """Return a reader's consent entries with wording and network, the oldest first."""
    rows = session.execute(
        select(
            *(getattr(Consent, name) for name in _COLUMNS),
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
    """Delete the networks a reader's consent entries were made from."""
    session.execute(
        delete(ConsentNetwork).where(col(ConsentNetwork.subscriber_id) == subscriber_id)
    )


def asked_since(session: Session, subscriber_id: int, newsletter: str, at: datetime) -> bool:
    """Return whether somebody filled in a form for a reader after a moment."""
    statement = select(col(Consent.id)).where(
        col(Consent.subscriber_id) == subscriber_id,
        col(Consent.newsletter) == newsletter,
        col(Consent.act) == ConsentAct.ASKED,
        col(Consent.at) > at,
    )
    return session.execute(statement.limit(1)).first() is not None


def ever_agreed(session: Session, subscriber_id: int, newsletter: str) -> bool:
    """Return whether a reader ever confirmed, or was imported with a consent statement."""
    statement = select(col(Consent.id)).where(
        col(Consent.subscriber_id) == subscriber_id,
        col(Consent.newsletter) == newsletter,
        col(Consent.act).in_([ConsentAct.CONFIRMED, ConsentAct.IMPORTED]),
    )
    return session.execute(statement.limit(1)).first() is not None


def wording_hash(text: str) -> str:
    """Return the SHA-256 a wording is stored under, in 64 hex digits."""
    return sha256(text.encode()).hexdigest()


def keep_wording(session: Session, text: str) -> str:
    """Store a wording unless it is there already; return its hash."""
    row = {"hash": wording_hash(text), "text": text}
    session.connection().execute(_insertion(sql.dialect(session)), row)
    return row["hash"]


_COLUMNS = ("newsletter", "act", "channel", "form", "language", "at", "wording_hash")


@cache
def _insertion(dialect: str) -> Any:
    return sql.upsert_on(dialect, Wording).on_conflict_do_nothing()
