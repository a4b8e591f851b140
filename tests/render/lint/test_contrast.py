"""The contrast rule: text against its background, in the light and the dark theme."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.render.lint.css import CssNode, contrast_ratio, parse_colour, read_rules
from digest.render.lint.rules.accessibility import text_contrast
from tests.render.lint.test_rules import GOOD

DARK = "@media (prefers-color-scheme: dark) {{ body {{ background-color: #111 }} {} }}"


def messages(body: str, css: str = "") -> list[str]:
    html = f"<html><head><style>{css}</style></head><body>{body}</body></html>"
    return [finding.message for finding in text_contrast(replace(GOOD, html=html))]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21), ("#777", "white", 4.48), ("rgb(90, 96, 107)", "#ffffff", 6.3)],
)
def test_contrast_is_computed_as_wcag_does(one: str, other: str, ratio: float) -> None:
    left, right = parse_colour(one), parse_colour(other)

    assert left is not None
    assert right is not None
    assert contrast_ratio(left, right) == pytest.approx(ratio, abs=0.05)


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("rebeccapurple", (0.4, 0.2, 0.6)),
        ("hsl(0, 100%, 50%)", (1, 0, 0)),
        ("rgb(0% 100% 0% / 50%)", (0, 1, 0)),
        ("#0F08", (0, 1, 0)),
        ("lab(50% 0 0)", None),
    ],
)
def test_a_colour_is_known_however_css_writes_it(
    text: str, rgb: tuple[float, float, float] | None
) -> None:
    assert parse_colour(text) == (rgb and pytest.approx(rgb))


@pytest.mark.parametrize(
    "text", ["", "transparent", "url(x.png)", "rgba(0,0,0,0)", "#12", "#11111100"]
)
def test_what_is_no_colour_is_none(text: str) -> None:
    assert parse_colour(text) is None


@pytest.mark.parametrize(
    "body",
    [
        '<p style="color:#767676">enough</p>',
        '<h1 style="color:#949494;font-size:24px">large</h1>',
        '<b style="color:#949494;font-size:19px">large and bold</b>',
        '<p style="display:none;color:#fff">hidden</p>',
        '<td bgcolor="#2744c4"><a style="color:#ffffff">on blue</a></td>',
        '<p style="color:#fff;background:#222222 url(x.png)">on a picture</p>',
        '<p style="color:#fff;background:url(data:a;b) #222">after an address with a semicolon</p>',
        '<p style="color:/* not #fff */#111">with a comment</p>',
        "<p>\u00a0\u2014</p>",
    ],
)
def test_enough_contrast_passes(body: str) -> None:
    assert messages(body) == []


@pytest.mark.parametrize(
    "body",
    [
        '<p style="color:#777777">not quite</p>',
        '<div style="background-color:#eeeeee"><p style="color:#888">soft on soft</p></div>',
        '<td bgcolor="#2744c4">black on blue</td>',
        '<p style="color:#949494;font:24px Georgia">large</p><p style="color:#949494">small</p>',
    ],
)
def test_too_little_contrast_is_reported(body: str) -> None:
    assert len(messages(body)) == 1


def test_the_most_important_style_of_an_element_is_its_own() -> None:
    body = '<p style="color:#111 !important">words</p>'

    assert messages(body, "p { color: #fff !important }") == []


@pytest.mark.parametrize("css", ["color:", "p{color:", "p", "@media "])
def test_a_style_of_endless_parentheses_is_passed_over(css: str) -> None:
    endless = css + "(" * 20_000

    assert messages(f'<p style="{endless}">words</p>', endless) == []


def test_the_dark_scheme_has_rules_of_its_own() -> None:
    body = '<div class="page"><p style="color:#16181d">words</p></div>'

    assert messages(body, DARK.format(".page p { color: #eee !important }")) == []
    assert "in the dark" in messages(body, DARK.format(""))[0]


def test_a_mail_without_dark_rules_is_checked_in_the_light_only() -> None:
    assert messages('<p style="color:#111">words</p>') == []


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("p", True),
        ("*", True),
        (".x", True),
        ("p.x", True),
        ("p.y", False),
        ("div p", True),
        (".page p", True),
        (".page > div > p", True),
        (".page > p", False),
        ("td p", False),
        ("p:hover", False),
        ("#id", False),
    ],
)
def test_a_selector_matches_as_css_defines_it(selector: str, fits: bool) -> None:
    page = CssNode("body", frozenset({"page"}), None)
    node = CssNode("p", frozenset({"x"}), CssNode("div", frozenset(), page))
    rules = read_rules(f"{selector} {{ color: red }}")

    assert any(rule.fits(node) for rule in rules) == fits
