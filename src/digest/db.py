"""The database: one engine, one session per unit of work."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError, SQLAlchemyError
from sqlmodel import Session

from digest.errors import DatabaseUnfit

BUSY_SECONDS = 30
SCRUB_MS = 200  #: how long scrubbing waits for who reads just now; else it is done another day
#: Counted after an INSERT too: it tells whether a turn was won, and how many readers were frozen.
ROWCOUNT = {"preserve_rowcount": True}
#: The drivers that are worked with; without one, an address means the first of its kind.
_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
#: What psycopg takes as an object of Python and no address can give it.
_NO_TEXT = frozenset({"autocommit", "context", "cursor_factory", "row_factory"})
_NEVER = "none"
#: SQLite's page cache a connection, in KiB: enough for a batch, small enough to keep memory flat.
CACHE_KIB = 16_000


class Database:
    """Hands out sessions: `read` sees one snapshot, `write` is the one writer and commits."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            self.engine = _open(self.url, is_sqlite=self.is_sqlite)
        except ModuleNotFoundError as fault:
            raise DatabaseUnfit(
                f"PostgreSQL needs a package that isn't here: {fault.name}",
                next_step='pip install "psycopg[binary]"',
            ) from None
        except (TypeError, ValueError):  # its words would quote the address
            raise DatabaseUnfit("a parameter in DIGEST_DATABASE_URL has no fitting value") from None
        self._writing = self.engine.execution_options(digest_writes=True)
        # SQLite lets one writer in and makes the others poll; threads of this process queue here.
        self._turn: Any = threading.Lock() if self.is_sqlite else nullcontext()

    @property
    def path(self) -> Path | None:
        """The file of a SQLite store; ``None`` where it is no file, or one named by an URI."""
        name = str(self.url.database or "")
        plain = self.is_sqlite and name not in {"", ":memory:"} and not name.startswith("file:")
        return Path(name) if plain else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits at the end, or rolls everything back on an error."""
        with self._turn, Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def scrub(self) -> None:
        """Leave nothing of deleted rows in SQLite's log beside the file, unless somebody reads it.

        In the file itself they are overwritten at once (`secure_delete`).
        """
        if self.is_sqlite:
            with self._turn, self.engine.connect() as connection:
                for pragma in (
                    f"busy_timeout={SCRUB_MS}",  # others wait meanwhile
                    "wal_checkpoint(TRUNCATE)",
                    f"busy_timeout={BUSY_SECONDS * 1000}",
                ):
                    connection.connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the address of a SQLite file, whatever characters its path holds."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def unfit(fault: SQLAlchemyError) -> DatabaseUnfit:
    """Say in words what a database answered, with the next step that fits."""
    words = " ".join(str(getattr(fault, "orig", "")).split())
    step = next((step for known, step in _STEPS if re.search(known, words)), None)
    # Other kinds of error quote what was being written, and may name a reader.
    if isinstance(fault, OperationalError) or type(fault) is DatabaseError or _OPTION in words:
        return DatabaseUnfit(f"the database can't be used: {words}", next_step=step or _ANY_STEP)
    return DatabaseUnfit(f"the database refused: {type(fault).__name__}", next_step=step)


_OPTION = "invalid connection option"
_OWNER = "see that the user who runs this may write to the file and to its folder: ls -la"
_ANY_STEP = "check DIGEST_DATABASE_URL: that the place exists, answers, and may be written to"
#: What SQLite, PostgreSQL and its driver say, and what to do about it; the first that is found.
_STEPS = (
    (r"no such (table|column)|(relation|column) .* does not exist", "digest init"),
    ("file is not a database", "point DIGEST_DATABASE_URL to another file, or restore a backup"),
    ("malformed", "restore a backup"),
    ("unable to open|readonly database", _OWNER),
    ("disk", "look whether the disk is full or failing: df -h"),
    ("locked", "wait for what else writes to it, and try again"),
    (_OPTION, "take it out of DIGEST_DATABASE_URL"),
    ("resolve host", "correct the host in DIGEST_DATABASE_URL, or mend this machine's DNS"),
    ("password", "correct the user and the password in DIGEST_DATABASE_URL"),
    ('role "', "make that user in PostgreSQL (createuser), or correct DIGEST_DATABASE_URL"),
    ('database "', "make that database in PostgreSQL (createdb), or correct DIGEST_DATABASE_URL"),
    ("Is the server running", "start PostgreSQL, or correct host and port in DIGEST_DATABASE_URL"),
    ("timeout", "look whether the host in DIGEST_DATABASE_URL is up, and no firewall is between"),
)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUnfit(_NO_ADDRESS) from None
    kind, _, driver = parsed.drivername.partition("+")
    kind = "postgresql" if kind == "postgres" else kind  # as hosting providers write it
    if kind not in _DRIVERS:
        raise DatabaseUnfit(_NO_ADDRESS)
    if driver not in {"", _DRIVERS[kind]}:
        raise DatabaseUnfit(
            f"DIGEST_DATABASE_URL asks for the driver {driver}, and Digest uses {_DRIVERS[kind]}",
            next_step=f"begin it with {kind}:// and leave the driver out",
        )
    return parsed if kind == "sqlite" else parsed.set(drivername=f"{kind}+{_DRIVERS[kind]}")


_NO_ADDRESS = (
    "DIGEST_DATABASE_URL isn't the address of a SQLite file, such as sqlite:///digest.db, or of a"
    " PostgreSQL, such as postgresql://USER:PASSWORD@HOST/NAME"
)


def _open(url: URL, *, is_sqlite: bool) -> Engine:
    # Parameters are addresses: they must not reach an error message or a log.
    if not is_sqlite:
        bare, given = _psycopg_options(url)
        return create_engine(
            bare,
            hide_parameters=True,
            pool_pre_ping=True,
            execution_options=ROWCOUNT,
            connect_args=given,
        )
    engine = create_engine(
        url,
        hide_parameters=True,
        execution_options=ROWCOUNT,
        pool_size=20,
        max_overflow=20,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _psycopg_options(url: URL) -> tuple[URL, dict[str, int | None]]:
    """Take out of the address what the driver wants as a number: it compares with it."""
    bad = _NO_TEXT & url.query.keys()
    if bad:
        raise DatabaseUnfit(f"DIGEST_DATABASE_URL can't set {', '.join(sorted(bad))}")
    told = url.query.get("prepare_threshold")
    if told is None:
        return url, {}
    if told != _NEVER and not str(told).isdecimal():
        raise DatabaseUnfit(
            "prepare_threshold in DIGEST_DATABASE_URL is neither a number nor none",
            next_step="behind a pooler that can't prepare statements: prepare_threshold=none",
        )
    number = None if told == _NEVER else int(str(told))
    return url.difference_update_query(["prepare_threshold"]), {"prepare_threshold": number}


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late; see _begin
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # with NORMAL a claim isn't on disk before its request leaves
        "foreign_keys=ON",
        "secure_delete=ON",  # who asked to be forgotten isn't readable in the file
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Any) -> None:
    writes = connection.get_execution_options().get("digest_writes", False)
    # A deferred transaction that reads first and writes later fails at once when another wrote.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
