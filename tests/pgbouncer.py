"""A pgbouncer between the tests and their PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from sqlalchemy import URL

from tests.postgres import START_SECONDS, UNTIL_EOF, NoPostgres, owner_of, wait_for

INI = """\
[databases]
* = {place}

[pgbouncer]
pool_mode = {mode}
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
default_pool_size = 20
max_client_conn = 200
{more}
"""


@contextmanager
def pooled(server: URL, mode: str, *settings: str, answers: bool = True) -> Iterator[URL]:
    """Yield the address of the same database by way of a pool of *mode*.

    With *answers* false, it needn't be one that a database can be used by.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("needs pgbouncer (apt: pgbouncer)")
    with tempfile.TemporaryDirectory(prefix="pool-") as folder:
        user = owner_of(Path(folder))
        ini = Path(folder, "pgbouncer.ini")
        ini.write_text(
            INI.format(place=_place(server), mode=mode, folder=folder, more="\n".join(settings)),
            "utf-8",
        )
        with Path(folder, "log").open("wb") as log, _running([program, str(ini)], user, log):
            pool = URL.create(
                "postgresql+psycopg",
                server.username,
                database=server.database,
                query={"host": folder, "port": "6432"},
            )
            _wait_for_socket(Path(folder, ".s.PGSQL.6432"))
            if answers:
                wait_for(pool)
            yield pool


def _place(server: URL) -> str:
    host = server.host or server.query["host"]
    parts = {
        "host": host,
        "port": server.port or server.query.get("port") or 5432,
        "user": server.username,
    }
    if server.password:
        parts["password"] = server.password
    return " ".join(f"{name}={value}" for name, value in parts.items())


@contextmanager
def _running(command: list[str], user: str | None, log: IO[bytes]) -> Iterator[None]:
    """Run it for as long as this process lives, and no longer."""
    process = subprocess.Popen(  # noqa: S603 - the pool's own program
        ["/bin/sh", "-c", UNTIL_EOF.replace("INT", "QUIT"), "sh", *command],
        user=user,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.communicate()


def _wait_for_socket(path: Path) -> None:
    last = time.monotonic() + START_SECONDS
    while not path.exists():
        if time.monotonic() > last:
            raise NoPostgres(f"pgbouncer doesn't start: {path.with_name('log').read_text('utf-8')}")
        time.sleep(0.02)
