"""A PostgreSQL server for the tests: the one a URL names, or a new one in a folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import URL, Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from digest.migrations.all_tables import METADATA

URL_VARIABLE = "DIGEST_TEST_POSTGRES_URL"
#: Speed for durability: nothing here must outlive the machine.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "listen_addresses=")
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
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="pg-") as place:
        user = _owner(Path(place))
        _make(programs, place, user)
        server = URL.create(
            "postgresql+psycopg", "digest", database="postgres", query={"host": place}
        )
        with _started(programs, place, user):
            _wait_for(server)
            yield server


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


def _owner(folder: Path) -> str | None:
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


@contextmanager
def _started(programs: Path, place: str, user: str | None) -> Iterator[None]:
    chosen = [word for one in FAST for word in ("-c", one)]
    server = [str(programs / "postgres"), "-D", f"{place}/data", "-k", place, *chosen]
    with (
        Path(place, "log").open("wb") as log,
        subprocess.Popen(  # noqa: S603 - the server's own program
            ["/bin/sh", "-c", UNTIL_EOF, "sh", *server],
            user=user,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ),
    ):
        yield


def _wait_for(server: URL) -> None:
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
