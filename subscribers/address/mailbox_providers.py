"""Which domains are a mailbox provider's, where one domain is many people's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_LIST = "mailbox_providers.txt"


@cache
def providers() -> Mapping[str, str]:
    """Return each provider's domains, in ASCII and lower case, with the provider's name."""
    text = (files("subscribers.address") / _LIST).read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, domains = line.partition(": ")
            found |= dict.fromkeys(domains.split(), name)
    return MappingProxyType(found)
