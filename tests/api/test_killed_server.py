"""A server is killed between its commit and its answer: the repeated request does nothing twice."""

from __future__ import annotations

import httpx2
import pytest
from sqlmodel import func, select

from digest.access import Scope, add_token
from digest.db import Database
from digest.issues.models import JobRun
from subscribers.tokens import Hashes
from tests.api.dying_server import DIE, dying_server
from tests.conftest import NOW
from tests.web.conftest import SECRET

KILLS = {"sqlite": 50, "postgresql": 5}


@pytest.mark.timeout(400)
def test_what_was_committed_before_the_kill_is_answered_after_it(database: Database) -> None:
    with database.write() as session:
        made = add_token(session, "ci", [Scope.COMPARISONS_WRITE], hashes=Hashes([SECRET]), now=NOW)
    url = database.url.render_as_string(hide_password=False)
    kills = KILLS[database.engine.dialect.name]
    with dying_server(url, SECRET) as server, one_request_a_connection(server) as http:
        for number in range(kills):
            headers = {"Authorization": f"Bearer {made.text}", "Idempotency-Key": f"try-{number}"}
            with pytest.raises(httpx2.TransportError):
                http.post("/tallies", headers={**headers, DIE: "now"})
            done = count(database)
            answer = http.post("/tallies", headers=headers)
            assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
            assert (done, count(database)) == (number + 1, number + 1)


def one_request_a_connection(server: str) -> httpx2.Client:
    """Return a client that keeps no connection, since the server behind it may have died."""
    limits = httpx2.Limits(max_keepalive_connections=0)
    return httpx2.Client(base_url=server, limits=limits, timeout=60)


def count(database: Database) -> int:
    with database.read() as session:
        return session.exec(select(func.count()).select_from(JobRun)).one()
