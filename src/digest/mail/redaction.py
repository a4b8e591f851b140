"""Takes addresses, and what a reader is called by, out of words that others wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

GONE = "…"
_AT = re.compile(r"%40|\\u0040|&#0*64;|&#x0*40;|&commat;|\uff20", re.IGNORECASE)
_PLAIN = r"[^\s@<>\"'(),;:\[\]…]"
_ADDRESS = re.compile(rf"(?<!{_PLAIN})({_PLAIN}+)@({_PLAIN}*)")
_WORD = re.compile(r"\w+(?:[.+-]+\w+)*")
_BETWEEN = re.compile(r"[\W_]+")
_SHORTEST_NAME = 3
_SHORTEST_LABEL = 4


def redact(words: str, address: str = "") -> str:
    """Return *words* without any address, and without the parts of those that stood in them.

    The parts of *address* go as well: the local part, names in it, the domain. The time it takes
    grows with the words; who calls it bounds them.
    """
    if not words:
        return words
    words = _AT.sub("@", words)
    found = [address, *(f"{local}@{domain}" for local, domain in _ADDRESS.findall(words))]
    parts = {part for each in found for part in _parts(each)}
    if not parts:
        return words
    words = _ADDRESS.sub(GONE, words)
    return _WORD.sub(lambda word: GONE if _names(word[0].casefold(), parts) else word[0], words)


def _names(word: str, parts: set[str]) -> bool:
    return word in parts or not parts.isdisjoint(_BETWEEN.split(word))


def _parts(address: str) -> Iterator[str]:
    """Name what gives a reader away: whole local part, each name in it, domain, its labels."""
    local, _, domain = address.casefold().rpartition("@")
    if local:
        yield from (local, local.partition("+")[0])
        yield from (each for each in _BETWEEN.split(local) if len(each) >= _SHORTEST_NAME)
    for spelling in {domain, _in_unicode(domain)} - {""}:
        yield spelling
        labels = spelling.split(".")[:-1]
        yield from (each for each in labels if len(each) >= _SHORTEST_LABEL)


def _in_unicode(domain: str) -> str:
    with suppress(UnicodeError):
        return domain.encode("ascii").decode("idna")
    return ""
