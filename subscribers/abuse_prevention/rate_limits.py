"""How often one may ask to be signed up: by domain, network, all together, and by address.

The counts are in the database, under keyed hashes, so that a restart doesn't forget and a look at
the table tells nobody's address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from sys import maxsize
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Text, delete, func, or_, select, true
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import store
from subscribers.address import Address, mailbox, providers
from subscribers.models import Stopped, Throttle
from subscribers.sql import json_rows, json_rows_parameter
from subscribers.tokens import Hashes

LET_IN = "let in"  # what is counted where nothing stopped a sign-up
HOUR = 3_600
DAY = 24 * HOUR
MONTH = 30 * DAY


class LimitReason(StrEnum):
    """What stopped a sign-up; each is counted by the day."""

    ADDRESS = "address"  #: this address was written to a moment ago
    DOMAIN = "domain"  #: too many sign-ups for addresses of one domain
    NETWORK = "network"  #: too many sign-ups from one network
    EVERYONE = "everyone"  #: too many sign-ups in all
    TRAP = "trap"  #: filled in what no person sees
    FORM = "form"  #: didn't come from a form of ours, or too late
    FAST = "fast"  #: filled in faster than a person can
    ORIGIN = "origin"  #: sent by a page of somebody else's
    PUZZLE = "puzzle"  #: the proof of work is missing, wrong or spent
    DISPOSABLE = "disposable"  #: the domain is for throw-away addresses
    DECLINED = "declined"  #: its mailbox's owner said that an earlier one wasn't theirs
    SUPPRESSED = "suppressed"  #: the address must not be mailed


@dataclass(frozen=True)
class RateLimit:
    """So many in so many seconds, counted from the first; and so many seconds between two."""

    count: int
    seconds: int
    apart: int = 0
    monthly: int = 0  #: and so many in 30 days; 0 where that isn't counted


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """How much is let through; past the caps on a domain and on everyone, by a harder sum."""

    address: RateLimit = RateLimit(3, DAY, apart=HOUR, monthly=8)  #: for a mailbox
    domain: RateLimit = RateLimit(30, HOUR)
    provider: RateLimit = RateLimit(600, HOUR)  #: for a domain among `providers`
    network: RateLimit = RateLimit(20, HOUR)
    everyone: RateLimit = RateLimit(3_000, HOUR)


class RequestOrigin(NamedTuple):
    """One who asks: what the counts go by."""

    address: Address
    network: str  #: the /24 or /48 the request came from
    proof: str = ""  #: the challenge that was answered, where one is asked for
    harder: bool = False  #: whether it was the harder one, which lets past the soft caps


@dataclass(slots=True)
class _Count:
    started: int = 0
    last: int = 0
    count: int = 0

    def allows(self, limit: RateLimit, moment: int) -> bool:
        # A count from the future is of a clock that was wrong: it would shut the door until then.
        if not 0 <= moment - self.started < limit.seconds:
            self.started, self.count = moment, 0
        return self.count < limit.count and not 0 <= moment - self.last < limit.apart

    def add(self, moment: int) -> None:
        self.count += 1
        self.last = moment


_Check = tuple[LimitReason, str, RateLimit]
_ONCE = RateLimit(1, DAY)  # longer than any form stays good


def check_requests(
    session: Session,
    asks: Sequence[RequestOrigin],
    limits: RateLimits,
    hashes: Hashes,
    now: datetime,
) -> list[LimitReason | None]:
    """Count each ask, and tell what stops it; a stopped one counts for network and proof only.

    Of the address only the domain is looked at: even one page of the disk more or less can be told
    by the time of an answer, and would say that somebody had asked for the same address before.
    """
    _one_at_a_time(session, "sign-ups")
    return _weigh_all(session, [(_checks(ask, limits, hashes), now) for ask in asks])


def check_addresses(
    session: Session, asks: Iterable[tuple[str, str, datetime]], limit: RateLimit, hashes: Hashes
) -> list[LimitReason | None]:
    """Count each ask (an address's key, a newsletter, when), and tell which come too often.

    All spellings of a mailbox count as one. It rests between two of one newsletter; so many in all
    is for all newsletters. Nobody may be waiting for the answer.
    """
    _one_at_a_time(session, "addresses")
    checks = [(_mailbox_checks(key, of, limit, hashes), moment) for key, of, moment in asks]
    return _weigh_all(session, checks)


def reset_address(session: Session, address_key: str, newsletter: str, hashes: Hashes) -> None:
    """End a mailbox's rest: it has answered, and may leave and sign up again in between."""
    known_by = _of_newsletter(address_key, newsletter, hashes)
    session.execute(delete(Throttle).where(col(Throttle.key) == known_by))


def note(session: Session, found: Counter[LimitReason | None], now: datetime) -> None:
    """Count sign-ups by what stopped them, and those that nothing stopped."""
    day = now.date().isoformat()
    counts = [
        {"day": day, "reason": stop.value if stop else LET_IN, "count": number}
        for stop, number in found.items()
    ]
    if counts:
        session.connection().execute(_counting(store.dialect(session)), counts)


def purge(session: Session, now: datetime) -> None:
    """Forget the counts that can't matter any more."""
    moment = int(now.timestamp())
    over = col(Throttle.last) + col(Throttle.seconds) < moment
    old = or_(over, col(Throttle.started) > moment + HOUR)
    session.execute(delete(Throttle).where(old))


def _mailbox_checks(key: str, newsletter: str, limit: RateLimit, hashes: Hashes) -> list[_Check]:
    one = mailbox(key)
    month = [
        (
            LimitReason.ADDRESS,
            hashes.first(f"mailbox {one} in a month"),
            RateLimit(limit.monthly, MONTH),
        ),
    ]
    return [
        *(month if limit.monthly else []),
        (LimitReason.ADDRESS, hashes.first(f"mailbox {one}"), replace(limit, apart=0)),
        (LimitReason.ADDRESS, _of_newsletter(key, newsletter, hashes), limit),
    ]


def _of_newsletter(address_key: str, newsletter: str, hashes: Hashes) -> str:
    return hashes.first(f"mailbox {mailbox(address_key)} {newsletter}")


def _checks(ask: RequestOrigin, limits: RateLimits, hashes: Hashes) -> list[_Check]:
    domain = ask.address.domain
    by_domain = limits.provider if domain in providers() else limits.domain
    everyone = limits.everyone
    if ask.harder:  # it counts all the same
        by_domain, everyone = (replace(one, count=maxsize) for one in (by_domain, everyone))
    proof = [(LimitReason.PUZZLE, hashes.first(f"proof {ask.proof}"), _ONCE)] if ask.proof else []
    return [
        (LimitReason.NETWORK, hashes.first(f"network {ask.network}"), limits.network),
        (LimitReason.EVERYONE, hashes.first("everyone"), everyone),
        *proof,
        (LimitReason.DOMAIN, hashes.first(f"domain {domain}"), by_domain),
    ]


def _one_at_a_time(session: Session, what: str) -> None:
    """Let others wait until the transaction ends: counts two saved at once would count for one."""
    if store.dialect(session) != "sqlite":  # which lets one writer in anyhow
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"throttle {what}"))))


