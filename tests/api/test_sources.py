"""Sources over the API: followed, shown and polled, and what they propose decided on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import anyio.from_thread
import httpx2
import pytest

from digest.access import Scope
from digest.db import Database
from digest.http_client import Answer, Limits, OutboundFault, OutboundRefused
from digest.sources.site_reader import HurriedFetcher
from tests.api.conftest import Api, api_of
from tests.sources.site.site_server import NETWORK, RunningSite, running_site


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSite]:
    with running_site(6) as running:
        yield running


@dataclass
class Follower:
    """A program that follows sites."""

    api: Api
    shown: dict[str, str]

    def get(self, path: str) -> httpx2.Response:
        return self.api.get(path, headers=self.shown)

    def post(self, path: str, body: Any = None, **more: str) -> httpx2.Response:
        return self.api.call("POST", path, headers={**self.shown, **more}, json=body or {})

    def delete(self, path: str) -> httpx2.Response:
        return self.api.call("DELETE", path, headers=self.shown)

    def poll(self) -> None:
        """Let the service poll what is due."""
        self.api.app.sources.poll_due(Event())

    def refused(self, response: httpx2.Response) -> tuple[int, str]:
        return self.api.problem(response)


@pytest.fixture
def follower(sqlite_database: Database, portal: anyio.from_thread.BlockingPortal) -> Follower:
    api = api_of(sqlite_database, portal, allowed_networks=NETWORK)
    return Follower(api, api.token(Scope.SOURCES_READ, Scope.SOURCES_WRITE, name="ann"))


def test_a_site_is_followed_polled_and_decided_on(follower: Follower, site: RunningSite) -> None:
    added = follower.post("/sources", {"url": f"{site.url}/sitemap.xml"})
    assert added.status_code == 201, added.text
    assert (added.json()["kind"], added.json()["waiting"]) == ("sitemap", 0)
    path = f"/sources/{added.json()['id']}"
    assert added.headers["location"] == f"/api/v1{path}"
    follower.poll()
    shown = follower.get(path).json()
    assert shown["waiting"] == len(site.slugs())
    assert {page["outcome"] for page in shown["page_list"]} >= {"new"}
    first, second, *_ = follower.get("/proposals?limit=2").json()["items"]
    whole = follower.get(f"/proposals/{first['id']}").json()
    assert (whole["kind"], len(whole["content"]["contenders"])) == ("new", 2)
    taken = follower.post(f"/proposals/{first['id']}/accept").json()
    assert (taken["kind"], taken["revision"]) == ("new", 1)
    left = follower.post(f"/proposals/{second['id']}/dismiss", {"why": "off topic"}).json()
    assert left == {"proposal": second["id"], "dismissed": True, "why": "off topic"}
    assert follower.refused(follower.post(f"/proposals/{first['id']}/accept"))[0] == 404
    assert follower.refused(follower.get(f"/proposals/{second['id']}"))[0] == 404
    assert follower.get(path).json()["waiting"] == shown["waiting"] - 2


def test_proposals_come_in_pages_and_by_source(follower: Follower, site: RunningSite) -> None:
    source = follower.post("/sources", {"url": f"{site.url}/sitemap.xml"}).json()["id"]
    follower.poll()
    seen: list[int] = []
    after = ""
    while after is not None:
        query = f"?source={source}&limit=2" + (f"&after={after}" if after else "")
        page = follower.get(f"/proposals{query}").json()
        seen += [each["id"] for each in page["items"]]
        after = page["next"]
    assert seen == sorted(set(seen))
    assert len(seen) == len(site.slugs())
    assert follower.get(f"/proposals?source={source + 1}").json()["items"] == []


def test_a_source_is_paused_resumed_polled_and_removed(
    follower: Follower, site: RunningSite
) -> None:
    path = f"/sources/{follower.post('/sources', {'url': f'{site.url}/sitemap.xml'}).json()['id']}"
    assert follower.post(f"{path}/pause").json()["paused"] is True
    assert follower.refused(follower.post(f"{path}/poll")) == (409, "conflict")
    assert follower.post(f"{path}/resume").json()["paused"] is False
    follower.poll()
    assert follower.get(path).json()["next_poll_at"] != follower.get(path).json()["last_poll_at"]
    asked = follower.post(f"{path}/poll")
    assert (asked.status_code, asked.json()["next_poll_at"]) == (202, "2026-11-24T09:00:00Z")
    refused = follower.delete(path)
    assert follower.refused(refused) == (409, "conflict")
    assert "discard=true" in refused.json()["next_step"]
    gone = follower.delete(f"{path}?discard=true").json()
    assert (gone["removed"], gone["proposals_deleted"]) == (True, len(site.slugs()))
    assert follower.refused(follower.get(path)) == (404, "not-found")
    assert follower.get("/sources").json() == {"items": []}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/admin",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "file:///etc/passwd",
        "ftp://tools.example.com/",
        "no address",
        "http://user:password@tools.example.com/",
        "http://",
    ],
)
def test_what_may_not_be_asked_is_refused_and_not_followed(follower: Follower, url: str) -> None:
    refused = follower.post("/sources", {"url": url})
    assert follower.refused(refused) == (422, "invalid")
    assert refused.json()["errors"][0]["pointer"] == "#/url"
    assert refused.json()["next_step"]
    assert "password" not in refused.json()["detail"]
    assert follower.get("/sources").json() == {"items": []}


def test_a_redirect_inwards_is_refused(follower: Follower, site: RunningSite) -> None:
    for trap in ("to-loopback", "to-metadata", "loop"):
        refused = follower.post("/sources", {"url": f"{site.url}/hostile/{trap}"})
        assert follower.refused(refused) == (422, "invalid")


def test_a_site_is_followed_once(follower: Follower, site: RunningSite) -> None:
    order = {"url": f"{site.url}/sitemap.xml"}
    key = {"Idempotency-Key": "one-of-mine"}
    first = follower.post("/sources", order, **key)
    site.reset_counts()
    again = follower.post("/sources", order, **key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert site.counts()["requests"] == {}  # a repetition asks nobody
    assert follower.refused(follower.post("/sources", order)) == (409, "conflict")


def test_a_source_names_a_newsletter_that_is_there(follower: Follower, site: RunningSite) -> None:
    order = {"url": f"{site.url}/sitemap.xml", "newsletter": "nightly"}
    assert follower.refused(follower.post("/sources", order)) == (404, "not-found")


def test_few_sites_are_looked_at_at_once(follower: Follower) -> None:
    looks = follower.api.asgi.state.site_looks
    with looks.one(), looks.one():
        refused = follower.post("/sources", {"url": "http://127.0.0.1:1/"})
    assert follower.refused(refused) == (503, "unavailable")
    assert refused.headers["retry-after"] == "5"


@dataclass
class SlowServer:
    """A server that takes as long as it may; *now* is what a clock on the wall would say."""

    now: float = 100.0

    def get(self, url: str, *, headers: Any = None, limits: Limits) -> Answer:
        self.now += limits.seconds
        return Answer(status=200, headers={}, body=b"", url=url)


def test_all_requests_together_have_a_limit() -> None:
    server = SlowServer()
    hurried = HurriedFetcher(client=server, seconds=30, steady=lambda: server.now)
    limits = Limits(bytes=1000, seconds=20)
    hurried.get("https://one.example", limits=limits)
    hurried.get("https://two.example", limits=limits)
    assert server.now == 130
    with pytest.raises(OutboundRefused) as refused:
        hurried.get("https://three.example", limits=limits)
    assert refused.value.fault is OutboundFault.TOO_SLOW
    assert hurried.wait(1) is True
