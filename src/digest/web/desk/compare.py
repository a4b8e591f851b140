"""What changed between two mails, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_CONTEXT = 2  # lines around a change
_WORDS = re.compile(r"\s+|\S+")


@dataclass(frozen=True)
class Part:
    """A run of words: kept, added or taken out."""

    kind: Literal["same", "in", "out"]
    text: str


@dataclass(frozen=True)
class Row:
    """One line as it is now, was before, or both; a gap stands for lines that are the same."""

    kind: Literal["same", "in", "out", "changed", "gap"]
    parts: tuple[Part, ...]


def rows(before: str, now: str) -> list[Row]:
    """Return the lines that differ, with what differs in them, and a little around."""
    old, new = before.splitlines(), now.splitlines()
    found: list[Row] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if found or group[0][1] > 0:
            found.append(Row("gap", ()))
        for tag, i1, i2, j1, j2 in group:
            found.extend(_rows(tag, old[i1:i2], new[j1:j2]))
    return found


def _rows(tag: str, old: list[str], new: list[str]) -> Iterator[Row]:
    if tag == "equal":
        yield from (Row("same", (Part("same", line),)) for line in new)
        return
    paired = min(len(old), len(new)) if tag == "replace" else 0
    for before, now in zip(old[:paired], new[:paired], strict=True):
        yield Row("changed", tuple(_parts(before, now)))
    yield from (Row("out", (Part("out", line),)) for line in old[paired:])
    yield from (Row("in", (Part("in", line),)) for line in new[paired:])


def _parts(before: str, now: str) -> Iterator[Part]:
    old, new = _WORDS.findall(before), _WORDS.findall(now)
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Part("same", "".join(new[j1:j2]))
            continue
        if i2 > i1:
            yield Part("out", "".join(old[i1:i2]))
        if j2 > j1:
            yield Part("in", "".join(new[j1:j2]))
