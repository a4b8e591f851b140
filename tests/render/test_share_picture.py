"""The share picture: what it shows, whatever the names, shares and letters."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from digest.render.share_picture import (
    HEIGHT,
    WIDTH,
    PictureSide,
    SharePicture,
    bar_part,
    draw,
    face_for,
    system_fonts,
)

ACCENT = "#a33b00"
BARS_AT = 546  # a row of pixels through both bars


def side(
    name: str = "Marlow", share: float | None = 75.0, ships: int | None = 3, seats: int = 4
) -> PictureSide:
    figure = "" if share is None else f"{share:g}%"
    return PictureSide(name=name, figure=figure, share=share, ships=ships, seats=seats)


def picture(left: PictureSide, right: PictureSide) -> Image.Image:
    told = SharePicture(
        newsletter="Weekly AI Tool Verdicts",
        caption="would ship",
        unknown="No panel vote yet",
        sides=(left, right),
        accent=ACCENT,
    )
    return Image.open(BytesIO(draw(told, fonts=()))).convert("RGB")


def coloured(image: Image.Image, half: int) -> int:
    """Count the pixels of a bar that are in the accent."""
    accent = tuple(bytes.fromhex(ACCENT[1:]))
    row = (image.getpixel((x, BARS_AT)) for x in range(half * WIDTH // 2, (half + 1) * WIDTH // 2))
    return sum(pixel == accent for pixel in row)


def inked(image: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Return whether anything is drawn on a part of the picture."""
    return image.crop(box).getextrema() != ((255, 255),) * 3


NAMES = (60, 145, 1140, 295)
MARGINS = [(0, 20, 60, HEIGHT), (1140, 20, WIDTH, HEIGHT), (0, 570, WIDTH, HEIGHT)]


def test_a_picture_has_the_size_that_other_sites_ask_for_and_is_small() -> None:
    told = SharePicture(newsletter="x", caption="", unknown="", sides=(side(), side()))
    drawn = draw(told, fonts=())

    assert Image.open(BytesIO(drawn)).size == (1200, 630)
    assert len(drawn) < 40_000


def test_the_same_words_give_the_same_bytes() -> None:
    told = SharePicture(newsletter="x", caption="y", unknown="", sides=(side(), side("Oriel")))

    assert draw(told, fonts=()) == draw(told, fonts=())


@pytest.mark.parametrize("seats", [1, 4, 12])
def test_a_bar_has_a_part_for_every_seat(seats: int) -> None:
    full = coloured(picture(side(ships=seats, seats=seats), side(ships=0, seats=seats)), 0)
    one, none = picture(side(ships=1, seats=seats), side(ships=0, seats=seats)), 0

    assert coloured(one, 1) == none
    assert abs(coloured(one, 0) * seats - full) <= seats


@pytest.mark.parametrize(("share", "part"), [(0, 0), (0.4, 6), (50, 200), (99.6, 394), (100, 400)])
def test_a_bar_never_lies(share: float, part: int) -> None:
    assert bar_part(share, 400) == part


def test_an_odd_share_is_drawn_as_it_is() -> None:
    image = picture(side(share=0.4, ships=None), side(share=99.6, ships=None))

    assert 0 < coloured(image, 0) < 10
    assert 480 < coloured(image, 1) < 500


def test_no_votes_draw_no_bar() -> None:
    image = picture(side(share=None, ships=None), side(share=None, ships=None))

    assert not inked(image, (60, 525, 1140, 570))
    assert inked(image, (60, 460, 1140, 520))


@pytest.mark.parametrize(
    "name", ["Quill " * 10, "M" * 60, "Donaudampfschifffahrtsgesellschaft " * 11, "i", "W " * 200]
)
def test_a_name_stays_in_its_place(name: str) -> None:
    image = picture(side(name), side(name))

    assert inked(image, NAMES)
    assert not any(inked(image, margin) for margin in MARGINS)
    assert not inked(image, (578, 145, 628, 295))  # between the two


@pytest.mark.parametrize(
    "name", ["ことば工房", "Яндекс", "مترجم", "\U0001f680\U0001f680", "\u200b"]
)
def test_letters_that_no_face_has_are_left_out_and_never_drawn_as_boxes(name: str) -> None:
    image = picture(side(name), side(name))

    assert not inked(image, NAMES)
    assert coloured(image, 0) > 300


def test_a_name_in_another_script_is_drawn_where_a_face_of_the_machine_has_it() -> None:
    told = SharePicture(newsletter="", caption="", unknown="", sides=(side("Яндекс"), side("Ж")))
    image = Image.open(BytesIO(draw(told))).convert("RGB")

    assert inked(image, NAMES) == (face_for("Яндекс", system_fonts()) is not None)


def test_a_file_that_is_no_font_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")

    assert face_for("Ж", [tmp_path / "broken.ttf"]) is None
