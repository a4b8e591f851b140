from __future__ import annotations

import pytest

from digest.http_client import AddressRules

PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
REFUSED = {
    "0.0.0.1": "a private address",
    "10.0.0.1": "a private address",
    "100.64.0.1": "a reserved address",  # a provider's own network, and a cloud's metadata
    "127.0.0.1": "a loopback address",
    "127.8.9.10": "a loopback address",
    "168.63.129.16": "a reserved address",
    "169.254.169.254": "a link-local address",
    "172.16.0.1": "a private address",
    "192.0.0.9": "a reserved address",
    "192.0.0.192": "a reserved address",
    "192.0.2.1": "a private address",
    "192.88.99.1": "a 6to4 address",
    "192.168.0.1": "a private address",
    "198.18.0.1": "a private address",
    "224.0.0.1": "a multicast address",
    "240.0.0.1": "a private address",
    "255.255.255.255": "a private address",
    "::": "the address of no machine",
    "::1": "a loopback address",
    "::127.0.0.1": "a reserved address",
    "::ffff:127.0.0.1": "a loopback address",
    "::ffff:169.254.169.254": "a link-local address",
    "::ffff:0:127.0.0.1": "a reserved address",
    "64:ff9b::7f00:1": "a loopback address",
    "64:ff9b::a9fe:a9fe": "a link-local address",
    "64:ff9b:1::808:808": "a reserved address",
    "100::1": "a private address",
    "2001:0:7f00:1::": "a reserved address",
    "2001:db8::1": "a private address",
    "2002:7f00:1::": "a 6to4 address",
    "2002:808:808::": "a 6to4 address",
    "3fff::1": "a reserved address",
    "5f00::1": "a reserved address",
    "fc00::1": "a private address",
    "fd00:ec2::254": "a private address",
    "fe80::1": "a link-local address",
    "fe80::1%eth0": "a link-local address",
    "fec0::1": "a reserved address",
    "ff02::1": "a multicast address",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert AddressRules().objection(address) is None


@pytest.mark.parametrize(("address", "kind"), REFUSED.items())
def test_any_other_address_is_refused_by_its_kind(address: str, kind: str) -> None:
    assert AddressRules().objection(address) == kind


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"])
def test_a_network_of_ones_own_can_be_allowed(address: str) -> None:
    assert AddressRules.allowing("10.0.0.0/8", "fd12::/16").objection(address) is None


def test_an_allowed_network_allows_no_other() -> None:
    assert AddressRules.allowing("10.0.0.0/8").objection("11.0.0.1") is None
    assert AddressRules.allowing("10.0.0.0/8").objection("127.0.0.1") == "a loopback address"
