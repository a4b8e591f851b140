"""Decides what in foreign text identifies a reader, and removes it: addresses and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

REDACTED = "…"
_AT = re.compile(r"%40|\\u0040|&#0*64;|&#x0*40;|&commat;|\uff20", re.IGNORECASE)
_PLAIN = r"[^\s@<>\"'(),;:\[\]…]"
_ADDRESS = re.compile(rf"(?<!{_PLAIN})({_PLAIN}+)@({_PLAIN}*)")
_WORD = re.compile(r"\w+(?:[.+-]+\w+)*")
_BETWEEN = re.compile(r"[\W_]+")
_SHORTEST_NAME = 3
_SHORTEST_LABEL = 4


def redact(text: str, address: str = "") -> str:
    """Return *text* without addresses, and without the parts of the addresses found in them.

    The parts of *address* are removed as well: the local part, the names in it, and the domain.
    Runtime grows with the length of *text*, which callers limit.
    """
    if not text:
        return text
    text = _AT.sub("@", text)
    addresses = [address, *(f"{local}@{domain}" for local, domain in _ADDRESS.findall(text))]
    parts = {part for found_address in addresses for part in _parts(found_address)}
    if not parts:
        return text
    text = _ADDRESS.sub(REDACTED, text)
    return _WORD.sub(
        lambda word: REDACTED if _identifies(word[0].casefold(), parts) else word[0], text
    )


def _identifies(word: str, parts: set[str]) -> bool:
    return word in parts or not parts.isdisjoint(_BETWEEN.split(word))


def _parts(address: str) -> Iterator[str]:
    """Yield what identifies a reader: the local part, the names in it, the domain, its labels."""
    local, _, domain = address.casefold().rpartition("@")
    if local:
        yield from (local, local.partition("+")[0])
        yield from (name for name in _BETWEEN.split(local) if len(name) >= _SHORTEST_NAME)
    for spelling in {domain, _idna_decoded(domain)} - {""}:
        yield spelling
        labels = spelling.split(".")[:-1]
        yield from (label for label in labels if len(label) >= _SHORTEST_LABEL)


def _idna_decoded(domain: str) -> str:
    with suppress(UnicodeError):
        return domain.encode("ascii").decode("idna")
    return ""
