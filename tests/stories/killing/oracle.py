"""The oracle: the provider's ledger against ours, after every kill."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.db import Database
from digest.delivery.counts import DeliveryCounts, count_deliveries
from tests.stories.killing.installation import EDITION


@dataclass(frozen=True)
class Ours:
    """Our ledger's rows, as plain tuples by name."""

    batches: list[Any]
    attempts: dict[str, Any]
    outcomes: dict[int, str]
    counts: DeliveryCounts


def ours(path: Path) -> Ours:
    """Read our ledger, with nothing of the engine but its counts."""
    database = Database(f"sqlite:///{path}")
    with database.read() as session:
        counts = count_deliveries(session, EDITION)
    database.close()
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return Ours(
            batches=db.execute("SELECT * FROM batch ORDER BY first_delivery").fetchall(),
            attempts={row["key"]: row for row in db.execute("SELECT * FROM attempt")},
            outcomes=dict(db.execute("SELECT id, outcome FROM delivery WHERE outcome IS NOT NULL")),
            counts=counts,
        )


def theirs(ledger: Path) -> list[tuple[str, str, str, str]]:
    """Read the provider's ledger: (batch, attempt, delivery, address) of each mail it took."""
    with closing(sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(
            "SELECT r.batch, r.attempt, m.delivery, lower(m.address)"
            " FROM messages m JOIN requests r ON r.id = m.request"
        ).fetchall()


def violations(path: Path, ledger: Path, *, readers: int) -> list[str]:
    """Return each breach of I1 to I4, in words; nothing when all hold."""
    mine, took = ours(path), theirs(ledger)
    return [
        *_doubles(took),
        *_balance(mine, readers),
        *_trusted(mine, took),
    ]


def _doubles(took: list[tuple[str, str, str, str]]) -> list[str]:
    copies = Counter(address for *_, address in took)
    return [f"I1: {who} got {times} copies" for who, times in copies.items() if times > 1]


def _balance(mine: Ours, readers: int) -> list[str]:
    found = []
    if not mine.counts.balances or mine.counts.candidates != readers:
        found.append(f"I2: {readers} readers, and counts {mine.counts}")
    for batch in mine.batches:
        if batch["state"] == "split":
            continue
        span = range(batch["first_delivery"], batch["last_delivery"] + 1)
        apart = sum(1 for number in span if number in mine.outcomes)
        if len(span) != batch["size"] + apart:
            found.append(f"I2: batch {batch['number']} has {batch['size']} of {len(span)}")
    return found


def _trusted(mine: Ours, took: list[tuple[str, str, str, str]]) -> list[str]:
    """Whatever the provider took was claimed and started before, and is no more claimable."""
    found = []
    by_key = {batch["key"]: batch for batch in mine.batches}
    mailed = {int(delivery) for _, _, delivery, _ in took}
    for key, by in {(batch, attempt) for batch, attempt, *_ in took}:
        attempt, batch = mine.attempts.get(by), by_key.get(key)
        if attempt is None or batch is None or attempt["started_at"] is None:
            found.append(f"I4: the provider has a request of attempt {by}, and we no start of it")
        elif batch["state"] not in {"accepted", "in-doubt", "started"}:
            found.append(f"I3: batch {batch['number']} was taken and is {batch['state']}")
    for batch in mine.batches:
        if batch["state"] == "accepted":
            span = set(range(batch["first_delivery"], batch["last_delivery"] + 1))
            lost = span - mine.outcomes.keys() - mailed
            if lost:
                found.append(f"I2: batch {batch['number']} lost {len(lost)} readers")
    return found


def doubts(path: Path) -> list[tuple[str, str]]:
    """Return (batch, attempt) of each batch in doubt or still marked as started."""
    return [
        (batch["key"], batch["attempt"])
        for batch in ours(path).batches
        if batch["state"] in {"in-doubt", "started"}
    ]


def took(ledger: Path, attempt: str) -> bool:
    """Tell whether the provider accepted an attempt, as a look at its activity would."""
    return any(by == attempt for _, by, *_ in theirs(ledger))
