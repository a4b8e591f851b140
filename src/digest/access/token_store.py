"""Make, check, list and revoke the API's tokens.

This module hides what a token looks like and how it is stored: ``dgt_`` (which scanners for leaked
secrets look for) and 40 hexadecimal digits. The first 8 name the token; the others are its secret,
of which a keyed hash is stored.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from sqlalchemy import or_, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from digest.access.models import ApiToken, Scope
from digest.errors import DigestError, NotFound, WrongState
from subscribers.sql import UnitOfWork
from subscribers.tokens import Hashes

PREFIX = "dgt_"
_START, _SECRET = 8, 32  # hexadecimal digits: the secret part has 128 bits
_FORM = re.compile(rf"{PREFIX}([0-9a-f]{{{_START}}})([0-9a-f]{{{_SECRET}}})", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
#: Between two records of a token's last use, so that reading needn't write each time.
USE_NOTED = timedelta(minutes=1)


class BadApiToken(DigestError):
    """This token isn't valid."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The program that calls: its token's name and what it may do."""

    token_id: int
    name: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Return whether the token has a scope; one that may write may not read for that."""
        return scope in self.scopes


@dataclass(frozen=True)
class NewToken:
    """A token that was just made; *text* is shown once."""

    text: str = field(repr=False)
    facts: TokenFacts


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """What is known of a token, without its secret."""

    name: str
    start: str  #: its first characters, as in "dgt_1a2b3c4d"
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """Return "valid", "expired" or "revoked"."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**vars(self), "scopes": list(self.scopes), "state": self.state(now)}


def add_token(
    session: Session,
    name: str,
    scopes: Iterable[Scope],
    *,
    hashes: Hashes,
    now: datetime,
    expires_at: datetime | None = None,
) -> NewToken:
    """Make a token; raises `DigestError` for a name or an expiry that can't be, and `WrongState`.

    The caller commits.
    """
    wanted = sorted(set(scopes))
    if not _NAME.fullmatch(name):
        raise DigestError(
            f"{name!r} is no name for a token",
            next_step="take lower-case letters, digits, dots and hyphens, such as site or ci-2",
        )
    if not wanted:
        raise DigestError(
            "a token needs a scope", next_step=f"--scope with one of: {', '.join(Scope)}"
        )
    if expires_at is not None and expires_at <= now:
        raise DigestError("the token would have expired already", next_step="give a later date")
    if _unrevoked(session, name) is not None:
        raise WrongState(
            f"there is a token {name} already",
            next_step=f"take another name, or revoke it first: digest tokens revoke {name}",
        )
    start, secret = secrets.token_hex(_START // 2), secrets.token_hex(_SECRET // 2)
    row = ApiToken(
        name=name,
        start=start,
        secret_hash=hashes.first(_hashed(start, secret)),
        scopes=[scope.value for scope in wanted],
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return NewToken(f"{PREFIX}{start}{secret}", _facts(row))


def check_token(store: UnitOfWork, text: str, *, hashes: Hashes, now: datetime) -> Caller:
    """Return who calls with a token, and note its use; raises `BadApiToken`."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise BadApiToken
    with store.read() as session:
        row = session.exec(select(ApiToken).where(col(ApiToken.start) == form[1])).one_or_none()
    # Also a token that doesn't exist is hashed and compared, so that the time tells nothing.
    stored = row.secret_hash if row is not None else ""
    fits = [compare_digest(stored, each) for each in hashes.every(_hashed(form[1], form[2]))]
    if row is None or row.id is None or not any(fits):
        raise BadApiToken
    state = _facts(row).state(now)
    if state != "valid":
        raise BadApiToken(f"This token is {state}.")
    if row.last_used_at is None or now - row.last_used_at >= USE_NOTED:
        _note_use(store, row.id, now)
    known = frozenset(Scope(scope) for scope in row.scopes if scope in set(Scope))
    return Caller(token_id=row.id, name=row.name, scopes=known)


def revoke_token(session: Session, name: str, now: datetime) -> TokenFacts:
    """Revoke the token of that name; raises `NotFound`. The caller commits."""
    row = _unrevoked(session, name)
    if row is None:
        raise NotFound(f"there is no token {name} to revoke", next_step="digest tokens list")
    row.revoked_at = now
    session.add(row)
    return _facts(row)


def token_facts(session: Session) -> Sequence[TokenFacts]:
    """Return every token, the oldest first."""
    return [_facts(row) for row in session.exec(select(ApiToken).order_by(col(ApiToken.id)))]


def _unrevoked(session: Session, name: str) -> ApiToken | None:
    named = select(ApiToken).where(col(ApiToken.name) == name, col(ApiToken.revoked_at).is_(None))
    return session.exec(named).one_or_none()


def _note_use(store: UnitOfWork, token_id: int, now: datetime) -> None:
    """Write a token's last use, unless another process has just done so, or nothing can be written.

    The request is answered all the same.
    """
    last = col(ApiToken.last_used_at)
    due = or_(last.is_(None), last <= now - USE_NOTED)
    with suppress(OperationalError), store.write() as session:
        session.execute(
            update(ApiToken).where(col(ApiToken.id) == token_id, due).values(last_used_at=now)
        )


def _hashed(start: str, secret: str) -> str:
    return f"api token {start} {secret}"


def _facts(row: ApiToken) -> TokenFacts:
    return TokenFacts(
        name=row.name,
        start=f"{PREFIX}{row.start}",
        scopes=tuple(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