def _weigh_all(
    session: Session, asks: Sequence[tuple[list[_Check], datetime]]
) -> list[LimitReason | None]:
    counted_for = {key: limit.seconds for checks, _ in asks for _, key, limit in checks}
    counts = _load(session, set(counted_for))
    stops = [_weigh(checks, counts, int(now.timestamp())) for checks, now in asks]
    _save(session, counts, counted_for)
    return stops


def _weigh(checks: list[_Check], counts: dict[str, _Count], moment: int) -> LimitReason | None:
    stopped = [stop for stop, key, limit in checks if not counts[key].allows(limit, moment)]
    for stop, key, _ in checks:
        # What is stopped still counts for its network, and its proof is spent.
        if not stopped or (
            stop in (LimitReason.NETWORK, LimitReason.PUZZLE) and stop not in stopped
        ):
            counts[key].add(moment)
    return stopped[0] if stopped else None


def _load(session: Session, keys: set[str]) -> dict[str, _Count]:
    told = json_rows_parameter((key,) for key in keys)
    there = session.connection().execute(_loading(store.dialect(session)), told)
    found = {key: _Count(*facts) for key, *facts in there}
    # Sorted, so that two transactions that write the same rows don't wait for each other.
    return {key: found.get(key) or _Count() for key in sorted(keys)}


def _save(session: Session, counts: dict[str, _Count], counted_for: Mapping[str, int]) -> None:
    told = json_rows_parameter(
        (key, one.started, one.last, one.count, counted_for[key]) for key, one in counts.items()
    )
    session.connection().execute(_saving(store.dialect(session)), told)


@cache
def _counting(dialect: str) -> Any:
    insert = store.upsert_on(dialect, Stopped)
    values = {"count": col(Stopped.count) + insert.excluded.count}
    return insert.on_conflict_do_update(index_elements=["day", "reason"], set_=values)


@cache
def _loading(dialect: str) -> Any:
    names = (col(Throttle.key), col(Throttle.started), col(Throttle.last), col(Throttle.count))
    asked = json_rows(dialect, key=Text)
    return select(*names).join(asked, asked.c.key == col(Throttle.key))


@cache
def _saving(dialect: str) -> Any:
    numbers = dict.fromkeys(("started", "last", "count", "seconds"), BigInteger)
    counts = json_rows(dialect, key=Text, **numbers)
    # SQLite takes ON for a join's unless there is a WHERE before it.
    insert = store.upsert_on(dialect, Throttle).from_select(
        list(counts.c.keys()), select(counts).where(true())
    )
    values = {name: insert.excluded[name] for name in numbers}
    return insert.on_conflict_do_update(index_elements=["key"], set_=values)
