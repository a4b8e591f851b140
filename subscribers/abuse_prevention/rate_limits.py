"""How sign-ups are counted and limited: by network, domain, mailbox, and all together.

The counts are rows of the database under keyed hashes: they outlast a restart, and the table
reveals no address. Each limit is a fixed window that starts with the first request in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from sys import maxsize
from typing import Any, NamedTuple

from sqlalchemy import Text, delete, func, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import sql
from subscribers.address import Address, mailbox, providers
from subscribers.models import RateCount, StoppedSignups
from subscribers.tokens import Hashes

LET_IN = "let in"  # the row that counts sign-ups nothing stopped
HOUR = 3_600
DAY = 24 * HOUR
MONTH = 30 * DAY
_KIND = 8  # hex digits that tell a mailbox's counts apart, after the hash that they share


class LimitReason(StrEnum):
    """What stopped a sign-up; each reason is counted by the day."""

    ADDRESS = "address"  #: a letter went to this mailbox too recently, or too many did
    DOMAIN = "domain"  #: too many sign-ups for addresses of one domain
    NETWORK = "network"  #: too many sign-ups from one network
    EVERYONE = "everyone"  #: too many sign-ups in all
    TRAP = "trap"  #: a field that no person sees was filled in
    FORM = "form"  #: the form's token is missing, wrong or too old
    FAST = "fast"  #: the form was filled in faster than a person can
    ORIGIN = "origin"  #: a page of another site sent it
    PUZZLE = "puzzle"  #: the proof of work is missing, wrong or spent
    DISPOSABLE = "disposable"  #: the domain is one for throwaway addresses
    DECLINED = "declined"  #: the mailbox's owner disowned an earlier sign-up
    SUPPRESSED = "suppressed"  #: the address must not be mailed


@dataclass(frozen=True)
class RateLimit:
    """At most *count* in a window of *seconds*, and at least *apart* seconds between two."""

    count: int
    seconds: int
    apart: int = 0
    monthly: int = 0  #: the most in 30 days; 0 for no such limit


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """The limits on sign-ups.

    The ones on a domain and on everyone are soft: a harder proof of work lets a request past them.
    """

    address: RateLimit = RateLimit(3, DAY, apart=HOUR, monthly=8)  #: of letters to a mailbox
    domain: RateLimit = RateLimit(30, HOUR)
    provider: RateLimit = RateLimit(600, HOUR)  #: for a domain among `providers`
    network: RateLimit = RateLimit(20, HOUR)
    everyone: RateLimit = RateLimit(3_000, HOUR)


class RequestOrigin(NamedTuple):
    """What a sign-up request is counted by."""

    address: Address
    network: str  #: the /24 or /48 the request came from
    proof: str = ""  #: the answered challenge, where one is required
    harder: bool = False  #: whether that challenge was the harder one, which passes the soft limits


@dataclass(slots=True)
class _Count:
    started: int = 0
    last: int = 0
    count: int = 0

    def allows(self, limit: RateLimit, moment: int) -> bool:
        # A start in the future comes from a wrong clock, and would block everything until then.
        if not 0 <= moment - self.started < limit.seconds:
            self.started, self.count = moment, 0
        return self.count < limit.count and not 0 <= moment - self.last < limit.apart

    def add(self, moment: int) -> None:
        self.count += 1
        self.last = moment


_Check = tuple[LimitReason, str, RateLimit]
_ONCE = RateLimit(1, DAY)  # longer than any form stays good
#: A stopped request still counts for its network, and its proof is spent.
_ALWAYS_COUNTED = (LimitReason.NETWORK, LimitReason.PUZZLE)


def check_requests(
    session: Session,
    requests: Sequence[RequestOrigin],
    limits: RateLimits,
    hashes: Hashes,
    now: datetime,
) -> list[LimitReason | None]:
    """Count each request, and return for each what stops it, ``None`` where nothing does.

    Count a stopped request for its network and its proof only. Of the address, look at the domain
    alone: a read that depends on the address would show in the time of the answer, and reveal that
    somebody had asked for the same address before.
    """
    _one_at_a_time(session, "sign-ups")
    known_by = cache(hashes.first)  # of a transaction's requests, many share what they count for
    moment = int(now.timestamp())
    checks = [(_checks(request, limits, known_by), moment) for request in requests]
    return _count_all(session, checks)


def check_addresses(
    session: Session,
    requests: Iterable[tuple[str, str, datetime]],
    limit: RateLimit,
    hashes: Hashes,
) -> list[LimitReason | None]:
    """Count each request by its mailbox, and return for each what stops it, or ``None``.

    A request is an address's key, a newsletter and a moment. All spellings of a mailbox count as
    one. The time between two holds for each newsletter, the totals for all newsletters together.
    The time this takes depends on the address, so call it where nobody waits for the answer.
    """
    _one_at_a_time(session, "addresses")
    times = [limit, replace(limit, apart=0)]
    if limit.monthly:
        times.append(RateLimit(limit.monthly, MONTH))
    checks = [
        (_mailbox_checks(key, newsletter, times, hashes), int(moment.timestamp()))
        for key, newsletter, moment in requests
    ]
    return _count_all(session, checks)


def reset_address(session: Session, address_key: str, newsletter: str, hashes: Hashes) -> None:
    """Forget a mailbox's count for one newsletter: its reader confirmed, and may sign up anew."""
    known_by, *_ = _mailbox_keys(address_key, newsletter, hashes)
    session.execute(delete(RateCount).where(col(RateCount.key) == known_by))


