"""Can the time of an answer tell what is known of an address? Six kinds, n posts of each.

    python -m benchmarks.signup_timing [--posts 2000] [--json]

Posts go one by one, the kinds in turn. For each pair of kinds the rank test's z says how surely one
is slower: under 3.0 in any of the fifteen pairs is what chance alone gives.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import median

import httpx2
from sqlmodel import SQLModel

from benchmarks.measurements import Measurement, reporting
from benchmarks.signup import SECRET, form_token_of_old, real, site
from digest.db import Database
from subscribers import lifecycle, store, suppression
from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.address.syntax import parse
from subscribers.models import Standing, SuppressionReason
from subscribers.signup import processing
from subscribers.signup.requests import SignupRequest, record_requests
from subscribers.store import Evidence
from subscribers.tokens import Hashes

KINDS = ("new", "pending", "confirmed", "suppressed", "erased", "bounced")
SURE = 3.0  #: the z that chance alone stays under
WIDE = RateLimit(10**9, 3600)
LIMITS = RateLimits(domain=WIDE, provider=WIDE, network=WIDE, everyone=WIDE)


def address(kind: str, number: int) -> str:
    """Return an address of a kind, of the same length for each."""
    return f"{KINDS.index(kind)}reader{number:06}@example.com"


def prepare(path: Path, posts: int) -> None:
    """Put readers of every kind but the new into the store."""
    database, hashes = Database(f"sqlite:///{path}"), Hashes([SECRET])
    SQLModel.metadata.create_all(database.engine)
    before = datetime.now(UTC) - timedelta(minutes=20)
    for number in range(posts):
        with database.write() as session:
            one = SignupRequest(
                address=parse(address("pending", number)),
                newsletter="weekly",
                form="page",
                wording="Yes.",
                language="en",
                network="192.0.2.0/24",
            )
            record_requests(session, [one], limits=LIMITS, hashes=hashes, now=before)
            processing.process_oldest(session, hashes)
            for kind in KINDS[2:]:
                reader = store.add(session, parse(address(kind, number)), before)
                store.join(session, reader, "weekly", Standing.CONFIRMED, before, source="form")
                key = address(kind, number)
                if kind == "erased":
                    lifecycle.erase(session, reader, Evidence(channel="page"), hashes, before)
                elif kind == "suppressed":
                    suppression.suppress(session, key, SuppressionReason.COMPLAINT, hashes, before)
                elif kind == "bounced":
                    suppression.suppress(
                        session, key, SuppressionReason.HARD_BOUNCE, hashes, before
                    )
    database.close()


def ask_all(port: int, posts: int) -> dict[str, list[float]]:
    """Post for every address once; returns the seconds each took, by kind."""
    token, times = form_token_of_old(), {kind: list[float]() for kind in KINDS}
    shuffled = random.Random(7)  # noqa: S311 - an order, not a secret
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        for number in range(posts):
            for kind in shuffled.sample(KINDS, len(KINDS)):
                fields = {"email": address(kind, number), "form": "page", "token": token}
                started = time.perf_counter()
                answer = http.post("/subscribe", data=fields)
                times[kind].append(time.perf_counter() - started)
                assert answer.is_success
    return times


def z_score(one: list[float], other: list[float]) -> float:
    """Return the rank test's z: how surely one sample is slower than the other."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, start=1) if which == 0)
    n, m = len(one), len(other)
    return (ranks - n * (n + m + 1) / 2) / sqrt(n * m * (n + m + 1) / 12)


def main() -> None:
    """Prepare, ask, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with reporting(as_json=given.json) as found:
        surest = compare(given.posts)
        found.append(
            Measurement(name="The two kinds that differ most", value=surest, unit="z", target=SURE)
        )


def compare(posts: int) -> float:
    """Ask for each kind, tell, and return the largest z of any pair."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder) / "signup.db", posts)
        with site(real, Path(folder)) as (port, _):
            times = ask_all(port, posts)
    print(f"{posts} posts of each kind, machine load {os.getloadavg()[0]:.1f}")
    for kind in KINDS:
        print(f"{kind:<12} median {median(times[kind]) * 1000:.3f} ms")
    scores = {two: z_score(times[two[0]], times[two[1]]) for two in combinations(KINDS, 2)}
    for two, score in sorted(scores.items(), key=lambda pair: -abs(pair[1])):
        print(f"{two[0]:>12} against {two[1]:<12} z = {score:+.2f}")
    return max(map(abs, scores.values()))


if __name__ == "__main__":
    main()
