"""Enumeration: no answer shows whether an address is known (H12)."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations
from math import sqrt
from statistics import median

import httpx2
import pytest
from sqlalchemy import event

from digest.db import Database
from subscribers import lifecycle, suppression
from subscribers.models import Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import Hashes
from tests.subscribers.conftest import MakeReader
from tests.subscribers.web.conftest import Site, hidden

KINDS = ("new", "pending", "asked again", "confirmed", "left", "complained", "erased", "bounced")

Prepare = Callable[[str, str], None]


@pytest.fixture
def prepare(site: Site, make_reader: MakeReader, hashes: Hashes) -> Prepare:
    """Return a function that makes an address one of the kinds."""
    now = site.clock.now

    def prepare(kind: str, address: str) -> None:
        if kind == "asked again":
            site.fill_in(address)
        with site.config.sessions.write() as session:
            if kind in ("pending", "confirmed", "left"):
                standing = Standing.UNSUBSCRIBED if kind == "left" else Standing(kind)
                make_reader(session, address, standing)
            elif kind == "complained":
                make_reader(session, address)
                suppression.suppress(session, address, SuppressionReason.COMPLAINT, hashes, now)
            elif kind == "erased":
                reader = make_reader(session, address)
                lifecycle.erase(session, reader, Evidence(channel="page"), hashes, now)
            elif kind == "bounced":
                make_reader(session, address)
                suppression.suppress(session, address, SuppressionReason.HARD_BOUNCE, hashes, now)

    return prepare


def post(site: Site, form: dict[str, str], address: str) -> httpx2.Response:
    return site.http.post("/subscribe", data={**form, "email": address})


@pytest.fixture
def form(site: Site) -> dict[str, str]:
    found = hidden(site.http.get("/subscribe").text)
    site.clock.advance(seconds=3)
    return found


def test_H12_status_headers_and_body_are_the_same_for_every_kind_of_address(
    site: Site, prepare: Prepare, form: dict[str, str]
) -> None:
    seen = set()
    for kind in KINDS:
        address = f"{kind.replace(' ', '.')}@example.com"
        prepare(kind, address)
        answer = post(site, form, address)
        headers = tuple(pair for pair in answer.headers.items() if pair[0] != "date")
        seen.add((answer.status_code, headers, answer.text))
    assert len(seen) == 1


def test_H12_the_same_statements_run_for_every_kind_of_address(
    site: Site, prepare: Prepare, form: dict[str, str], sqlite_database: Database
) -> None:
    ran: list[str] = []
    event.listen(
        sqlite_database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: ran.append(statement),
    )
    found = {}
    for kind in KINDS:
        address = f"{kind.replace(' ', '.')}@example.com"
        prepare(kind, address)
        ran.clear()
        post(site, form, address)
        found[kind] = tuple(ran)
    assert len(set(found.values())) == 1, {kind: len(ran) for kind, ran in found.items()}


def test_H12_the_times_of_any_two_kinds_can_not_be_told_apart(
    site: Site, prepare: Prepare, form: dict[str, str]
) -> None:
    rounds = 60
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for n in range(rounds):
        for kind in KINDS:
            prepare(kind, f"{kind.replace(' ', '.')}{n}@example.com")
    post(site, form, "warm.up@example.com")
    for n in range(rounds):
        for kind in KINDS[n % len(KINDS) :] + KINDS[: n % len(KINDS)]:
            started = time.perf_counter()
            post(site, form, f"{kind.replace(' ', '.')}{n}@example.com")
            times[kind].append(time.perf_counter() - started)
    worst = max(combinations(KINDS, 2), key=lambda two: abs(z_score(times[two[0]], times[two[1]])))
    assert abs(z_score(times[worst[0]], times[worst[1]])) < 4.5, (
        worst,
        {kind: round(median(times[kind]) * 1000, 2) for kind in KINDS},
    )


def z_score(one: list[float], other: list[float]) -> float:
    """Return the Mann-Whitney rank test's z: how surely one sample is slower than the other."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, start=1) if which == 0)
    n, m = len(one), len(other)
    expected, spread = n * (n + m + 1) / 2, sqrt(n * m * (n + m + 1) / 12)
    return (ranks - expected) / spread
