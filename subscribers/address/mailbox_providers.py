"""The list of mailbox providers: where it is kept, how it is read, and whose a domain is.

At such a domain many people have a mailbox, so that a limit for one domain doesn't suit it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_LIST = "mailbox_providers.txt"


@dataclass(frozen=True, kw_only=True)
class MailboxProvider:
    """A mailbox provider; a *large* one is named in the reports of an issue."""

    name: str
    large: bool


@cache
def providers() -> Mapping[str, MailboxProvider]:
    """Return a mapping from a domain, in ASCII and lower case, to its provider."""
    text = (files("subscribers.address") / _LIST).read_text(encoding="utf-8")
    by_domain: dict[str, MailboxProvider] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, domains = line.partition(": ")
            provider = MailboxProvider(name=name.removesuffix("*"), large=name.endswith("*"))
            by_domain |= dict.fromkeys(domains.split(), provider)
    return MappingProxyType(by_domain)


def is_among(domain: str, domains: Container[str]) -> bool:
    """Return whether a domain, or one above it, is among some others; all in lower case."""
    while domain and domain not in domains:
        domain = domain.partition(".")[2]
    return bool(domain)
