"""The ledger: how accepted requests and mails are kept in SQLite, on disk before the answer."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from digest.errors import BadSetting

MAX_LIMIT = 10_000
#: The SQL condition of each filter of `messages`.
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
    """Return counts of requests, mails and addresses, in all or of one issue, and of duplicates.

    ``duplicates`` counts the surplus copies; ``doubled`` names the first twenty recipients of
    more than one copy.
    """
    of_issue = "WHERE (:issue IS NULL OR issue = :issue)"
    values = {"issue": issue}
    with closing(_open(path)) as db:
        # The part put in is a constant.
        requests = db.execute(f"SELECT count(*) FROM requests {of_issue}", values)  # noqa: S608
        messages = db.execute(
            # The part put in is a constant.
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


def messages(
    path: Path, wanted: Mapping[str, str], limit: int, *, newest: bool
) -> list[AcceptedMail]:
    """Return up to *limit* mails that pass every filter named in *wanted* (see `FILTERS`)."""
    named = {name: text for name, text in wanted.items() if name in FILTERS}
    where = " AND ".join(FILTERS[name] for name in named) or "true"
    order = "DESC" if newest else "ASC"
    sql = f"{SELECT} WHERE {where} ORDER BY m.id {order} LIMIT ?"
    with closing(_open(path)) as db:
        return list(read(db.execute(sql, (*named.values(), min(limit, MAX_LIMIT)))))


def requests(path: Path, limit: int) -> list[dict[str, Any]]:
    """Return up to *limit* accepted requests, oldest first."""
    with closing(_open(path)) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute(
            "SELECT id, message_id, at, recipients, issue, batch, attempt, args AS custom_args"
            " FROM requests ORDER BY id LIMIT ?",
            (min(limit, MAX_LIMIT),),
        )
        return [{**dict(row), "custom_args": orjson.loads(row["custom_args"])} for row in rows]


def content(path: Path, hash: str) -> dict[str, Any]:
    """Return the content with this SHA-256 *hash*, which the mails of a request share."""
    with closing(_open(path)) as db:
        row = db.execute("SELECT body FROM contents WHERE hash = ?", (hash,)).fetchone()
    shared: dict[str, Any] = orjson.loads(row[0])
    return shared


def suppression(path: Path, mail: AcceptedMail) -> str | None:
    """Return the event kind that suppressed the address before *mail* was accepted, or ``None``."""
    with closing(_open(path)) as db:
        row = db.execute(
            "SELECT kind FROM suppressions WHERE address = lower(?) AND message < ?",
            (mail.address, mail.id),
        ).fetchone()
    return row[0] if row else None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)


#: The SQLite application id ("SGFD"), so that no other database is written to by mistake.
APPLICATION_ID = 0x53474644
SCHEMA = """
CREATE TABLE IF NOT EXISTS contents (hash TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, message_id TEXT NOT NULL UNIQUE, at REAL NOT NULL,
    content TEXT NOT NULL REFERENCES contents, args BLOB NOT NULL, recipients INTEGER NOT NULL,
    issue TEXT, batch TEXT, attempt TEXT
);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, request INTEGER NOT NULL REFERENCES requests, place INTEGER NOT NULL,
    address TEXT NOT NULL, issue TEXT, delivery TEXT, own BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS suppressions (
    address TEXT PRIMARY KEY, kind TEXT NOT NULL, message INTEGER NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
WEBHOOK_KEY = "webhook_key"
KEPT_CONTENTS = 20
#: Fields that differ between the requests of one send, and so aren't part of the shared content.
NOT_SHARED = frozenset({"personalizations", "custom_args", "send_at", "batch_id"})
ISSUE, BATCH, ATTEMPT, DELIVERY = (
    "digest_issue",
    "digest_batch",
    "digest_attempt",
    "digest_delivery",
)


@dataclass(frozen=True, slots=True)
class AcceptedMail:
    """One accepted mail, with the fields of its request; *own* is its personalization.

    *at* is in Unix seconds, *place* counts the personalizations of the request from 0.
    """

    id: int
    place: int
    address: str
    own: dict[str, Any]
    request: int
    message_id: str
    at: float
    content: str
    args: dict[str, Any]

    @property
    def custom_args(self) -> dict[str, str]:
        """The custom arguments: the request's, overridden by the personalization's."""
        return {**self.args, **(self.own.get("custom_args") or {})}


class MessageStore:
    """The only writer of the SQLite file; a recorded request is synced before `record` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as fault:
            raise BadSetting(f"{path}: the ledger can't be opened: {fault}") from None
        self._contents: dict[str, dict[str, Any]] = {}
        _prepare(self._db, path)
        rows = self._db.execute("SELECT address, kind, message FROM suppressions")
        self._suppressions = {address: (kind, message) for address, kind, message in rows}
        self._unwritten: list[tuple[str, str, int, float]] = []

    def record(self, body: dict[str, Any], *, at: float) -> str:
        """Write an accepted request and its mails in one transaction; return its X-Message-Id."""
        message_id = secrets.token_urlsafe(16)
        args = body.get("custom_args") or {}
        shared = orjson.dumps({k: v for k, v in body.items() if k not in NOT_SHARED})
        content = sha256(shared).hexdigest()
        rows = list(_rows(body["personalizations"], args))
        with _transaction(self._db) as db:
            db.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (content, shared))
            request = db.execute(
                "INSERT INTO requests (message_id, at, content, args, recipients, issue, batch,"
                " attempt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    message_id,
                    at,
                    content,
                    orjson.dumps(args),
                    len(rows),
                    *(args.get(name) for name in (ISSUE, BATCH, ATTEMPT)),
                ),
            ).lastrowid
            db.executemany(
                "INSERT INTO messages (request, place, address, issue, delivery, own)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [(request, *row) for row in rows],
            )
        return message_id

    def after(self, message: int, limit: int) -> list[AcceptedMail]:
        """Return up to *limit* mails with an id above *message*, oldest first."""
        rows = self._db.execute(f"{SELECT} WHERE m.id > ? ORDER BY m.id LIMIT ?", (message, limit))
        return list(read(rows))

    def content(self, hash: str) -> dict[str, Any]:
        """Return the shared content with this SHA-256 *hash*."""
        if hash not in self._contents:
            if len(self._contents) >= KEPT_CONTENTS:
                self._contents.clear()
            row = self._db.execute("SELECT body FROM contents WHERE hash = ?", (hash,)).fetchone()
            self._contents[hash] = orjson.loads(row[0])
        return self._contents[hash]

    def note(self, name: str) -> str | None:
        """Return the note under *name*, or ``None``."""
        row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def write_note(self, name: str, value: str) -> None:
        """Write *value* under *name*, replacing an earlier note."""
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def suppress(self, address: str, kind: str, message: int, *, at: float) -> None:
        """Suppress *address* for mails with ids above *message*; `keep_suppressions` writes it."""
        if address.lower() not in self._suppressions:
            self._suppressions[address.lower()] = (kind, message)
            self._unwritten.append((address.lower(), kind, message, at))

    def keep_suppressions(self) -> None:
        """Write the suppressions that were added since the last call."""
        if self._unwritten:
            with _transaction(self._db) as db:
                db.executemany(
                    "INSERT OR IGNORE INTO suppressions VALUES (?, ?, ?, ?)", self._unwritten
                )
            self._unwritten = []

    def suppression(self, address: str, message: int) -> str | None:
        """Return the event kind that suppressed *address* before mail *message*, or ``None``."""
        kind, since = self._suppressions.get(address.lower(), (None, message))
        return kind if since < message else None

    def suppressed(self, kind: str, limit: int = 500) -> list[dict[str, Any]]:
        """Return up to *limit* addresses suppressed by *kind*, in the provider's form."""
        rows = self._db.execute(
            "SELECT address, CAST(at AS INTEGER) FROM suppressions WHERE kind = ? LIMIT ?",
            (kind, limit),
        )
        return [{"email": address, "created": at} for address, at in rows]

    def lift(self, address: str, kind: str) -> None:
        """Remove the suppression of *address* by *kind*."""
        if self._suppressions.get(address.lower(), ("", 0))[0] == kind:
            del self._suppressions[address.lower()]
        self._db.execute(
            "DELETE FROM suppressions WHERE address = ? AND kind = ?", (address.lower(), kind)
        )

    def clear(self) -> None:
        """Delete everything but the webhook key."""
        self._contents.clear()
        self._suppressions.clear()
        with _transaction(self._db) as db:
            for table in ("messages", "requests", "contents", "suppressions"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            db.execute("DELETE FROM notes WHERE name != ?", (WEBHOOK_KEY,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()


SELECT = (
    "SELECT m.id, m.place, m.address, m.own, m.request, r.message_id, r.at, r.content, r.args"
    " FROM messages m JOIN requests r ON r.id = m.request"
)


def read(rows: Iterator[Any] | sqlite3.Cursor) -> Iterator[AcceptedMail]:
    """Yield the mails in rows of `SELECT`."""
    for id_, place, address, own, request, message_id, at, content, args in rows:
        yield AcceptedMail(
            id_, place, address, orjson.loads(own), request, message_id, at, content,
            orjson.loads(args),
        )  # fmt: skip


def _rows(personalizations: list[dict[str, Any]], args: dict[str, Any]) -> Iterator[Any]:
    shared_issue, shared_delivery = args.get(ISSUE), args.get(DELIVERY)
    for place, personalization in enumerate(personalizations):
        own = orjson.dumps(personalization)
        own_args = personalization.get("custom_args") or {}
        issue = own_args.get(ISSUE, shared_issue)
        delivery = own_args.get(DELIVERY, shared_delivery)
        for kind in ("to", "cc", "bcc"):
            for mailbox in personalization.get(kind) or ():
                yield place, mailbox["email"], issue, delivery, own


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Commit at the end, or roll back on an error."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    try:
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        ours = db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    except sqlite3.DatabaseError:
        tables, ours = 1, False
    if tables and not ours:
        db.close()
        raise BadSetting(f"{path.name} isn't a ledger of the fake SendGrid; name another file")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 8000")
    with closing(db.executescript(SCHEMA)):
        pass
