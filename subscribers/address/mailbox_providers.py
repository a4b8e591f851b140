"""The list of mailbox providers' domains: where it is kept and how it is read.

At such a domain many people have a mailbox, so that a limit for one domain doesn't suit it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_LIST = "mailbox_providers.txt"


@cache
def providers() -> Mapping[str, str]:
    """Return a mapping from a domain, in ASCII and lower case, to its provider's name."""
    text = (files("subscribers.address") / _LIST).read_text(encoding="utf-8")
    names: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, domains = line.partition(": ")
            names |= dict.fromkeys(domains.split(), name)
    return MappingProxyType(names)
