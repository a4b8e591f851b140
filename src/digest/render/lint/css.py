"""The CSS that mails use, read by tinycss2: colours, styles, rules by tag, class and parent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

Rgb = tuple[float, float, float]  #: red, green and blue from 0 to 1
#: The parts of a selector from the element outwards: tag, classes, directly inside the next.
Steps = tuple[tuple[str, frozenset[str], bool], ...]


@cache
def _tinycss2() -> Any:
    """Return the parser, which is imported on first use: most commands read no mail."""
    import tinycss2.color4

    return tinycss2


@lru_cache(maxsize=1024)
def parse_colour(text: str) -> Rgb | None:
    """Return a colour; ``None`` for one that isn't known here or is transparent."""
    return _rgb(text)


@lru_cache(maxsize=1024)
def first_colour(text: str) -> Rgb | None:
    """Return the first colour of a value with several parts, such as that of ``background``."""
    parts = _tinycss2().parse_component_value_list(text, skip_comments=True)
    return next((rgb for rgb in map(_rgb, parts) if rgb), None)


def _rgb(written: Any) -> Rgb | None:  # text, or a token of tinycss2, which has no types
    colour = _tinycss2().color4.parse_color(written)
    if colour is None or isinstance(colour, str) or not colour.alpha:
        return None
    try:
        red, green, blue = colour.to("srgb").coordinates
    except NotImplementedError:  # lab and other spaces, which no mail program knows
        return None
    return _channel(red), _channel(green), _channel(blue)


def _channel(value: float | None) -> float:
    return min(1.0, max(0.0, value or 0.0))


LINEAR = 0.04045  #: the channel value up to which sRGB is linear (WCAG 2, relative luminance)


@lru_cache(maxsize=1024)
def contrast_ratio(first: Rgb, second: Rgb) -> float:
    """Return the contrast ratio of two colours, from 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in rgb
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_COMPOUND = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<rest>(?:[.#][\w-]+)*)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class CssNode:
    """An element as selectors see it: its name, its classes, and its parent."""

    name: str
    classes: frozenset[str]
    parent: CssNode | None
    #: Whether it, or what it is in, fits a part of a selector, once that has been asked.
    within: dict[tuple[int, int], bool] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class CssStyle:
    """The declarations of a style by property, those marked ``!important`` by themselves."""

    values: Mapping[str, str]
    important: Mapping[str, str]


@dataclass(frozen=True)
class CssRule:
    """One rule of a style sheet."""

    steps: Steps
    style: CssStyle
    dark: bool  #: only in the dark scheme

    def may_fit(self, name: str, classes: frozenset[str]) -> bool:
        """Return whether the selector matches an element of this name, where its ancestors do."""
        return _is_one(self.steps[0], name, classes)

    def fits(self, node: CssNode) -> bool:
        """Return whether the selector matches an element."""
        return _fits(self.steps, 0, node)


@lru_cache(maxsize=64)
def read_rules(css: str) -> Sequence[CssRule]:
    """Return the rules of a style sheet in order; unsupported selectors are left out."""
    return tuple(_rules(_tinycss2().parse_stylesheet(css, skip_comments=True), dark=False))


@lru_cache(maxsize=1024)
def read_style(text: str) -> CssStyle:
    """Return the style of an element's attribute."""
    return _style(text)


def _style(css: Any) -> CssStyle:
    values: dict[str, str] = {}
    important: dict[str, str] = {}
    for part in _tinycss2().parse_blocks_contents(css, skip_comments=True):
        if part.type == "declaration":
            value = _text(part.value)
            (important if part.important else values)[part.lower_name] = value
    return CssStyle(values, important)


def _text(tokens: Any) -> str:
    try:
        return str(_tinycss2().serialize(tokens)).strip()
    except RecursionError:  # hundreds of parentheses inside each other
        return ""


def _rules(parts: Iterable[Any], *, dark: bool) -> Iterator[CssRule]:
    for part in parts:
        head = _text(part.prelude) if hasattr(part, "prelude") else ""
        if part.type == "at-rule" and part.content and _DARK.search(head):
            yield from _rules(_tinycss2().parse_rule_list(part.content), dark=True)
        elif part.type == "qualified-rule":
            style = _style(part.content)
            for selector in head.split(","):
                steps = _steps(selector.strip())
                if steps:
                    yield CssRule(steps, style, dark)


def _steps(selector: str) -> Steps:
    steps: list[tuple[str, frozenset[str], bool]] = []
    direct = False
    for part in selector.replace(">", " > ").split():
        if part == ">":
            direct = True
            continue
        compound = _COMPOUND.match(part)
        if not compound or "#" in compound["rest"]:
            return ()
        classes = frozenset(name for name in compound["rest"].split(".") if name)
        steps.append(((compound["tag"] or "*").lower(), classes, direct))
        direct = False
    return tuple(reversed(steps))


def _fits(steps: Steps, at: int, node: CssNode | None) -> bool:
    """Return whether an element fits the selector from one step on."""
    if node is None or not _is_one(steps[at], node.name, node.classes):
        return False
    if at + 1 == len(steps):
        return True
    if steps[at][2]:
        return _fits(steps, at + 1, node.parent)
    return _is_within(steps, at + 1, node.parent)


def _is_within(steps: Steps, at: int, node: CssNode | None) -> bool:
    """Return whether an element, or one it is in, fits the selector from one step on.

    Neighbours are in the same elements, so each is asked once.
    """
    key, asked, found = (id(steps), at), [], False
    while node is not None and not found:
        known = node.within.get(key)
        if known is not None:
            found = known
            break
        asked.append(node)
        found = _fits(steps, at, node)
        node = node.parent
    for each in asked:
        each.within[key] = found
    return found


def _is_one(step: tuple[str, frozenset[str], bool], name: str, classes: frozenset[str]) -> bool:
    tag, needed, _ = step
    return tag in ("*", name) and needed <= classes
