"""A PostgreSQL server for the tests: the one a URL names, or a new one in a folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from digest.migrations.all_tables import METADATA

URL_VARIABLE = "DIGEST_TEST_POSTGRES_URL"
#: Speed for durability: nothing here must outlive the machine.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
#: Runs a server for as long as its own standard input stays open: it ends with the tests, however
#: those end.
UNTIL_EOF = '"$@" & read -r _; kill -INT $!; wait $!'
START_SECONDS = 60


class NoPostgres(Exception):
    """No PostgreSQL was found: name one in DIGEST_TEST_POSTGRES_URL, or install one."""


@contextmanager
def running_postgres() -> Iterator[URL]:
    """Yield the address of a server where databases may be made; raises `NoPostgres`."""
    named = os.environ.get(URL_VARIABLE)
    if named:
        yield make_url(named).set(drivername="postgresql+psycopg")
        return
    with postgres_server(*FAST) as server:
        yield server.url


@contextmanager
def postgres_server(*options: str) -> Iterator[PostgresServer]:
    """Run a server of one's own, which may be crashed and started again; raises `NoPostgres`.

    *options* are settings such as ``fsync=off``; without any, it is as durable as in production.
    """
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="pg-") as place:
        user = owner_of(Path(place))
        _make(programs, place, user)
        server = PostgresServer(programs / "postgres", place, user, options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class PostgresServer:
    """A server in a folder of its own; it listens on a socket there, and on no port."""

    def __init__(
        self, program: Path, place: str, user: str | None, options: Sequence[str] = ()
    ) -> None:
        self._place, self._user = place, user
        chosen = [word for one in ("listen_addresses=", *options) for word in ("-c", one)]
        self._command = [str(program), "-D", f"{place}/data", "-k", place, *chosen]
        query = {"host": place}
        self.url = URL.create("postgresql+psycopg", "digest", database="postgres", query=query)

    @property
    def pid(self) -> int:
        """The process that all others of the server are children of."""
        return int(Path(self._place, "data", "postmaster.pid").read_text("ascii").split()[0])

    def start(self) -> None:
        """Start the server, and wait until it answers; raises `NoPostgres`."""
        with Path(self._place, "log").open("ab") as log:
            self._running = subprocess.Popen(  # noqa: S603 - the server's own program
                ["/bin/sh", "-c", UNTIL_EOF, "sh", *self._command],
                user=self._user,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.url)

    def stop(self) -> None:
        """Cut every connection, and wait until the server is gone."""
        self._running.communicate()

    def crash(self) -> None:
        """End the server at once, as a power cut does: what was not on disk is lost."""
        os.kill(self.pid, signal.SIGQUIT)
        self.stop()


@contextmanager
def own_database(server: URL) -> Iterator[URL]:
    """Yield the address of an empty database of one's own, and drop it afterwards."""
    name = f"digest_{uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield server.set(database=name)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def copied_database(server: URL, original: str) -> Iterator[URL]:
    """Yield the address of a copy, as a dump that was read back makes one, and drop it afterwards.

    Whoever is connected to the original is cut off: it can't be copied otherwise.
    """
    name = f"digest_{uuid4().hex}"
    cut_off = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :original"
    _execute(server, cut_off, original=original)
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {original}")
    try:
        yield server.set(database=name)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


def emptied(connection: Connection) -> None:
    """Empty every table and count from 1 again: far quicker than making them anew."""
    statements = [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'",
        *(str(table.delete()) for table in reversed(METADATA.sorted_tables)),
        "DELETE FROM procrastinate_periodic_defers",
        "DELETE FROM procrastinate_jobs",
        "DELETE FROM procrastinate_workers",
        "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'",
    ]
    connection.exec_driver_sql("; ".join(statements))  # all in one round trip


def _programs() -> Path:
    """Find the folder of the server's programs, which Debian keeps off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not (found or on_path):
        raise NoPostgres(NoPostgres.__doc__)
    return Path(on_path).resolve().parent if on_path else found[-1].parent


def owner_of(folder: Path) -> str | None:
    """Give the folder to a user who may run a server: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    name = next(n for n in ("postgres", "nobody") if n in {one.pw_name for one in pwd.getpwall()})
    shutil.chown(folder, name)
    return name


def _make(programs: Path, place: str, user: str | None) -> None:
    done = subprocess.run(  # noqa: S603 - the server's own program
        [programs / "initdb", "-D", f"{place}/data", "-U", "digest", "-E", "UTF8", "--no-sync"],
        user=user,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=START_SECONDS,
        check=False,
    )
    if done.returncode:
        raise NoPostgres(f"initdb failed: {done.stderr.decode()[-500:]}")


def wait_for(server: URL) -> None:
    """Wait until the server answers; raises `NoPostgres`."""
    last = time.monotonic() + START_SECONDS
    while True:
        try:
            _execute(server, "SELECT 1")
            return
        except OperationalError as fault:
            if time.monotonic() > last:
                raise NoPostgres(f"the server doesn't answer: {fault.orig}") from None
        time.sleep(0.05)


def _execute(server: URL, statement: str, **values: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement), values)
    engine.dispose()
