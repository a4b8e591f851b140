"""Colours: read from CSS, and how well one stands out from another."""

from __future__ import annotations

import re

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
_SHORT = 4  # digits of a short form, with its alpha


def parse_colour(text: str) -> Rgb | None:
    """Read a colour; ``None`` for what isn't one known here, or is see-through."""
    text = text.strip().lower()
    text = _NAMED.get(text, text)
    found = _HEX.match(text)
    if found:
        digits = found[1] if len(found[1]) > _SHORT else "".join(each * 2 for each in found[1])
        if len(digits) == 8 and digits.endswith("00"):  # noqa: PLR2004 - #rrggbbaa
            return None
        red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
        return red, green, blue
    found = _RGB.match(text)
    if not found or found[4] in {"0", "0%", "0.0"}:
        return None
    red, green, blue = (min(255, int(found[place])) / 255 for place in (1, 2, 3))
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return how much one stands out from the other, 1 to 21, as WCAG counts it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004
        for part in rgb
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
