from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import pytest

from digest.http_client import Answer, Limits, OutboundFault, OutboundRefused
from digest.sources.robots import Robots, RobotsMemory
from tests.conftest import NOW

PAGE = "https://site.test/comparisons/a-vs-b"
NONE: Mapping[str, str] = MappingProxyType({})


@dataclass
class FakeServer:
    """Answers each request for a robots.txt with *status* and *text*."""

    text: str = ""
    status: int = 200
    now: datetime = NOW
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, *, headers: Mapping[str, str] = NONE, limits: Limits) -> Answer:
        self.asked.append(url)
        return Answer(status=self.status, headers={}, body=self.text.encode(), url=url)

    def clock(self) -> datetime:
        return self.now


def robots(server: FakeServer) -> Robots:
    return Robots(server, server.clock, RobotsMemory())


def saying(*lines: str) -> Robots:
    return robots(FakeServer("\n".join(lines)))


def test_a_part_that_is_forbidden_is_not_asked_for() -> None:
    rules = saying("User-agent: *", "Disallow: /private/")
    assert rules.allows(PAGE)
    assert not rules.allows("https://site.test/private/page")


@pytest.mark.parametrize("name", ["digest-engine", "Digest-Engine/1.0", "digest-engine # us"])
def test_a_rule_for_us_by_name_goes_before_that_for_all(name: str) -> None:
    rules = saying("User-agent: *", "Disallow:", "", f"User-agent: {name}", "Disallow: /")
    assert not rules.allows(PAGE)


def test_a_rule_for_others_is_not_ours() -> None:
    assert saying("User-agent: digest", "User-agent: engine", "Disallow: /").allows(PAGE)


def test_an_address_in_any_script_is_compared_as_it_is_asked_for() -> None:
    rules = saying("User-agent: *", "Disallow: /\u3053\u3068")
    assert not rules.allows("https://site.test/%E3%81%93%E3%81%A8%E3%81%B0")


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Crawl-delay: 2.5", 2.5),
        ("Crawl-delay: 86400", 60.0),
        ("Crawl-delay: inf", 0.0),
        ("Crawl-delay: -1", 0.0),
        ("Crawl-delay: soon", 0.0),
        ("", 0.0),
    ],
)
def test_the_pause_that_is_asked_for_is_kept_up_to_a_minute(line: str, seconds: float) -> None:
    assert saying("User-agent: *", line).delay(PAGE) == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 499])
def test_without_a_file_everything_is_allowed(status: int) -> None:
    assert robots(FakeServer("User-agent: *\nDisallow: /", status)).allows(PAGE)


@pytest.mark.parametrize("status", [429, 500, 503, 599, 204, 302])
def test_while_its_server_fails_a_site_is_not_asked(status: int) -> None:
    with pytest.raises(OutboundRefused, match=r"answers \d+ for its robots.txt"):
        robots(FakeServer(status=status)).allows(PAGE)


def test_a_failure_is_remembered_for_a_while() -> None:
    server = FakeServer(status=503)
    rules = robots(server)
    for _ in range(2):
        with pytest.raises(OutboundRefused):
            rules.allows(PAGE)
    server.status, server.now = 404, NOW + timedelta(minutes=10)
    assert rules.allows(PAGE)
    assert len(server.asked) == 2


def test_what_one_poll_learned_the_next_one_knows() -> None:
    server, memory = FakeServer(), RobotsMemory()
    for _ in range(3):
        Robots(server, server.clock, memory).allows(PAGE)
    assert len(server.asked) == 1


def test_a_site_is_asked_once_a_day() -> None:
    server = FakeServer("User-agent: *\nDisallow: /comparisons/")
    rules = robots(server)
    for hours in (0, 12, 23):
        server.now = NOW + timedelta(hours=hours)
        assert not rules.allows(PAGE)
    server.now, server.text = NOW + timedelta(hours=24), ""
    assert rules.allows(PAGE)
    assert server.asked == ["https://site.test/robots.txt"] * 2


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://site.test/a", "http://site.test/robots.txt"),
        ("https://SITE.test:8443/a?b=c", "https://site.test:8443/robots.txt"),
        ("http://[::1]:81/", "http://[::1]:81/robots.txt"),
        ("http://user:secret@site.test/", "http://site.test/robots.txt"),
    ],
)
def test_each_origin_has_rules_of_its_own(url: str, asked: str) -> None:
    server = FakeServer()
    rules = robots(server)
    rules.allows(PAGE)
    rules.allows(url)
    assert server.asked[1:] == [asked]


@pytest.mark.parametrize("url", ["", "page", "http://[::1", "http://site.test:port/"])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused) as refused:
        saying("").allows(url)
    assert refused.value.fault is OutboundFault.URL


@pytest.mark.parametrize("newline", ["\n", "\r", "\u2028"])
def test_a_file_that_names_thousands_of_robots_takes_no_time(newline: str) -> None:
    """The library would copy 8,000 rules for each of 8,000 names."""
    names = [f"{kind}: robot{number}" for number in range(4000) for kind in AGENT_FIELDS]
    rules = [f"Disallow: /private/{number}" for number in range(8000)]
    assert saying(newline.join([*names, "User-agent: *", *rules])).allows(PAGE)


AGENT_FIELDS = ("User-agent", "user  agent")


def test_no_more_sites_are_remembered_than_have_room() -> None:
    server = FakeServer()
    rules = robots(server)
    for number in range(500):
        rules.allows(f"http://{number}.test/")
    rules.allows("http://0.test/")
    assert len(server.asked) == 500
    rules.allows("http://500.test/")
    rules.allows("http://0.test/")
    rules.allows("http://500.test/")
    assert len(server.asked) == 502
