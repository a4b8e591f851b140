"""The client as its user has it: a method for each operation, over the real API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import anyio.from_thread
import pytest

from digest.access import Scope
from digest.client import ApiProblem
from digest.comparisons.store import store_draft
from digest.db import Database
from tests.api.conftest import BASE, Api, api_of
from tests.client.in_process import opened
from tests.conftest import NOW
from tests.directory.conftest import make_draft

ROOT = Path(__file__).parents[2]


@pytest.fixture
def api(sqlite_database: Database) -> Iterator[Api]:
    with anyio.from_thread.start_blocking_portal() as portal:
        yield api_of(sqlite_database, portal)


def publish(api: Api, number: int) -> None:
    with api.app.database.write() as session:
        day = date(2026, 1, 1) + timedelta(days=number)
        store_draft(session, make_draft(f"Tool {number}", "Mortar", published_on=day), now=NOW)


def test_what_is_generated_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/client_types.py", "--check"], cwd=ROOT, capture_output=True
    )
    assert (done.stdout, done.returncode) == (b"", 0), done.stderr


def test_a_list_is_walked_from_page_to_page(api: Api) -> None:
    for number in range(5):
        publish(api, number)
    with opened(api) as digest:
        titles = [each["title"] for each in digest.comparisons(tool="mortar", limit=2)]
    assert titles == [f"Tool {number} vs Mortar" for number in reversed(range(5))]


def test_a_comparison_and_a_tool_are_read_without_a_token(api: Api) -> None:
    publish(api, 1)
    with opened(api) as digest:
        comparison = digest.comparison("tool-1-vs-mortar")
        assert comparison["contenders"][0]["verdicts"][0]["quote"] == "It holds."
        assert digest.tool("mortar")["comparisons"] == 1
        assert digest.etag


def test_a_comparison_is_changed_with_the_etag_that_was_read(api: Api) -> None:
    publish(api, 1)
    with opened(api, Scope.COMPARISONS_READ, Scope.COMPARISONS_WRITE) as digest:
        digest.comparison("tool-1-vs-mortar")
        seen = digest.etag
        digest.withdraw_comparison("tool-1-vs-mortar", {"why": "wrong"}, if_match=seen)
        assert digest.comparison("tool-1-vs-mortar").get("withdrawn_why") == "wrong"
        with pytest.raises(ApiProblem) as caught:
            digest.restore_comparison("tool-1-vs-mortar", if_match=seen)
    assert (caught.value.status, caught.value.title) == (412, "It has changed since you read it")


def test_a_reader_joins_is_found_and_leaves(api: Api) -> None:
    with opened(api, Scope.SUBSCRIBERS_READ, Scope.SUBSCRIBERS_WRITE) as digest:
        added = digest.add_subscriber(
            {
                "address": "ada@example.org",
                "newsletters": ["weekly"],
                "consent": {
                    "form": "shop",
                    "words": "Yes, send me the weekly verdicts.",
                    "confirmed": "Pressed the link in the shop's own letter.",
                },
            }
        )
        number = added["number"]
        assert number
        assert digest.look_up_subscriber({"address": "ada@example.org"}).get("number") == number
        assert [each["number"] for each in digest.subscribers(newsletter="weekly")] == [number]
        assert digest.leave_newsletter(number, {"newsletter": "weekly"})["unsubscribed"]
        assert digest.erase_subscriber(number)["erased"]
        assert list(digest.subscribers(newsletter="weekly")) == []


def test_a_scope_that_is_missing_is_a_problem_with_a_next_step(api: Api) -> None:
    with opened(api, Scope.STATUS_READ) as digest:
        assert digest.status()["scheduled"] in (True, False)
        with pytest.raises(ApiProblem, match="subscribers:read") as caught:
            digest.subscriber(1)
    assert caught.value.status == 403
    assert "digest tokens add" in str(caught.value.next_step)
    assert repr(digest) == f"Digest({BASE!r})"
