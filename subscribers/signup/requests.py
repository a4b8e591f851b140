"""Takes a sign-up down without a look at what is known of the address.

So neither the answer nor the time it takes can tell; what follows is written a moment later, by
`subscribers.signup.processing`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Text, bindparam, insert, select
from sqlalchemy.orm import Session

from subscribers import store
from subscribers.abuse_prevention import LimitReason, RateLimits, RequestOrigin, rate_limits
from subscribers.address import Address
from subscribers.models import SignUpAsked
from subscribers.sql import json_rows, json_rows_parameter
from subscribers.tokens import Hashes


@dataclass(frozen=True, kw_only=True)
class SignupRequest:
    """Somebody asks that an address be signed up."""

    address: Address
    newsletter: str
    form: str  #: which form it came from
    wording: str  #: what the form says one agrees to
    language: str
    network: str = field(repr=False)  #: the /24 or /48 it came from
    proof: str = ""  #: the challenge that was answered, where one is asked for
    harder: bool = False  #: whether it was the harder one
    seen_from: str | None = field(default=None, repr=False)  #: the address to keep as evidence


def record_requests(
    session: Session,
    asks: Sequence[SignupRequest],
    *,
    limits: RateLimits,
    hashes: Hashes,
    now: datetime,
) -> list[LimitReason | None]:
    """Take sign-ups down, many in one transaction; returns for each what stopped it."""
    weighed = [RequestOrigin(one.address, one.network, one.proof, one.harder) for one in asks]
    stops = rate_limits.check_requests(session, weighed, limits, hashes, now)
    taken = [_row(one) for one, stop in zip(asks, stops, strict=True) if stop is None]
    if taken:
        statement = _inserting(store.dialect(session))
        session.connection().execute(statement, {**json_rows_parameter(taken), "at": now})
    rate_limits.note(session, Counter(stop for stop in stops if stop is not None), now)
    return stops


def _row(one: SignupRequest) -> tuple[Any, ...]:
    return (
        one.address.text,
        one.address.key,
        one.newsletter,
        one.form,
        one.wording,
        one.language,
        one.seen_from,
    )


_TEXTS = (
    "address",
    "address_key",
    "newsletter",
    "form",
    "wording",
    "language",
    "seen_from",
)


@cache
def _inserting(dialect: str) -> Any:
    """Return the statement that writes rows as `_row` makes them."""
    table = store.table(SignUpAsked)
    asked = json_rows(dialect, **dict.fromkeys(_TEXTS, Text))
    found = select(*asked.c, bindparam("at", type_=table.c.at.type))
    return insert(table).from_select([*_TEXTS, "at"], found)
