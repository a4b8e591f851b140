"""What decides at one installation which votes count: keys, lists, and what is known of mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from sqlalchemy.orm import Session

from subscribers.tokens import Hashes


class Copy(NamedTuple):
    """One reader's copy of one edition, or the letters they got."""

    edition_id: int
    subscriber_id: int


class DeliveredState(NamedTuple):
    """What is known of a copy's delivery; by default nothing, and no news is awaited."""

    moment: int | None = None  #: when it was delivered, in seconds since 1970
    awaited: bool = False  #: the provider hasn't said yet what became of it
    failed: bool = False  #: it was never delivered, so that no reader has its links


#: What it finds for some copies; a copy that is left out has the default `DeliveredState`.
FindDelivered = Callable[[Session, Sequence[Copy]], Mapping[Copy, DeliveredState]]


def nothing_known(_session: Session, _copies: Sequence[Copy]) -> Mapping[Copy, DeliveredState]:
    """Return nothing, for mail that no events tell of."""
    return {}


@dataclass(frozen=True, kw_only=True)
class VoteTerms:
    """How an installation counts votes."""

    hashes: Hashes = field(repr=False)
    disposable: frozenset[str] = frozenset()  #: domains of throwaway addresses
    scanners: Sequence[IPv4Network | IPv6Network] = ()  #: networks that scan mail
    delivered: FindDelivered = nothing_known

    def is_scanner(self, address: str) -> bool:
        """Return whether an IP address is in a known scanner's network; not where it is none."""
        if not address or not self.scanners:
            return False
        try:
            known = ip_address(address)
        except ValueError:
            return False
        number, bits = int(known), known.max_prefixlen
        return any(
            number >> (bits - length) in networks
            for (version, length), networks in self._by_length.items()
            if version == known.version
        )

    @cached_property
    def _by_length(self) -> Mapping[tuple[int, int], set[int]]:
        """The networks' bits by IP version and prefix length: a long list costs no more to ask."""
        by_length: dict[tuple[int, int], set[int]] = {}
        for network in self.scanners:
            bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
            by_length.setdefault((network.version, network.prefixlen), set()).add(bits)
        return by_length
