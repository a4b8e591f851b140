"""What makes votes look stuffed: throwaway addresses, one mailbox twice, one network often."""

from __future__ import annotations

from collections.abc import Iterable

from subscribers.address import is_among, mailbox
from subscribers.tokens import Hashes

MOST_OF_NETWORK = 3  #: new addresses of one network that may vote on one comparison


def is_disposable(address_key: str, disposable: frozenset[str]) -> bool:
    """Return whether an address is at a domain of throwaway addresses."""
    return is_among(address_key.rpartition("@")[2], disposable)


def mailbox_text(address_key: str) -> str:
    """Return the text whose keyed hash stands for an address's mailbox, in any spelling."""
    return f"vote {mailbox(address_key)}"


def network_hash(network: str, hashes: Hashes) -> str:
    """Return the keyed hash that stands for a visitor's network."""
    return hashes.first(f"vote from {network}")


def are_too_many(voters: Iterable[int]) -> bool:
    """Return whether so many new addresses vote from one network that none of them counts."""
    return len(set(voters)) > MOST_OF_NETWORK
