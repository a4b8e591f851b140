"""The picture that other sites show beside a link: two names, two figures, two bars.

This module hides how text gets into a picture: Pillow's own face has Latin letters only, and a name
in another script is drawn with a face of this machine, or left out where none has its letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from digest.render.accent import OWN
from digest.render.escaping import one_line
from digest.render.graphemes import graphemes

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

WIDTH, HEIGHT = 1200, 630  #: pixels; what Open Graph and its readers ask for
LONGEST = 400  #: characters of a text that are looked at

_MARGIN, _GUTTER = 72, 64
_COLUMN = (WIDTH - 2 * _MARGIN - _GUTTER) // 2
_INK, _SOFT, _OFF, _PAGE = "#16181d", "#5a606b", "#ccd1da", "#ffffff"  # as templates/web/style.css
_NAME_SIZES = (60, 52, 46, 40, 34)
_LINE_HEIGHT = 1.16  # of the size of type
_NAMES_AT, _FIGURES_AT, _CAPTIONS_AT, _BARS_AT = 150, 300, 468, 530
_BAR, _GAP, _LEAST = 32, 6, 6  # pixels: height, between seats, the least part that is seen
_COLOURS = 64  # of the PNG's palette: one hue, and the greys between it and white
_SYSTEM_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")
_MOST_FONTS = 400
_ODD_FACES = ("italic", "oblique", "mono", "condensed", "emoji", "symbol", "math", "light", "thin")
_SHAPED = ((0x0590, 0x0FFF), (0x1780, 0x17FF))  # scripts whose letters join or move


@dataclass(frozen=True, kw_only=True)
class PictureSide:
    """One tool in a share picture."""

    name: str
    figure: str  #: the share as it reads: "75%"; empty where it isn't known
    share: float | None  #: percent
    ships: int | None  #: seats that would ship; ``None`` where the share is no whole number of them
    seats: int


@dataclass(frozen=True, kw_only=True)
class SharePicture:
    """What a share picture says, all of it finished."""

    newsletter: str
    caption: str  #: under a figure: "would ship"
    unknown: str  #: in its place where there is no figure: "No panel vote yet"
    sides: Sequence[PictureSide]
    accent: str = OWN.light


def draw(picture: SharePicture, *, fonts: Sequence[Path] | None = None) -> bytes:
    """Return the picture as a PNG of 1200 by 630 pixels.

    *fonts* are files of faces to take for letters that Pillow's own hasn't got; by default those of
    this machine. A text that none of them can draw is left out, and never drawn as boxes.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT), _PAGE)
    pen = _Pen(ImageDraw.Draw(image), picture, system_fonts() if fonts is None else fonts)
    pen.canvas.rectangle((0, 0, WIDTH, 15), fill=picture.accent)
    pen.write(picture.newsletter, (_MARGIN, 64), _Room(WIDTH - 2 * _MARGIN, (36,)), picture.accent)
    for number, side in enumerate(picture.sides[:2]):
        left = _MARGIN + number * (_COLUMN + _GUTTER)
        room = _Room(_COLUMN, _NAME_SIZES, height=_FIGURES_AT - _NAMES_AT - 8)
        pen.write(side.name, (left, _NAMES_AT), room, _INK, bold=True)
        if side.figure:
            pen.write(side.figure, (left, _FIGURES_AT), _Room(_COLUMN, (150, 120)), _INK)
        words = picture.caption if side.figure else picture.unknown
        pen.write(words, (left, _CAPTIONS_AT), _Room(_COLUMN, (36, 30)), _SOFT)
        _bar(pen.canvas, side, left, picture.accent)
    written = BytesIO()
    image.quantize(_COLOURS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _bar(canvas: ImageDraw, side: PictureSide, left: int, accent: str) -> None:
    """Draw a part for each seat, else the share as one line; nothing where neither is known."""
    if side.ships is not None and side.seats > 0:
        step = (_COLUMN + _GAP) / side.seats
        for seat in range(side.seats):
            start, end = left + seat * step, left + (seat + 1) * step - _GAP
            colour = accent if seat < side.ships else _OFF
            canvas.rectangle((round(start), _BARS_AT, round(end), _BARS_AT + _BAR), fill=colour)
    elif side.share is not None:
        canvas.rectangle((left, _BARS_AT, left + _COLUMN, _BARS_AT + _BAR), fill=_OFF)
        part = bar_part(side.share, _COLUMN)
        if part:
            canvas.rectangle((left, _BARS_AT, left + part, _BARS_AT + _BAR), fill=accent)


def bar_part(share: float, width: int) -> int:
    """Return how long the coloured part of a bar is; it is full at 100% only, and empty at 0."""
    if share in (0, 100):
        return width if share else 0
    return min(width - _LEAST, max(_LEAST, round(width * share / 100)))


@dataclass(frozen=True)
class _Room:
    """What a text may take in pixels, and its sizes of type, the largest first."""

    width: int
    sizes: tuple[int, ...]
    height: int = 0  #: room for further lines; else there is one

    def lines(self, size: int) -> int:
        return max(1, int(self.height // (size * _LINE_HEIGHT)))


class _Pen:
    """Writes on a canvas in one face for all texts of a picture, else in one for each text."""

    def __init__(self, canvas: ImageDraw, picture: SharePicture, fonts: Sequence[Path]) -> None:
        self.canvas = canvas
        self._fonts = fonts
        names = [side.name for side in picture.sides]
        texts = [picture.newsletter, picture.caption, picture.unknown, *names]
        self._face = face_for(one_line(" ".join(texts)[: 4 * LONGEST]), fonts)

    def write(
        self, text: str, at: tuple[int, int], room: _Room, colour: str, *, bold: bool = False
    ) -> None:
        """Write *text* from its top left corner on, as large as there is room for."""
        text = unicodedata.normalize("NFC", one_line(text[:LONGEST]))
        face = self._face or face_for(text, self._fonts)
        if not text or face is None:
            return
        font, lines = _fitted(text, room, face)
        for number, line in enumerate(lines):
            place = (at[0], at[1] + number * round(font.size * _LINE_HEIGHT))
            stroke = 1 if bold else 0
            self.canvas.text(place, line, colour, font=font, stroke_width=stroke, anchor="la")


_Face = Callable[[int], "FreeTypeFont"]  #: from a size in pixels to a font


def _fitted(text: str, room: _Room, face: _Face) -> tuple[FreeTypeFont, list[str]]:
    """Return the largest font in which *text* fits, and its lines; the last one cut if none."""
    for size in room.sizes:
        font = face(size)
        lines = list(_lines(text, font, room.width))
        if len(lines) <= room.lines(size):
            return font, lines
    kept = lines[: room.lines(size)]
    return font, [*kept[:-1], _cut(kept[-1], font, room.width)]


def _lines(text: str, font: FreeTypeFont, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        for part in _parts(word, font, width):
            longer = f"{line} {part}" if line else part
            if line and font.getlength(longer) > width:
                yield line
                longer = part
            line = longer
    yield line


def _parts(word: str, font: FreeTypeFont, width: int) -> Iterator[str]:
    """Yield a word whole, or in parts that fit where it is longer than a line."""
    part = ""
    for cluster in graphemes(word):
        if part and font.getlength(part + cluster) > width:
            yield part
            part = ""
        part += cluster
    yield part


def _cut(line: str, font: FreeTypeFont, width: int) -> str:
    clusters = list(graphemes(line))
    while clusters and font.getlength("".join(clusters) + "…") > width:
        clusters.pop()
    return "".join(clusters).rstrip() + "…"


def face_for(text: str, fonts: Sequence[Path]) -> _Face | None:
    """Return the first face that has every letter of *text*: Pillow's own, else one of *fonts*.

    ``None`` where there is none, and where the letters would have to be joined and can't be.
    """
    from PIL import features

    joined = any(low <= ord(char) <= high for char in text for low, high in _SHAPED)
    if joined and not features.check("raqm"):
        return None
    for face in (_own_face, *(_face_of(path) for path in fonts)):
        if _has_all(text, face):
            return face
    return None


def _own_face(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    return cast("FreeTypeFont", ImageFont.load_default(size))


def _face_of(path: Path) -> _Face:
    from PIL import ImageFont

    return lambda size: ImageFont.truetype(str(path), size)


def _has_all(text: str, face: _Face) -> bool:
    """Return whether a face has a picture of its own for each letter, and not the box for none."""
    try:
        font = face(24)
        missing = _shape(font, "\U0010fffe")
        return all(_shape(font, char) != missing for char in set(text) if _is_seen(char))
    except OSError:  # a file that is no font after all
        return False


def _is_seen(char: str) -> bool:
    return unicodedata.category(char)[0] != "Z"


def _shape(font: FreeTypeFont, char: str) -> tuple[Any, bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


@lru_cache(maxsize=1)
def system_fonts() -> tuple[Path, ...]:
    """Return the upright faces of this machine, plain sans serifs first."""
    found = (
        path
        for folder in _SYSTEM_FONTS
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in (".ttf", ".otf", ".ttc")
    )
    upright = [
        path
        for path in islice(found, _MOST_FONTS)
        if not any(word in path.stem.lower() for word in _ODD_FACES)
    ]
    return tuple(sorted(upright, key=_plainness))


def _plainness(path: Path) -> tuple[bool, bool, str]:
    name = path.stem.lower()
    return "sans" not in name or "bold" in name, "regular" not in name, str(path)
