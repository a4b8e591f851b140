"""Client simulation: a mail as different mail programs and readers see it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from digest.preview.client_simulation import (
    ClientView,
    Scheme,
    as_client_shows,
    gmail_clip_offset,
    in_scheme,
    mail_sections,
    policy,
    with_block_marks,
    with_clip_mark,
)
from digest.render.engine import render
from digest.render.lint.css import parse_colour
from tests.render.samples import full_week, make_issue

ISSUE = render("issue", {"issue": make_issue(*full_week())}).html
PICTURE = '<p><img src="https://shop.example/a.png" width="300" height="90" alt="A chart"></p>'


def page(body: str) -> str:
    return f"<html><head></head><body>{body}</body></html>"


def test_dark_switches_the_mails_own_rules_on_whatever_this_machine_prefers() -> None:
    assert "prefers-color-scheme" in ISSUE

    dark, light = in_scheme(ISSUE, Scheme.DARK), in_scheme(ISSUE, Scheme.LIGHT)
    assert "prefers-color-scheme" not in dark + light
    assert "@media (min-width: 0)" in dark
    assert "@media (max-width: 0)" in light


@pytest.mark.parametrize(
    ("written", "gmail", "outlook"),
    [
        ("background:#ffffff", "dark", "dark"),
        ("background:#111111", "light", "same"),
        ("color:#000000", "light", "light"),
        ("color:#ffffff", "dark", "same"),
        ('" bgcolor="#ffffff', "dark", "dark"),
    ],
)
def test_forced_dark_turns_colours_as_each_program_does(
    written: str, gmail: str, outlook: str
) -> None:
    html = page(f'<p style="{written}">x</p>')

    for scheme, wanted in ((Scheme.GMAIL, gmail), (Scheme.OUTLOOK, outlook)):
        body = in_scheme(html, scheme).split("<body>")[1]
        assert moods(body) == [wanted if wanted != "same" else moods(html)[0]]


def moods(html: str) -> list[str]:
    found = [parse_colour(each) for each in re.findall(r"#[0-9a-f]{6}", html)]
    return ["light" if sum(rgb or (0, 0, 0)) > 1.5 else "dark" for rgb in found]


def test_images_off_leaves_the_words_that_stand_for_them() -> None:
    html = as_client_shows(page(PICTURE), ClientView(images=False))

    assert "src=" not in html
    assert 'alt="A chart"' in html


def test_an_image_is_drawn_and_never_fetched() -> None:
    html = as_client_shows(page(PICTURE), ClientView())

    assert "https://shop.example" not in html
    assert "width='300' height='90'" in html
    assert "shop.example</text>" in html


def test_the_installations_own_images_are_shown_from_the_desk() -> None:
    own = ClientView(site="https://news.example.com")
    image = '<img src="https://news.example.com/images/k.png" width="9">'
    other = '<img src="https://other.example/images/k.png">'
    assert '<img src="/images/k.png" width="9">' in as_client_shows(page(image), own)
    assert "data:image/svg+xml" in as_client_shows(page(other), own)
    assert "src=" not in as_client_shows(page(image), replace(own, images=False))
    assert "img-src 'self' data:;" in policy(own)


def test_the_policy_lets_nothing_run_and_nothing_be_fetched() -> None:
    header = policy(ClientView())

    assert header.startswith("sandbox allow-same-origin;")
    assert "allow-scripts" not in header
    assert "default-src 'none'" in header
    assert "img-src data:;" in header


def test_no_link_of_a_mail_leads_anywhere() -> None:
    html = as_client_shows(ISSUE, ClientView())

    assert set(re.findall(r'<a\b[^>]*?\shref="([^"]*)"', html)) == {"#nowhere"}
    assert 'title="https://news.example.com/u/test-copy"' in html


def test_no_readers_tag_is_left_in_what_is_shown() -> None:
    assert "-digest_" not in as_client_shows(ISSUE, ClientView())


def test_a_light_mail_is_not_cut() -> None:
    assert gmail_clip_offset(ISSUE, tracked=True) is None
    assert with_clip_mark(ISSUE, tracked=True) == ISSUE


def test_gmail_cuts_where_the_bytes_are_full() -> None:
    html = page("<p>é</p>" * 60_000)
    at = gmail_clip_offset(html, tracked=False)

    assert at is not None
    assert len(html[:at].encode()) <= 102_400 < len(html[: at + 1].encode())


def test_rewritten_links_bring_the_cut_nearer() -> None:
    html = page('<p><a href="https://a.example/">x</a></p>' * 400)

    assert gmail_clip_offset(html, tracked=False) is None
    assert gmail_clip_offset(html, tracked=True) is not None


def test_the_cut_is_marked_in_the_mail_once() -> None:
    hidden = "<!--[if mso]><td><![endif]-->"
    html = with_clip_mark(page("x" * 102_400 + hidden + "<p>word</p>" * 9), tracked=False)

    assert html.count('id="digest-clip"') == 1
    assert '<p><i id="digest-clip"></i>word' in html


def test_each_part_has_its_weight_and_together_they_are_the_mail() -> None:
    found = mail_sections(ISSUE)

    assert [each.name for each in found[:3]] == [
        "Head and styles",
        "Quayside Serverless Inference beats Lantern Code 3, four ships to three",
        "Lantern Code 3 vs Quayside Serverless Inference",
    ]
    assert sum(each.bytes for each in found) == len(ISSUE.encode())


def test_the_headings_of_comparisons_are_marked_for_the_page_and_no_others() -> None:
    mail = "<h1>Weekly</h1><h2 style='x'>Tom &amp; Jo&nbsp;<em>vs</em> Ida</h2><h2>Sponsored</h2>"
    marked = with_block_marks(mail, [('a"b', "Tom & Jo vs Ida"), ("other", "Other vs None")])

    assert marked == mail.replace("<h2 style", '<h2 data-block="a&quot;b" tabindex="0" style', 1)
    assert with_block_marks(mail, []) == mail
