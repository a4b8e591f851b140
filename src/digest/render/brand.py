"""How a newsletter's choice of fonts and its logo become what templates print.

No font is fetched: each stack names faces that systems have, the best first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Font(StrEnum):
    """The faces of a newsletter's mail and pages."""

    CLASSIC = "classic"  #: titles, figures and quotes in a serif, all else in the system's sans
    SERIF = "serif"  #: a serif throughout
    SANS = "sans"  #: the system's sans throughout
    SLAB = "slab"  #: titles, figures and quotes in a slab serif, all else in the system's sans


class FontStack(NamedTuple):
    """The faces of running text and of titles, figures and quotes, as lists for CSS."""

    sans: str  #: running text
    serif: str  #: titles, figures and quotes
    outlook: str  #: as *serif* for Outlook, which gives up at the first name it doesn't know


_SANS = "Segoe UI,-apple-system,Roboto,Helvetica,Arial,sans-serif"
_SERIF = "Charter,Iowan Old Style,Georgia,Times,serif"
#: No name is quoted, so that the lists fit into attributes.
_STACKS = {
    Font.CLASSIC: FontStack(_SANS, _SERIF, "Georgia,serif"),
    Font.SERIF: FontStack("Georgia,Iowan Old Style,Times,serif", _SERIF, "Georgia,serif"),
    Font.SANS: FontStack(_SANS, _SANS, "Segoe UI,Arial,sans-serif"),
    Font.SLAB: FontStack(
        _SANS, "Rockwell,Rockwell Nova,Roboto Slab,Sitka Small,Georgia,serif", "Rockwell,serif"
    ),
}
#: The design's own.
OWN_FONTS = _STACKS[Font.CLASSIC]


def fonts_of(font: Font) -> FontStack:
    """Return the faces of a choice."""
    return _STACKS[font]


def font_style(fonts: FontStack) -> str:
    """Return the style sheet that puts these faces in place of the pages' own."""
    return f":root {{ --sans: {fonts.sans}; --serif: {fonts.serif}; }}\n"


_LOGO_HEIGHT, _LOGO_WIDTH = 44, 160  # at most; on a phone a link stands beside it


@dataclass(frozen=True, kw_only=True)
class LogoView:
    """A newsletter's logo; *width* and *height* are those it is shown at, in CSS pixels."""

    url: str
    width: int
    height: int
    alt: str


def logo_view(url: str, size: tuple[int, int], alt: str) -> LogoView:
    """Return a logo of *size* (width and height in pixels), made smaller where it needs more room.

    One of twice the room is shown at half its size, and so is sharp on every screen.
    """
    width, height = size
    scale = min(1, _LOGO_HEIGHT / height, _LOGO_WIDTH / width)
    return LogoView(
        url=url, width=max(1, round(width * scale)), height=max(1, round(height * scale)), alt=alt
    )
