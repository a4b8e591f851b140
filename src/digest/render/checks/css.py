"""As much of CSS as mails use: rules by tag, class and place, for both schemes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLOCK = re.compile(r"([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}")
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_COMPOUND = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<rest>(?:[.#][\w-]+)*)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Node:
    """An element as rules look at it: its name and classes, and what it stands in."""

    name: str
    classes: frozenset[str]
    parent: Node | None


@dataclass(frozen=True)
class Rule:
    """What elements that fit get; *steps* lead from the element outwards."""

    steps: tuple[tuple[str, frozenset[str], bool], ...]  #: tag, classes, directly inside the next
    values: Mapping[str, str]
    important: Mapping[str, str]
    dark: bool  #: only in the dark scheme

    def fits(self, node: Node) -> bool:
        """Tell whether the rule is about an element."""
        return _fits(self.steps, node)


def read_rules(css: str) -> list[Rule]:
    """Return the rules of a style sheet in order; what isn't understood is left out."""
    return list(_rules(_COMMENT.sub("", css), dark=False))


@lru_cache(maxsize=1024)
def declarations(text: str) -> Mapping[str, str]:
    """Return what a style says, ``!important`` left in the values."""
    found = {}
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip().lower()] = value.strip()
    return found


def _rules(css: str, *, dark: bool) -> Iterator[Rule]:
    for head, body in _BLOCK.findall(css):
        head = head.strip()
        if head.startswith("@"):
            if _DARK.search(head):
                yield from _rules(body, dark=True)
            continue
        told = declarations(body)
        important = {
            name: value.split("!")[0].strip() for name, value in told.items() if "!" in value
        }
        values = {name: value for name, value in told.items() if "!" not in value}
        for selector in head.split(","):
            steps = _steps(selector.strip())
            if steps:
                yield Rule(steps, values, important, dark)


def _steps(selector: str) -> tuple[tuple[str, frozenset[str], bool], ...]:
    found: list[tuple[str, frozenset[str], bool]] = []
    direct = False
    for part in selector.replace(">", " > ").split():
        if part == ">":
            direct = True
            continue
        compound = _COMPOUND.match(part)
        if not compound or "#" in compound["rest"]:
            return ()
        classes = frozenset(each for each in compound["rest"].split(".") if each)
        found.append(((compound["tag"] or "*").lower(), classes, direct))
        direct = False
    return tuple(reversed(found))


def _fits(steps: Sequence[tuple[str, frozenset[str], bool]], node: Node | None) -> bool:
    if not steps:
        return True
    tag, classes, direct = steps[0]
    if node is None or tag not in {"*", node.name} or not classes <= node.classes:
        return False
    if len(steps) == 1:
        return True
    above = node.parent
    while above is not None:
        if _fits(steps[1:], above):
            return True
        if direct:
            return False
        above = above.parent
    return False
