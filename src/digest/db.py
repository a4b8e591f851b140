"""The database: one engine, one session per unit of work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlmodel import Session

from digest.errors import DatabaseUnfit

BUSY_SECONDS = 30
SCRUB_MS = 200  #: how long scrubbing waits for who reads just now; else it is done another day
#: Counted after an INSERT too: it tells whether a turn was won, and how many readers were frozen.
ROWCOUNT = {"preserve_rowcount": True}
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
                f"{self.url.get_backend_name()} needs a package that isn't here: {fault.name}",
                next_step='for PostgreSQL: pip install "digest-engine[postgres]"',
            ) from None
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


def _parse(url: str) -> Any:
    try:
        parsed = make_url(url)
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError):
        raise DatabaseUnfit(
            "DIGEST_DATABASE_URL isn't a database address, such as sqlite:///digest.db"
        ) from None
    return parsed


def _open(url: Any, *, is_sqlite: bool) -> Engine:
    # Parameters are addresses: they must not reach an error message or a log.
    if not is_sqlite:
        return create_engine(
            url, hide_parameters=True, pool_pre_ping=True, execution_options=ROWCOUNT
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
