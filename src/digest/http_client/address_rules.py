"""Which IP addresses may be connected to: public ones, and the networks that a setting allows.

This module hides what "public" means. `ipaddress` knows the registries of special addresses as they
were when Python was released; here stand those that a version takes for public, or names otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_PUBLIC_IPV6 = IPv6Network("2000::/3")  # what IANA has given out; all else is special or unused
#: NAT64's well-known prefix (RFC 6052): the last 32 bits are the IPv4 address that is reached.
_NAT64 = IPv6Network("64:ff9b::/96")
_SPECIAL: dict[str, tuple[IPNetwork, ...]] = {
    "a reserved address": (
        IPv4Network("192.0.0.0/24"),  # protocol assignments, such as a cloud's metadata
        IPv4Network("168.63.129.16/32"),  # what a machine at Azure reaches its host by
        IPv6Network("64:ff9b:1::/48"),  # NAT64 of a network's own (RFC 8215); private since 3.12
        IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
        IPv6Network("3fff::/20"),  # for documentation
        IPv6Network("5f00::/16"),  # segment routing (RFC 9602)
    ),
    "a 6to4 address": (IPv4Network("192.88.99.0/24"), IPv6Network("2002::/16")),
}


@dataclass(frozen=True, kw_only=True)
class AddressRules:
    """The rules of one installation; *networks* are allowed whatever is in them."""

    networks: tuple[IPNetwork, ...] = ()

    @classmethod
    def allowing(cls, *networks: str) -> AddressRules:
        """Return rules that allow *networks*, such as 10.0.0.0/8; raises `ValueError`."""
        return cls(networks=tuple(ip_network(text) for text in networks))

    def objection(self, text: str) -> str | None:
        """Return why the address isn't allowed, as "a private address"; ``None`` if it is."""
        address = _reached(ip_address(text))
        if any(address in network for network in self.networks):
            return None
        return next(_kinds(address), None)


PUBLIC_ONLY = AddressRules()


def _reached(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 one stands for, where a system connects to that."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _kinds(address: IPAddress) -> Iterator[str]:
    """Yield what the address is other than public, the most telling first."""
    if address.is_unspecified:
        yield "the address of no machine"
    if address.is_loopback:
        yield "a loopback address"
    if address.is_link_local:
        yield "a link-local address"
    if address.is_multicast:
        yield "a multicast address"
    yield from (kind for kind, nets in _SPECIAL.items() if any(address in net for net in nets))
    if address.is_private:
        yield "a private address"
    if not address.is_global or (isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6):
        yield "a reserved address"
