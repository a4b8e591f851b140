"""How a badge is drawn: two words beside each other in an SVG of its own, light and dark; pure.

This module hides how wide a text is in fonts that nobody here knows: it is estimated, and the text
is then told to take just that width.
"""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import escape

from digest.render.accent import Accent
from digest.render.escaping import one_line
from digest.render.graphemes import graphemes, text_width, truncate

_HEIGHT, _PAD, _SIZE = 24, 9, 12  # pixels
_MOST = 60  # characters of one text
_NARROW, _WIDE, _USUAL, _FULL = 3.6, 9.8, 6.8, 12.4  # pixels at that size
_WIDTHS: Mapping[str, float] = {
    **dict.fromkeys("iljtfrI.,:;'’|!·()[]- \u00a0", _NARROW),
    **dict.fromkeys("mwMW%@—", _WIDE),
}
_INK, _DARK_INK = ("#16181d", "#ffffff"), ("#343943", "#eceef2")  # of a tool's name: ground, words
_ON_ACCENT, _ON_DARK_ACCENT = "#ffffff", "#131519"


def badge(name: str, told: str, accent: Accent) -> str:
    """Return an SVG that says *told*, such as "75% would ship · 24 Nov 2026", of a tool."""
    name, told = truncate(one_line(name), _MOST), truncate(one_line(told), _MOST)
    left, right = _width(name) + 2 * _PAD, _width(told) + 2 * _PAD
    words = escape(f"{name}: {told}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}"'
        f' role="img" aria-label="{words}"><title>{words}</title>'
        f"<style>{_style(accent)}</style>"
        f'<clipPath id="c"><rect width="{left + right}" height="{_HEIGHT}" rx="4"/></clipPath>'
        f'<g clip-path="url(#c)"><rect class="n" width="{left}" height="{_HEIGHT}"/>'
        f'<rect class="v" x="{left}" width="{right}" height="{_HEIGHT}"/></g>'
        f'<g font-family="Verdana,DejaVu Sans,Arial,sans-serif" font-size="{_SIZE}">'
        f"{_text(name, _PAD, 'm')}{_text(told, left + _PAD, 'w')}</g></svg>\n"
    )


def _style(accent: Accent) -> str:
    light = _fills(*_INK, accent.light, _ON_ACCENT)
    dark = _fills(*_DARK_INK, accent.dark, _ON_DARK_ACCENT)
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _fills(ground: str, words: str, accent: str, on_accent: str) -> str:
    parts = {"n": ground, "m": words, "v": accent, "w": on_accent}
    return "".join(f".{name}{{fill:{colour}}}" for name, colour in parts.items())


def _text(text: str, at: int, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{at}" y="16.5" textLength="{_width(text)}"'
        f' lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )


def _width(text: str) -> int:
    """Return about how wide a text is, in whole pixels."""
    clusters = graphemes(text)
    return max(1, round(sum(map(_cluster_width, clusters))))


def _cluster_width(cluster: str) -> float:
    if text_width(cluster) > 1:
        return _FULL
    usual = _USUAL + (1.2 if cluster.isupper() else 0)
    return _WIDTHS.get(cluster, usual)
