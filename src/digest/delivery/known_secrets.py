"""Detect that a secret this database was used with is missing, and stop sending until it is back.

The secrets of an installation sign the links in its mails, and key the hashes of the addresses that
must not be mailed: without a secret, both are useless. This module decides how a secret is
recognised without being stored: by a mark, one row in `known_secret` for each secret ever used.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from digest.delivery.models import KnownSecret
from digest.errors import BadSetting
from digest.migrations.revision import require_newest
from subscribers.sql import UnitOfWork, upsert

NEXT_STEP = (
    "put the earlier secret into DIGEST_OLD_SECRETS, or into DIGEST_LEAKED_SECRETS if somebody else"
    " may know it, and restart what runs; if it is gone for good, read digest docs operating"
    " (Rotate keys), then: digest resume --lost-secret --by NAME --why TEXT"
)


class SecretGone(BadSetting):
    """A secret that this database was used with is missing."""

    next_step = NEXT_STEP


def missing_secrets(session: Session, marks: Sequence[str]) -> str | None:
    """Return what is missing among *marks*, as a message; ``None`` when nothing is."""
    missing = [secret for secret in _in_use(session) if secret.mark not in marks]
    if not missing:
        return None
    first = min(secret.since for secret in missing)
    many = "a secret" if len(missing) == 1 else f"{len(missing)} secrets"
    return (
        f"{many} used since {first:%Y-%m-%d} can't be found in DIGEST_SECRET, DIGEST_OLD_SECRETS or"
        " DIGEST_LEAKED_SECRETS: links in earlier mails are dead, and who must not be mailed isn't"
        " known"
    )


def require_all(store: UnitOfWork, marks: Sequence[str], now: datetime) -> None:
    """Record the mark of the current secret, the first of *marks*.

    A database without any recorded mark may have been used with each of these secrets, so all marks
    are recorded. Raise `SecretGone` when a recorded secret is missing, and `DatabaseUnfit` for
    tables of another version.
    """
    with store.read() as session:
        require_newest(session.connection())
        why = missing_secrets(session, marks)
        known = {secret.mark for secret in _in_use(session)}
    if why is not None:
        raise SecretGone(why)
    fresh = [mark for mark in (marks[:1] if known else marks) if mark not in known]
    if fresh:
        with store.write() as session:
            _record(session, fresh, now)


def give_up(store: UnitOfWork, marks: Sequence[str], *, by: str, why: str, now: datetime) -> int:
    """Give up the missing secrets by a person's decision; return how many were given up."""
    with store.write() as session:
        missing = [secret for secret in _in_use(session) if secret.mark not in marks]
        for secret in missing:
            secret.given_up_by, secret.given_up_why, secret.given_up_at = by, why, now
            session.add(secret)
    return len(missing)


def _in_use(session: Session) -> Sequence[KnownSecret]:
    return session.exec(select(KnownSecret).where(col(KnownSecret.given_up_at).is_(None))).all()


def _record(session: Session, marks: Sequence[str], now: datetime) -> None:
    blank = {"given_up_by": "", "given_up_why": "", "given_up_at": None}
    rows = [{"mark": mark, "since": now, **blank} for mark in marks]
    insert = upsert(session, KnownSecret)
    again = insert.on_conflict_do_update(index_elements=["mark"], set_=blank)
    session.connection().execute(again, rows)
