"""Compare two mails by line, and changed lines by word.

Hides how lines are paired, and how much unchanged text surrounds a change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_CONTEXT = 2  # lines around a change
_ALIKE = 0.5  # the share of words two lines must have in common to be shown as one
_WORDS = re.compile(r"\s+|\S+")


@dataclass(frozen=True)
class WordRun:
    """A run of words that is unchanged, added or removed."""

    kind: Literal["same", "in", "out"]
    text: str


@dataclass(frozen=True)
class DiffRow:
    """One line: unchanged, added, removed or changed; a gap stands for unchanged lines."""

    kind: Literal["same", "in", "out", "changed", "gap"]
    parts: tuple[WordRun, ...]


def diff_rows(before: str, now: str) -> list[DiffRow]:
    """Return the lines that differ, each with two unchanged lines before and after."""
    old, new = before.splitlines(), now.splitlines()
    rows: list[DiffRow] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if rows or group[0][1] > 0:
            rows.append(DiffRow("gap", ()))
        for tag, i1, i2, j1, j2 in group:
            rows.extend(_rows(tag, old[i1:i2], new[j1:j2]))
    return rows


def _rows(tag: str, old: list[str], new: list[str]) -> Iterator[DiffRow]:
    if tag == "equal":
        yield from (DiffRow("same", (WordRun("same", line),)) for line in new)
        return
    paired = min(len(old), len(new)) if tag == "replace" else 0
    for before, now in zip(old[:paired], new[:paired], strict=True):
        yield from _changed(before, now)
    yield from (DiffRow("out", (WordRun("out", line),)) for line in old[paired:])
    yield from (DiffRow("in", (WordRun("in", line),)) for line in new[paired:])


def _changed(before: str, now: str) -> Iterator[DiffRow]:
    """Yield one row for a line that was edited, two for a line that another one replaced."""
    old, new = _WORDS.findall(before), _WORDS.findall(now)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    same = sum(
        len(word)
        for at, _, size in matcher.get_matching_blocks()
        for word in old[at : at + size]
        if not word.isspace()
    )
    runs = sum(tag != "equal" for tag, *_ in matcher.get_opcodes())
    if runs > 1 and same < _ALIKE * min(_letters(old), _letters(new)):
        yield DiffRow("out", (WordRun("out", before),))
        yield DiffRow("in", (WordRun("in", now),))
    else:
        yield DiffRow("changed", tuple(_parts(old, new, matcher)))


def _parts(old: list[str], new: list[str], matcher: SequenceMatcher[str]) -> Iterator[WordRun]:
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            yield WordRun("same", "".join(new[j1:j2]))
            continue
        if i2 > i1:
            yield WordRun("out", "".join(old[i1:i2]))
        if j2 > j1:
            yield WordRun("in", "".join(new[j1:j2]))


def _letters(words: list[str]) -> int:
    return sum(len(word) for word in words if not word.isspace())
