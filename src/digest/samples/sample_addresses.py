"""Sample addresses, as many as asked for, under domains that are reserved for examples."""

from __future__ import annotations

from collections.abc import Iterator

DOMAINS = ("example.org", "example.com", "example.net")


def addresses(count: int) -> Iterator[str]:
    """Yield *count* different addresses, always the same ones in the same order."""
    for number in range(1, count + 1):
        yield f"reader.{number:04d}@{DOMAINS[number % len(DOMAINS)]}"
