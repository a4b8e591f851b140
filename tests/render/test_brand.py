"""A newsletter's logo and fonts: sizes, faces, and how mail and letters show them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.render.brand import (
    OWN_FONTS,
    Font,
    font_style,
    fonts_of,
    logo_view,
)
from digest.render.engine import render
from digest.render.lint import lint_mail
from tests.render.conftest import Scheme, Show
from tests.render.samples import full_week, make_copy, make_issue
from tests.render.test_golden import LETTER

URL = "https://news.example.com/images/k.png"
WIDE = logo_view(URL, (500, 88), "Tools of the Trade")
LOGO = logo_view(URL, (300, 88), 'Two hammers & a "saw"')


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((300, 88), (150, 44)),  # twice the room: sharp on every screen
        ((120, 30), (120, 30)),  # a small one isn't made larger
        ((4000, 400), (160, 16)),  # a wide one leaves room on a phone
        ((400, 4000), (4, 44)),
        ((4000, 1), (160, 1)),
    ],
)
def test_a_logo_is_at_most_44_pixels_high_and_keeps_its_shape(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    logo = logo_view(URL, size, "Tools")
    assert (logo.width, logo.height) == shown


@pytest.mark.parametrize("font", Font)
def test_every_choice_of_fonts_fits_into_an_attribute_and_ends_in_a_face_all_have(
    font: Font,
) -> None:
    for stack in fonts_of(font):
        assert not set("\"';{}") & set(stack)
        assert stack.endswith(("serif", "sans-serif"))
    assert f"--serif: {fonts_of(font).serif};" in font_style(fonts_of(font))


def test_no_choice_is_the_designs_own() -> None:
    assert fonts_of(Font.CLASSIC) == OWN_FONTS


def branded(**brand: Any) -> str:
    shown: dict[str, Any] = {"logo": LOGO, "fonts": fonts_of(Font.SLAB)} | brand
    view = replace(make_issue(*full_week()), **shown)
    return render("issue", {"issue": view}).html


def test_a_mail_shows_its_logo_and_its_faces_and_passes_every_check() -> None:
    view = replace(make_issue(*full_week()), logo=LOGO, fonts=fonts_of(Font.SLAB))
    mail = render("issue", {"issue": view})
    assert f'src="{URL}" width="150" height="44" alt="Two hammers &amp; a &#34;saw&#34;"' in (
        mail.html.replace("&#38;", "&amp;").replace("&quot;", "&#34;")
    )
    assert "Rockwell,Rockwell Nova" in mail.html
    assert "font-family:Rockwell,serif !important" in mail.html
    assert "Charter" not in mail.html
    assert lint_mail(make_copy(view, mail)) == []


def test_a_letter_shows_the_logo_in_place_of_the_name() -> None:
    letter = replace(LETTER, logo=LOGO, fonts=fonts_of(Font.SANS))
    html = render("letter", {"letter": letter}).html
    assert f'src="{URL}" width="150" height="44"' in html
    assert f">{letter.newsletter}</p>" not in html
    assert "Charter" not in html
    assert "Charter" in render("letter", {"letter": LETTER}).html


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 375, 700])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_logo_stands_on_white_at_its_size(show: Show, width: int, scheme: Scheme) -> None:
    with show(branded(), width, scheme) as page:
        logo = page.locator("img.plate").first
        box = logo.bounding_box()
        assert box is not None
        edge = 8 if scheme == "dark" else 0
        assert (round(box["width"]), round(box["height"])) == (150 + 2 * edge, 44 + edge * 3 // 2)
        assert logo.evaluate("(it) => getComputedStyle(it).backgroundColor") == "rgb(255, 255, 255)"
        words = logo.evaluate("(it) => getComputedStyle(it).color")  # seen with images off
        assert words == "rgb(22, 24, 29)"
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_widest_logo_fits_on_the_smallest_phone(show: Show, scheme: Scheme) -> None:
    with show(branded(logo=WIDE), 320, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
