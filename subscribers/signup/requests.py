"""How a sign-up is recorded without a look at what is known of its address.

Neither the answer nor its time can therefore reveal who is on the list. `signup.processing` writes
the consequences a moment later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from subscribers import sql
from subscribers.abuse_prevention import LimitReason, RateLimits, RequestOrigin, rate_limits
from subscribers.address import Address
from subscribers.models import RecordedSignup
from subscribers.tokens import Hashes

MOST_ASKED = 400  #: characters of `SignupRequest.asks_for`


@dataclass(frozen=True, kw_only=True)
class SignupRequest:
    """One request to sign an address up for a newsletter, or to send it a link."""

    address: Address
    newsletter: str  #: the one to join, or in whose name the link is sent
    form: str  #: the form it came from, by name
    wording: str  #: the text of the form one agrees to
    language: str
    network: str = field(repr=False)  #: the /24 or /48 it came from
    proof: str = ""  #: the answered challenge, where one is required
    harder: bool = False  #: whether that challenge was the harder one
    seen_from: str | None = field(default=None, repr=False)  #: the network to keep as evidence
    asks_for: str = ""  #: what the letter's link opens, in the application's words
    joins: bool = True  #: whether a subscription is asked for; false only with *asks_for*

    def __post_init__(self) -> None:
        """Refuse a request that no letter can answer."""
        if len(self.asks_for) > MOST_ASKED or not (self.joins or self.asks_for):
            raise ValueError("a request asks for a subscription, or for a link in a few words")


def record_requests(
    session: Session,
    requests: Sequence[SignupRequest],
    *,
    limits: RateLimits,
    hashes: Hashes,
    now: datetime,
) -> list[LimitReason | None]:
    """Record sign-ups in the caller's transaction; return for each what stopped it, or ``None``."""
    origins = [
        RequestOrigin(request.address, request.network, request.proof, request.harder)
        for request in requests
    ]
    stops = rate_limits.check_requests(session, origins, limits, hashes, now)
    at = sql.to_driver(session, sql.table(RecordedSignup).c.at)(now)
    rows = [_row(request, at) for request, stop in zip(requests, stops, strict=True) if not stop]
    _INSERT.run(session, rows)
    rate_limits.note(session, Counter(stop for stop in stops if stop is not None), now)
    return stops


def _row(request: SignupRequest, at: Any) -> sql.Row:
    return (
        request.address.text,
        request.address.key,
        request.newsletter,
        request.form,
        request.wording,
        request.language,
        request.seen_from,
        request.asks_for,
        request.joins,
        at,
    )


_INSERT = sql.BulkStatement(
    lambda _dialect: insert(sql.table(RecordedSignup)).inline(),
    [
        "address",
        "address_key",
        "newsletter",
        "form",
        "wording",
        "language",
        "seen_from",
        "asks_for",
        "joins",
        "at",
    ],
)
