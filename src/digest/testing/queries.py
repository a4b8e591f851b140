"""What may be asked of a ledger, read beside its writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from digest.testing.ledger import SELECT, Message, read

MAX_LIMIT = 10_000
#: Which column each filter of `messages` looks at.
FILTERS = {
    "issue": "m.issue = ?",
    "address": "lower(m.address) = lower(?)",
    "delivery": "m.delivery = ?",
    "batch": "r.batch = ?",
    "attempt": "r.attempt = ?",
    "message_id": "r.message_id = ?",
    "id": "m.id = CAST(? AS INTEGER)",
    "after": "m.id > CAST(? AS INTEGER)",
    "before": "m.id < CAST(? AS INTEGER)",
}
#: One mail is a duplicate of another with the same issue (or else content) and address.
_COPIES = """
SELECT coalesce(m.issue, r.content) AS sort, lower(m.address) AS who, count(*) AS copies
FROM messages m JOIN requests r ON r.id = m.request
WHERE (:issue IS NULL OR m.issue = :issue) GROUP BY 1, 2 HAVING copies > 1
"""


def counts(path: Path, issue: str | None = None) -> dict[str, Any]:
    """Count what was accepted, in all or of one issue, and how many got more than one copy.

    ``duplicates`` counts the copies too many; ``doubled`` names the first twenty who got them.
    """
    of_issue = "WHERE (:issue IS NULL OR issue = :issue)"
    values = {"issue": issue}
    with closing(_open(path)) as db:
        requests = db.execute(f"SELECT count(*) FROM requests {of_issue}", values)  # noqa: S608
        messages = db.execute(
            f"SELECT count(*), count(DISTINCT lower(address)) FROM messages {of_issue}",  # noqa: S608
            values,
        )
        accepted, (mails, addresses) = requests.fetchone()[0], messages.fetchone()
        copies = db.execute(_COPIES, values).fetchall()
    return {
        "requests": accepted,
        "messages": mails,
        "addresses": addresses,
        "duplicates": sum(times - 1 for *_, times in copies),
        "doubled": [
            {"issue_or_content": sort, "address": who, "copies": times}
            for sort, who, times in copies[:20]
        ],
    }


def messages(path: Path, wanted: Mapping[str, str], limit: int, *, newest: bool) -> list[Message]:
    """Return up to *limit* mails that pass every filter named in *wanted* (see `FILTERS`)."""
    named = {name: text for name, text in wanted.items() if name in FILTERS}
    where = " AND ".join(FILTERS[name] for name in named) or "true"
    order = "DESC" if newest else "ASC"
    sql = f"{SELECT} WHERE {where} ORDER BY m.id {order} LIMIT ?"
    with closing(_open(path)) as db:
        return list(read(db.execute(sql, (*named.values(), min(limit, MAX_LIMIT)))))


def requests(path: Path, limit: int) -> list[dict[str, Any]]:
    """Return the accepted requests, oldest first."""
    with closing(_open(path)) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute(
            "SELECT id, message_id, at, recipients, issue, batch, attempt, args AS custom_args"
            " FROM requests ORDER BY id LIMIT ?",
            (min(limit, MAX_LIMIT),),
        )
        return [{**dict(row), "custom_args": orjson.loads(row["custom_args"])} for row in rows]


def content(path: Path, hash: str) -> dict[str, Any]:
    """Return the content shared by the mails that carry this hash."""
    with closing(_open(path)) as db:
        row = db.execute("SELECT body FROM contents WHERE hash = ?", (hash,)).fetchone()
    shared: dict[str, Any] = orjson.loads(row[0])
    return shared


def suppression(path: Path, mail: Message) -> str | None:
    """Return what had suppressed the address of a mail before it was accepted."""
    with closing(_open(path)) as db:
        row = db.execute(
            "SELECT kind FROM suppressions WHERE address = lower(?) AND message < ?",
            (mail.address, mail.id),
        ).fetchone()
    return row[0] if row else None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
