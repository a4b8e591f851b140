"""The limits of sending, and the readers that one batch may have under them.

This module decides how a limit an hour becomes even steps: a batch has at most a fiftieth of what
may go in an hour, and each waits until the one before it has had its share of the time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from subscribers.address import providers

ALL = "all"  #: the scope of every mail
HOUR = timedelta(hours=1)
STEPS = 50  #: batches an hour under a limit, at least
LARGEST = 1_000  #: readers that a provider takes in one request


def scope_of(domain: str) -> str:
    """Return what a domain counts as: its mailbox provider's name, or the domain itself."""
    provider = providers().get(domain)
    return provider.name if provider else domain


def domains_of(scope: str) -> list[str]:
    """Return the domains that count as *scope*."""
    known = [domain for domain, provider in providers().items() if provider.name == scope]
    return known or [scope]


def most_at_once(per_hour: int) -> int:
    """Return how many readers a batch may have under a limit an hour."""
    return max(1, min(LARGEST, per_hour // STEPS))


def step(per_hour: int, readers: int) -> timedelta:
    """Return the time that *readers* take up of an hour's limit.

    In any hour, the batches whose time is over and those at both of its ends are at most
    *per_hour* readers: hence the limit less what two batches have beyond a reader each.
    """
    return -(-readers * HOUR // _pace_of(per_hour))  # rounded up


def slack(per_hour: int) -> timedelta:
    """Return how late a batch may be without the next ones being later for it."""
    return (most_at_once(per_hour) - 1) * HOUR // _pace_of(per_hour)


def _pace_of(per_hour: int) -> int:
    return per_hour - 2 * (most_at_once(per_hour) - 1)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast mail may leave; 0 is no limit."""

    per_hour: int = 0  #: readers
    by_scope: Mapping[str, int] = field(default_factory=dict)  #: readers an hour
    requests: int = 0  #: under way at once
    warm_up: bool = False  #: whether a warm-up limits each day

    @property
    def is_limited(self) -> bool:
        """Return whether any limit applies."""
        return bool(self.counts_all or self.by_scope)

    @property
    def counts_all(self) -> bool:
        """Return whether a limit applies to every mail, of whatever mailbox provider."""
        return bool(self.per_hour or self.requests or self.warm_up)

    @property
    def per_hour_of(self) -> Mapping[str, int]:
        """The limits an hour by scope, the one for all mail first."""
        of_all = {ALL: self.per_hour} if self.per_hour else {}
        return {**of_all, **dict(sorted(self.by_scope.items()))}

    def batch_size(self, size: int, scope: str = "") -> int:
        """Return how many readers of a scope a batch may have, at most *size*."""
        limits = [self.per_hour, self.by_scope.get(scope, 0)]
        return min([size, *(most_at_once(limit) for limit in limits if limit)])

    def count(self, addresses: Iterable[str]) -> dict[str, int]:
        """Return how many of *addresses* count against each limit an hour."""
        return dict(Counter(scope for each in addresses for scope in self._scopes(each)))

    def parts(self, addresses: Sequence[str], left: int | None = None) -> list[int]:
        """Return the sizes of the batches that *addresses* must be cut into, in their order.

        The first has at most *left* readers, where that is given.
        """
        sizes, counts = [0], Counter[str]()
        for address in addresses:
            scopes = self._scopes(address)
            full = any(counts[each] >= most_at_once(self.per_hour_of[each]) for each in scopes)
            if full or sizes == [left]:
                sizes.append(0)
                counts.clear()
            sizes[-1] += 1
            counts.update(scopes)
        return sizes

    def _scopes(self, address: str) -> list[str]:
        scopes = [ALL] if self.per_hour else []
        if self.by_scope:
            scope = scope_of(address.rpartition("@")[2].lower())
            scopes += [scope] if scope in self.by_scope else []
        return scopes


UNLIMITED = Pace()
