"""The subset of CSS that mails use: colours, declarations, and rules by tag, class and parent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

Rgb = tuple[float, float, float]  #: red, green and blue from 0 to 1

_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\Z")
_RGB = re.compile(r"rgba?\(\s*(\d+)\s*[, ]\s*(\d+)\s*[, ]\s*(\d+)\s*(?:[,/]\s*([\d.]+%?)\s*)?\)\Z")
_NAMED = {
    "black": "#000000",
    "white": "#ffffff",
    "gray": "#808080",
    "grey": "#808080",
    "silver": "#c0c0c0",
    "red": "#ff0000",
    "green": "#008000",
    "blue": "#0000ff",
    "yellow": "#ffff00",
    "orange": "#ffa500",
    "navy": "#000080",
    "maroon": "#800000",
    "purple": "#800080",
    "teal": "#008080",
}
_SHORT = 4  # digits of the short form #rgba


def parse_colour(text: str) -> Rgb | None:
    """Return a colour; ``None`` for one that isn't known here or is transparent."""
    text = text.strip().lower()
    text = _NAMED.get(text, text)
    match = _HEX.match(text)
    if match:
        digits = match[1] if len(match[1]) > _SHORT else "".join(digit * 2 for digit in match[1])
        if len(digits) == 8 and digits.endswith("00"):  # noqa: PLR2004 - #rrggbbaa
            return None
        red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
        return red, green, blue
    match = _RGB.match(text)
    if not match or match[4] in {"0", "0%", "0.0"}:
        return None
    red, green, blue = (min(255, int(match[place])) / 255 for place in (1, 2, 3))
    return red, green, blue


def contrast(first: Rgb, second: Rgb) -> float:
    """Return the contrast ratio of two colours, from 1 to 21, as WCAG 2 defines it."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004
        for part in rgb
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_BLOCK = re.compile(r"([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}")
_DARK = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_COMPOUND = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<rest>(?:[.#][\w-]+)*)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class CssNode:
    """An element as selectors see it: its name, its classes, and its parent."""

    name: str
    classes: frozenset[str]
    parent: CssNode | None


@dataclass(frozen=True)
class CssRule:
    """One rule of a style sheet; *steps* go from the element to its ancestors."""

    steps: tuple[tuple[str, frozenset[str], bool], ...]  #: tag, classes, directly inside the next
    values: Mapping[str, str]
    important: Mapping[str, str]
    dark: bool  #: only in the dark scheme

    def fits(self, node: CssNode) -> bool:
        """Tell whether the selector matches an element."""
        return _fits(self.steps, node)


def read_rules(css: str) -> list[CssRule]:
    """Return the rules of a style sheet in order; unsupported selectors are left out."""
    return list(_rules(_COMMENT.sub("", css), dark=False))


@lru_cache(maxsize=1024)
def declarations(text: str) -> Mapping[str, str]:
    """Return the declarations of a style by property; ``!important`` stays in the values."""
    values = {}
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            values[name.strip().lower()] = value.strip()
    return values


def _rules(css: str, *, dark: bool) -> Iterator[CssRule]:
    for head, body in _BLOCK.findall(css):
        head = head.strip()
        if head.startswith("@"):
            if _DARK.search(head):
                yield from _rules(body, dark=True)
            continue
        style = declarations(body)
        important = {
            name: value.split("!")[0].strip() for name, value in style.items() if "!" in value
        }
        values = {name: value for name, value in style.items() if "!" not in value}
        for selector in head.split(","):
            steps = _steps(selector.strip())
            if steps:
                yield CssRule(steps, values, important, dark)


def _steps(selector: str) -> tuple[tuple[str, frozenset[str], bool], ...]:
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


def _fits(steps: Sequence[tuple[str, frozenset[str], bool]], node: CssNode | None) -> bool:
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