def note(session: Session, stops: Counter[LimitReason | None], now: datetime) -> None:
    """Add to the day's totals of sign-ups by what stopped them; ``None`` is let in."""
    day = now.date().isoformat()
    counts = [
        {"day": day, "reason": stop.value if stop else LET_IN, "count": number}
        for stop, number in stops.items()
    ]
    if counts:
        session.connection().execute(_counting(sql.dialect(session)), counts)


def purge(session: Session, now: datetime) -> None:
    """Delete the counts whose window is over, and those a wrong clock wrote."""
    moment = int(now.timestamp())
    over = col(RateCount.last) + col(RateCount.seconds) < moment
    old = or_(over, col(RateCount.started) > moment + HOUR)
    session.execute(delete(RateCount).where(old))


def _mailbox_checks(
    key: str, newsletter: str, limits: Sequence[RateLimit], hashes: Hashes
) -> list[_Check]:
    """Return the checks of one newsletter's letters, of all letters, and of a month's, if any."""
    known_by = _mailbox_keys(key, newsletter, hashes)
    return [
        (LimitReason.ADDRESS, known, limit) for known, limit in zip(known_by, limits, strict=False)
    ]


def _mailbox_keys(address_key: str, newsletter: str, hashes: Hashes) -> tuple[str, str, str]:
    """Return the keys of a mailbox's counts: of one newsletter, of all, of all in a month.

    All begin alike, so that they stand on one page of the index: pages are what a count costs.
    """
    every = hashes.first(f"mailbox {mailbox(address_key)}")
    one, month = hashes.first(f"newsletter {newsletter}"), hashes.first("month")
    return every + one[:_KIND], every, every + month[:_KIND]


def _checks(
    request: RequestOrigin, limits: RateLimits, known_by: Callable[[str], str]
) -> list[_Check]:
    domain = request.address.domain
    by_domain = limits.provider if domain in providers() else limits.domain
    everyone = limits.everyone
    if request.harder:  # still counted, never stopped
        by_domain, everyone = (replace(limit, count=maxsize) for limit in (by_domain, everyone))
    proof = []
    if request.proof:
        proof = [(LimitReason.PUZZLE, known_by(f"proof {request.proof}"), _ONCE)]
    return [
        (LimitReason.NETWORK, known_by(f"network {request.network}"), limits.network),
        (LimitReason.EVERYONE, known_by("everyone"), everyone),
        *proof,
        (LimitReason.DOMAIN, known_by(f"domain {domain}"), by_domain),
    ]


def _one_at_a_time(session: Session, lock: str) -> None:
    """Lock others out until the transaction ends: of two concurrent counts one would be lost."""
    if sql.dialect(session) != "sqlite":  # SQLite has one writer at a time anyway
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"throttle {lock}"))))


def _count_all(
    session: Session, requests: Sequence[tuple[list[_Check], int]]
) -> list[LimitReason | None]:
    windows = {key: limit.seconds for checks, _ in requests for _, key, limit in checks}
    counts = _load(session, set(windows))
    stops = [_count(checks, counts, moment) for checks, moment in requests]
    _save(session, counts, windows)
    return stops


def _count(checks: list[_Check], counts: dict[str, _Count], moment: int) -> LimitReason | None:
    stopped = [stop for stop, key, limit in checks if not counts[key].allows(limit, moment)]
    for stop, key, _ in checks:
        if not stopped or (stop in _ALWAYS_COUNTED and stop not in stopped):
            counts[key].add(moment)
    return stopped[0] if stopped else None


def _load(session: Session, keys: set[str]) -> dict[str, _Count]:
    parameter = sql.json_rows_parameter((key,) for key in keys)
    rows = _LOAD.fetch(session, tuple(parameter.values()))
    known = {key: _Count(started, last, count) for key, started, last, count in rows}
    # Sorted, so that two transactions that write the same rows can't deadlock.
    return {key: known.get(key) or _Count() for key in sorted(keys)}


def _save(session: Session, counts: dict[str, _Count], windows: Mapping[str, int]) -> None:
    rows: list[sql.Row] = [
        (key, count.started, count.last, count.count, windows[key]) for key, count in counts.items()
    ]
    _SAVE.run(session, rows)


@cache
def _counting(dialect: str) -> Any:
    insert = sql.upsert_on(dialect, StoppedSignups)
    values = {"count": col(StoppedSignups.count) + insert.excluded.count}
    return insert.on_conflict_do_update(index_elements=["day", "reason"], set_=values)


def _loading(dialect: str) -> Any:
    names = (col(RateCount.key), col(RateCount.started), col(RateCount.last), col(RateCount.count))
    parameters = sql.json_rows(dialect, key=Text)
    return select(*names).join(parameters, parameters.c.key == col(RateCount.key))


def _saving(dialect: str) -> Any:
    insert = sql.upsert_on(dialect, RateCount)
    values = {name: insert.excluded[name] for name in _NUMBERS}
    return insert.on_conflict_do_update(index_elements=["key"], set_=values)


_NUMBERS = ("started", "last", "count", "seconds")
_LOAD = sql.BulkStatement(_loading, [sql.PARAMETER])
_SAVE = sql.BulkStatement(_saving, ["key", *_NUMBERS])
