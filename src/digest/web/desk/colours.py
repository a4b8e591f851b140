"""Colours as mail programs turn them around for the dark."""

from __future__ import annotations

import re
from collections.abc import Callable
from colorsys import hls_to_rgb, rgb_to_hls

from digest.render.checks.colour import parse_colour

Rgb = tuple[float, float, float]
_VALUE = r"(#[0-9a-fA-F]{3,8}\b|rgba?\([^)]*\)|\b(?:white|black)\b)"
_DECLARED = re.compile(
    rf"(?P<name>(?:^|[;{{\s\"'])(?:background(?:-color)?|border[a-z-]*|color)\s*:[^;}}\"]*?){_VALUE}",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rf"(?P<name>\b(?:bgcolor|color)=\"){_VALUE}", re.IGNORECASE)
_DARKEST, _LIGHTEST = 0.08, 0.94  # no program makes pure black or white of a mail


def gmail(html: str) -> str:
    """Turn every colour around, as Gmail's app does on an iPhone, dark ones included."""
    return _painted(html, _turned, _turned)


def outlook(html: str) -> str:
    """Darken light grounds and lighten dark words, as Outlook does; dark grounds stay."""
    return _painted(html, _darkened, _lightened)


def _painted(html: str, ground: Callable[[Rgb], Rgb], words: Callable[[Rgb], Rgb]) -> str:
    def paint(found: re.Match[str]) -> str:
        rgb = parse_colour(found[2])
        if rgb is None:
            return found[0]
        name = found["name"].lower()
        is_ground = "background" in name or "bgcolor" in name or "border" in name
        turn = ground if is_ground else words
        return f"{found['name']}{_hex(turn(rgb))}"

    return _ATTRIBUTE.sub(paint, _DECLARED.sub(paint, html))


def _turned(rgb: Rgb) -> Rgb:
    hue, light, full = rgb_to_hls(*rgb)
    return hls_to_rgb(hue, _DARKEST + (1 - light) * (_LIGHTEST - _DARKEST), full)


def _darkened(rgb: Rgb) -> Rgb:
    return _turned(rgb) if rgb_to_hls(*rgb)[1] > 0.5 else rgb  # noqa: PLR2004 - the middle


def _lightened(rgb: Rgb) -> Rgb:
    return _turned(rgb) if rgb_to_hls(*rgb)[1] < 0.5 else rgb  # noqa: PLR2004 - the middle


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)
