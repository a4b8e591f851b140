"""How one accent colour becomes two that can be read: one on white, one on the dark page.

The accent is the colour of category lines, links, bars and buttons. A button's words have the
colour of the page, so one contrast holds for text in the accent and for text on it.
"""

from __future__ import annotations

import re
from colorsys import hls_to_rgb, rgb_to_hls
from functools import lru_cache
from typing import NamedTuple

from digest.errors import DigestError
from digest.render.lint import ENOUGH_CONTRAST, contrast_ratio

PAGE, DARK_PAGE = "#ffffff", "#131519"  #: the pages' backgrounds (docs/design.md)
_HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\Z")
_STEPS = 1000  # of lightness, in which the nearest legible colour is sought


class BadColour(DigestError):
    """A colour is written like #2744c4."""


class FaintColour(BadColour):
    """The colour can't be read on white; *nearest* is the next one that can."""

    def __init__(self, colour: str, nearest: str) -> None:
        super().__init__(
            f"{colour} can't be read on white: its contrast is {_contrast(colour, PAGE):.1f} to 1,"
            f" and {ENOUGH_CONTRAST:g} to 1 is needed; the nearest that can is {nearest}"
        )
        self.nearest = nearest


class Accent(NamedTuple):
    """The accent on the white page and on the dark one, both as "#2744c4"."""

    light: str
    dark: str


#: The design's own, for a newsletter without one.
OWN = Accent("#2744c4", "#9db0ff")


def parse_accent(text: str) -> str:
    """Return a colour as "#2744c4"; raises `BadColour`, or `FaintColour` where white hides it."""
    match = _HEX.match(text.strip())
    if match is None:
        raise BadColour
    digits = match[1] if len(match[1]) > 3 else "".join(digit * 2 for digit in match[1])  # noqa: PLR2004 - #24c is #2244cc
    colour = f"#{digits.lower()}"
    if _contrast(colour, PAGE) < ENOUGH_CONTRAST:
        raise FaintColour(colour, _nearest(colour, PAGE))
    return colour


@lru_cache(maxsize=64)
def accent_of(colour: str) -> Accent:
    """Return the accents of a parsed colour, the dark page's being the nearest that can be read.

    An empty *colour* is the design's own.
    """
    return Accent(colour, _nearest(colour, DARK_PAGE)) if colour else OWN


def accent_style(accent: Accent) -> str:
    """Return the style sheet that puts an accent in place of the pages' own."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ --mark: {accent.dark}; }} }}"
    return f":root {{ --mark: {accent.light}; }}\n{dark}\n"


def _nearest(colour: str, page: str) -> str:
    """Return the colour of the same hue with enough contrast, and the nearest lightness."""
    hue, lightness, saturation = rgb_to_hls(*_rgb(colour))
    tried = (step / _STEPS for step in range(_STEPS + 1))
    for level in sorted(tried, key=lambda level: abs(level - lightness)):
        found = _hex(hls_to_rgb(hue, level, saturation))
        if _contrast(found, page) >= ENOUGH_CONTRAST:
            return found
    raise BadColour  # never: black on white and white on dark have enough


def _contrast(first: str, second: str) -> float:
    return contrast_ratio(_rgb(first), _rgb(second))


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red / 255, green / 255, blue / 255


def _hex(rgb: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)
