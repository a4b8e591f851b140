"""Open the database and hand out sessions, one per unit of work.

This module hides what SQLite and PostgreSQL ask for: drivers, pragmas, how a transaction begins,
and what each database's error messages mean for the operator.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
)
from sqlmodel import Session

from digest.errors import DatabaseUnfit, PackageMissing
from digest.server_clock import ServerClock
from digest.write_turn import begin_writing

BUSY_SECONDS = 30
SCRUB_MS = 200  #: how long a checkpoint waits for readers; the next one tries again
#: Row counts after an INSERT too: they tell whether a slot was won, and how many recipients froze.
ROWCOUNT = {"preserve_rowcount": True}
#: The driver used for each kind of database, also where the URL names none.
_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
#: Parameters that psycopg takes as Python objects only, so that no URL can carry them.
_NO_TEXT = frozenset({"autocommit", "context", "cursor_factory", "row_factory"})
_NEVER = "none"
#: Connections to a server that a process has at once, and those that it keeps when idle.
MOST_CONNECTIONS, KEPT_CONNECTIONS = 10, 5
#: SQLite's page cache per connection, in KiB: holds the indexes that an import or events go to and
#: fro in, and keeps memory use flat.
CACHE_KIB = 16_000
#: The same where each statement reads what none before it has read, as those of a send do.
SMALL_CACHE_KIB = 250


class Database:
    """One database with its connection pool.

    `read` opens a session on one snapshot; `write` opens the one session that commits. Raises
    `DatabaseUnfit` for a URL of another database, a missing driver or a bad parameter.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            self.engine = _open(self.url, is_sqlite=self.is_sqlite)
        except ModuleNotFoundError as fault:
            raise PackageMissing(
                f"PostgreSQL needs a package that isn't installed: {fault.name}"
            ) from None
        except (TypeError, ValueError):  # the library's message would quote the URL
            raise DatabaseUnfit("a parameter in DIGEST_DATABASE_URL has an invalid value") from None
        #: The time that every process on this database goes by: the server's, where there is one.
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        if not self.is_sqlite:
            self.clock = _server_clock(self.engine)
        #: Called with each session that writes: before it commits, and once it has.
        self.before_commit: Callable[[Session], None] = lambda _: None
        self.after_commit: Callable[[Session], None] = lambda _: None
        self._writing = self.engine.execution_options(digest_writes=True)
        # SQLite admits one writer and makes others poll; this process's threads queue on a lock.
        self._write_lock: Any = threading.Lock() if self.is_sqlite else nullcontext()
        self._watching: Any = None
        self._watch_lock = threading.Lock()
        self._closed = False

    @cached_property
    def is_pooled(self) -> bool:
        """Whether a connection pool, such as pgbouncer, stands between here and the server."""
        if self.is_sqlite:
            return False
        with self.engine.connect() as connection:
            return _is_pooled(connection.connection.driver_connection)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database; ``None`` for memory, a ``file:`` URI, or PostgreSQL."""
        name = self._sqlite_name
        return Path(name) if name not in {"", ":memory:"} and not name.startswith("file:") else None

    def beside(self, suffix: str) -> Path:
        """Return the path of a file of this database's own: its name and *suffix*.

        A database without a name of its own has the file ``digest`` and *suffix* in this folder.
        """
        return Path(f"{self._sqlite_name or 'digest'}{suffix}")

    @property
    def _sqlite_name(self) -> str:
        return (self.url.database or "") if self.is_sqlite else ""

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block, or rolls back on an error."""
        with (
            self._write_lock,
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
            self.before_commit(session)
        self.after_commit(session)

    def mark(self) -> object:
        """Return a value that differs after any commit, at the cost of next to nothing.

        It is equal only to one of this process and database.
        """
        if self.path is not None:
            with self._watch_lock:
                return self._data_version()
        if self.is_sqlite:  # in memory, or named by a URI: another connection may see another one
            return object()
        with self.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one()

    def _data_version(self) -> object:
        """Ask a connection that writes nothing: SQLite counts for it what the others commit."""
        if self._closed:
            return object()
        if self._watching is None:
            connection = self.engine.raw_connection()
            self._watching = connection.driver_connection
            connection.detach()
        return self._watching.execute("PRAGMA data_version").fetchone()

    def cache_less(self) -> None:
        """Let connections to SQLite, from now on, keep no more pages than a batch of a send has."""
        if self.is_sqlite:
            self.disconnect()
            event.listen(self.engine, "connect", _cache_less)

    def scrub(self) -> None:
        """Truncate SQLite's write-ahead log, so that it holds nothing of deleted rows.

        Waits `SCRUB_MS` milliseconds for readers, and leaves the log alone if they are still there.
        In the database file, deleted rows are overwritten at once (``PRAGMA secure_delete``).
        """
        if self.is_sqlite:
            with self._write_lock, self.engine.connect() as connection:
                for pragma in (
                    f"busy_timeout={SCRUB_MS}",  # writers wait meanwhile
                    "wal_checkpoint(TRUNCATE)",
                    f"busy_timeout={BUSY_SECONDS * 1000}",
                ):
                    connection.connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        """Close every connection; one that a thread still uses is closed once it is given back."""
        self._closed = True
        event.listen(self.engine, "checkin", _close_returned)
        self.disconnect()

    def disconnect(self) -> None:
        """Close what no thread uses, such as before a fork; others are opened as needed."""
        with self._watch_lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = None
        self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file; every character of its path is escaped."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def unfit(fault: SQLAlchemyError) -> DatabaseUnfit:
    """Return a database's error as `DatabaseUnfit`, with the next step that fits its message."""
    words = " ".join(str(getattr(fault, "orig", "")).split())
    step = next((step for pattern, step in _STEPS if re.search(pattern, words)), None)
    # Other classes of error quote the row that was being written, which may name a reader.
    if isinstance(fault, OperationalError) or type(fault) is DatabaseError or _OPTION in words:
        return DatabaseUnfit(f"the database can't be used: {words}", next_step=step or _ANY_STEP)
    if step == _UPGRADE:
        return DatabaseUnfit("the database's tables belong to another version", next_step=step)
    if isinstance(fault, IntegrityError):  # such as two processes that plan one issue at once
        refused = "the database refused a row that conflicts with another"
        return DatabaseUnfit(
            refused, next_step=step or "run the command again: another process may have been faster"
        )
    return DatabaseUnfit("the database refused a statement", next_step=step)


_OPTION = "invalid connection option"
_UPGRADE = "digest init"
_OWNER = "make sure that the current user can write to the file and its folder: ls -la"
_ANY_STEP = "check DIGEST_DATABASE_URL: the database must exist, answer, and be writable"
#: Patterns of SQLite's, PostgreSQL's and psycopg's messages; the first match gives the next step.
_STEPS = (
    (r"no such (table|column)|(relation|column) .* does not exist", _UPGRADE),
    (
        "no such module: fts5",
        "this Python's SQLite was built without full-text search: use another one, such as that of"
        " python.org or your system, or PostgreSQL",
    ),
    ("file is not a database", "point DIGEST_DATABASE_URL to another file, or restore a backup"),
    ("malformed", "restore a backup"),
    ("unable to open|readonly database", _OWNER),
    ("disk", "check whether the disk is full or failing: df -h"),
    ("locked", "wait until the other process has finished writing, and try again"),
    (_OPTION, "remove it from DIGEST_DATABASE_URL"),
    ("resolve host", "correct the host in DIGEST_DATABASE_URL, or fix this machine's DNS"),
    ("password", "correct the user and the password in DIGEST_DATABASE_URL"),
    ('role "', "create the user in PostgreSQL (createuser), or correct DIGEST_DATABASE_URL"),
    ('database "', "create the database in PostgreSQL (createdb), or correct DIGEST_DATABASE_URL"),
    (
        "statement pooling mode",
        "let the pool keep a connection for a whole transaction: pool_mode = transaction",
    ),
    (
        "unsupported startup parameter",
        "remove it from DIGEST_DATABASE_URL, since the pool passes none on; set it in the database:"
        " ALTER DATABASE ... SET",
    ),
    (
        "prepared statement",
        "the pool keeps no prepared statements: prepare_threshold=none in DIGEST_DATABASE_URL",
    ),
    (
        "query_wait_timeout|no more connections allowed",
        "let the pool open more connections: default_pool_size, max_client_conn",
    ),
    (
        "too many clients|remaining connection slots",
        "raise max_connections in PostgreSQL, or put a pool in front of it: digest docs machines",
    ),
    (
        "is starting up|not yet accepting|is shutting down|in recovery mode",
        "wait until PostgreSQL has started, and try again",
    ),
    (
        "Is the server running",
        "start PostgreSQL, or correct the host and port in DIGEST_DATABASE_URL",
    ),
    ("timeout", "check that the host in DIGEST_DATABASE_URL is up and not behind a firewall"),
)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUnfit(_NO_ADDRESS) from None
    if "@" in (parsed.host or ""):  # the rest of a password, which a message would quote
        raise DatabaseUnfit(
            "a password in DIGEST_DATABASE_URL has an @",
            next_step="write @ as %40 there, / as %2F, and % as %25",
        )
    kind, _, driver = parsed.drivername.partition("+")
    kind = "postgresql" if kind == "postgres" else kind  # as hosting providers write it
    if kind not in _DRIVERS:
        raise DatabaseUnfit(_NO_ADDRESS)
    if driver not in {"", _DRIVERS[kind]}:
        raise DatabaseUnfit(
            f"DIGEST_DATABASE_URL asks for the driver {driver}, and Digest uses {_DRIVERS[kind]}",
            next_step=f"start it with {kind}:// and leave the driver out",
        )
    return parsed if kind == "sqlite" else parsed.set(drivername=f"{kind}+{_DRIVERS[kind]}")


_NO_ADDRESS = (
    "DIGEST_DATABASE_URL isn't the address of a SQLite file, such as sqlite:///digest.db, or of a"
    " PostgreSQL, such as postgresql://USER:PASSWORD@HOST/NAME"
)


def _open(url: URL, *, is_sqlite: bool) -> Engine:
    # Statement parameters hold readers' addresses, which must not reach an error or a log.
    if not is_sqlite:
        bare, options = _psycopg_options(url)
        engine = create_engine(
            bare,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=KEPT_CONNECTIONS,
            max_overflow=MOST_CONNECTIONS - KEPT_CONNECTIONS,
            execution_options=ROWCOUNT,
            connect_args=options,
        )
        if not options:
            event.listen(engine, "connect", _prepare_nothing_in_a_pool)
        return engine
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


def _close_returned(_connection: Any, record: Any) -> None:
    record.close()


def _prepare_nothing_in_a_pool(connection: Any, _record: Any) -> None:
    """Where a pool may take each transaction to another server process, prepare no statement."""
    if _is_pooled(connection):
        connection.prepare_threshold = None


def _is_pooled(connection: Any) -> bool:
    """Return whether the process that answers isn't the one that was connected to."""
    (answering,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    return bool(answering != connection.info.backend_pid)


def _server_clock(engine: Engine) -> ServerClock:
    """Return a clock that is set by the connections in use, since another might be one too many."""
    clock = ServerClock()

    def read(connection: Any, _record: Any, _proxy: Any) -> None:
        if not clock.is_due():
            return
        with suppress(engine.dialect.loaded_dbapi.Error):  # the next statement says it better
            clock.set(connection.execute("SELECT clock_timestamp()").fetchone()[0])
            connection.rollback()

    event.listen(engine, "checkout", read)
    return clock


def _psycopg_options(url: URL) -> tuple[URL, dict[str, int | None]]:
    """Return the URL without ``prepare_threshold``, and that option as the number psycopg needs."""
    bad = _NO_TEXT & url.query.keys()
    if bad:
        raise DatabaseUnfit(f"DIGEST_DATABASE_URL can't set {', '.join(sorted(bad))}")
    threshold = url.query.get("prepare_threshold")
    if threshold is None:
        return url, {}
    if threshold != _NEVER and not str(threshold).isdecimal():
        raise DatabaseUnfit(
            "prepare_threshold in DIGEST_DATABASE_URL is neither a number nor none",
            next_step="behind a pooler that can't prepare statements: prepare_threshold=none",
        )
    number = None if threshold == _NEVER else int(str(threshold))
    return url.difference_update_query(["prepare_threshold"]), {"prepare_threshold": number}


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: see _begin
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # with NORMAL a claim isn't on disk before its request leaves
        "foreign_keys=ON",
        "secure_delete=ON",  # an erased reader must not stay readable in the file
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _cache_less(connection: Any, _record: Any) -> None:
    connection.execute(f"PRAGMA cache_size=-{SMALL_CACHE_KIB}")


def _begin(connection: Any) -> None:
    writes = connection.get_execution_options().get("digest_writes", False)
    # A deferred transaction that reads, then writes, fails at once if another wrote in between.
    driver, failures = (
        connection.connection.driver_connection,
        connection.dialect.loaded_dbapi.Error,
    )
    try:
        if writes:
            begin_writing(driver)
        else:
            driver.execute("BEGIN")  # 20 µs less than by the toolkit
    except failures as fault:
        raise DBAPIError.instance("BEGIN", None, fault, failures) from None
