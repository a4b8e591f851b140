"""The client's address: trusted proxies, networks, and what consent entries keep of it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network

import pytest

from subscribers.abuse_prevention.rate_limits import RateLimit, RateLimits
from subscribers.web import NetworkPrecision
from subscribers.web.client import client, network
from tests.subscribers.web.conftest import Site, hidden

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # nobody vouches for the header
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the visitor's own claim
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::1"),
        (None, ["198.51.100.1"], "None"),
        ("10.0.0.1", ["1.1.1.1," * 5_000], "10.0.0.1"),
    ],
)
def test_H09_a_proxy_is_believed_only_if_it_is_trusted(
    peer: str | None, forwarded: list[str], seen: str
) -> None:
    assert str(client(peer, forwarded, PROXIES)) == seen


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("203.0.113.5:51234", "203.0.113.5"),
        ("[2001:db8:9::1]:443", "2001:db8:9::1"),
        ("203.0.113.5:51234, 10.0.0.2:80", "203.0.113.5"),
        ("[::ffff:203.0.113.5]:51234", "203.0.113.5"),
        ("2001:db8::1:443", "2001:db8::1:443"),  # no brackets, so no port
        ("203.0.113.5:port", "10.0.0.1"),
        ("[2001:db8::1]443", "10.0.0.1"),
        ("[2001:db8::1", "10.0.0.1"),
    ],
)
def test_H09_a_visitor_is_known_where_a_proxy_adds_the_port(forwarded: str, seen: str) -> None:
    assert str(client("10.0.0.1", [forwarded], PROXIES)) == seen


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:1::1", "2001:db8:1:ffff::1", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
    ],
)
def test_neighbours_count_as_one_network(one: str, other: str, same: bool) -> None:
    assert (network(client(one, [], [])) == network(client(other, [], []))) is same


def test_H09_a_made_up_header_gives_nobody_a_second_turn(make_site: Callable[..., Site]) -> None:
    site = make_site(limits=RateLimits(network=RateLimit(1, 3600)))
    site.fill_in("first@example.com")
    form = hidden(site.http.get("/subscribe").text)
    site.clock.advance(seconds=3)
    answer = site.http.post(
        "/subscribe",
        data={**form, "email": "second@example.com"},
        headers={"X-Forwarded-For": "198.51.100.77"},
    )
    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (NetworkPrecision.NONE, []),
        (NetworkPrecision.PREFIX, ["127.0.0.0/24"]),
        (NetworkPrecision.FULL, ["127.0.0.1"]),
    ],
)
def test_the_ledger_keeps_of_the_network_what_the_setting_says(
    make_site: Callable[..., Site], keep: NetworkPrecision, kept: list[str]
) -> None:
    site = make_site(keep_network=keep)
    site.fill_in("reader@example.com")
    assert [row.network for row in site.rows("consent_network")] == kept
