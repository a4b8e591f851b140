"""How a worker's own connections, those for the queue of jobs, differ from the ledger's."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from digest.worker.procrastinate_app import connection_of

URL = "postgresql+psycopg://us@host/news?options=-csearch_path%3Dours"


def test_a_commit_about_a_job_waits_for_no_disk() -> None:
    told = connection_of(make_url(URL), pooled=False)["conninfo"]
    assert "options='-csearch_path=ours -csynchronous_commit=off'" in told


@pytest.mark.parametrize("url", ["postgresql://us@host/news", URL])
def test_a_pool_is_asked_for_nothing_that_it_does_not_pass_on(url: str) -> None:
    asked = connection_of(make_url(url), pooled=True)
    assert "synchronous_commit" not in asked["conninfo"]
    assert asked["kwargs"] == {"prepare_threshold": None}


def test_a_server_with_a_standby_is_reached_at_either_place() -> None:
    url = (
        "postgresql+psycopg://us@/news?host=one:5432&host=two:5433&target_session_attrs=read-write"
    )
    told = connection_of(make_url(url), pooled=True)["conninfo"]
    assert "host=one,two" in told
    assert "port=5432,5433" in told
    assert "target_session_attrs=read-write" in told


def test_a_threshold_of_the_url_is_kept() -> None:
    url = "postgresql+psycopg://us@host/news?prepare_threshold=3"
    assert connection_of(make_url(url), pooled=True)["kwargs"] == {"prepare_threshold": 3}
