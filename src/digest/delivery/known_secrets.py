"""Notices a secret that is gone: nothing that was made with it is good for anything then.

Links in mails are signed with the secrets of an installation, and whom it must not mail is known by
hashes made with them. So each one that was ever used is recognised by a mark in the database, and
nothing is sent while one of them is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from digest.delivery.models import KnownSecret
from digest.delivery.unit_of_work import UnitOfWork
from digest.errors import BadSetting
from digest.migrations.upgrade import require_newest
from subscribers.store import upsert

NEXT_STEP = (
    "put the earlier secret into DIGEST_OLD_SECRETS, or into DIGEST_LEAKED_SECRETS if somebody else"
    " may know it, and restart what runs; if it is gone for good, read digest docs operating"
    " (Rotate keys), then: digest resume --lost-secret --by NAME --why TEXT"
)


class SecretGone(BadSetting):
    """A secret this database was worked with is missing."""

    next_step = NEXT_STEP


def gone(session: Session, marks: Sequence[str]) -> str | None:
    """Say which known secret isn't among those at hand; ``None`` when all are."""
    missing = [known for known in _in_use(session) if known.mark not in marks]
    if not missing:
        return None
    first = min(known.since for known in missing)
    many = "a secret" if len(missing) == 1 else f"{len(missing)} secrets"
    return (
        f"{many} used since {first:%Y-%m-%d} can't be found in DIGEST_SECRET, DIGEST_OLD_SECRETS or"
        " DIGEST_LEAKED_SECRETS: links in earlier mails are dead, and who must not be mailed isn't"
        " known"
    )


def require_all(store: UnitOfWork, marks: Sequence[str], now: datetime) -> None:
    """Raise `SecretGone` when a known secret is missing; else note today's, the first of *marks*.

    A database that knows none yet may have been worked with any of them: all are noted. Raises
    `DatabaseUnfit` for tables of another version.
    """
    with store.read() as session:
        require_newest(session.connection())
        why = gone(session, marks)
        known = {each.mark for each in _in_use(session)}
    if why is not None:
        raise SecretGone(why)
    fresh = [mark for mark in (marks[:1] if known else marks) if mark not in known]
    if fresh:
        with store.write() as session:
            _note(session, fresh, now)


def give_up(store: UnitOfWork, marks: Sequence[str], *, by: str, why: str, now: datetime) -> int:
    """Go on without the secrets that are gone, by a person's word; returns how many."""
    with store.write() as session:
        missing = [known for known in _in_use(session) if known.mark not in marks]
        for known in missing:
            known.given_up_by, known.given_up_why, known.given_up_at = by, why, now
            session.add(known)
    return len(missing)


def _in_use(session: Session) -> Sequence[KnownSecret]:
    return session.exec(select(KnownSecret).where(col(KnownSecret.given_up_at).is_(None))).all()


def _note(session: Session, marks: Sequence[str], now: datetime) -> None:
    blank = {"given_up_by": "", "given_up_why": "", "given_up_at": None}
    rows = [{"mark": mark, "since": now, **blank} for mark in marks]
    insert = upsert(session, KnownSecret)
    again = insert.on_conflict_do_update(index_elements=["mark"], set_=blank)
    session.connection().execute(again, rows)
