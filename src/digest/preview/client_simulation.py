"""A mail as different readers see it: pure changes to finished HTML, made for looking only."""

from __future__ import annotations

import re
from collections.abc import Callable
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from digest.mail.mailing import personalise
from digest.mail.marked_copy import inert_parts
from digest.render.lint import CLIP_BYTES, REWRITTEN_BYTES, parse_colour

Rgb = tuple[float, float, float]
_VALUE = r"(#[0-9a-fA-F]{3,8}\b|rgba?\([^)]*\)|\b(?:white|black)\b)"
_DECLARED = re.compile(
    rf"(?P<name>(?:^|[;{{\s\"'])(?:background(?:-color)?|border[a-z-]*|color)\s*:[^;}}\"]*?){_VALUE}",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rf"(?P<name>\b(?:bgcolor|color)=\"){_VALUE}", re.IGNORECASE)
_DARKEST, _LIGHTEST = 0.08, 0.94  # no program makes pure black or white of a mail


def gmail_dark(html: str) -> str:
    """Turn every colour around, as Gmail's app does on an iPhone, dark ones included."""
    return _painted(html, _turned, _turned)


def outlook_dark(html: str) -> str:
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


#: What a mail may do while it is looked at: nothing but be shown. The desk reads its height.
POLICY = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src {images};"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
CLIP_MARK = '<i id="digest-clip"></i>'

_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_LIGHT = re.compile(r"\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_SCHEMES = re.compile(
    r"(color-scheme(?:s)?\s*:\s*|name=\"(?:supported-)?color-schemes?\"\s+content=\")"
    r"(?:light dark|dark light|light only|only light)",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_HREF = re.compile(r"(<a\b[^>]*?\s)href=\"([^\"]*)\"", re.IGNORECASE | re.DOTALL)
_A_HREF = re.compile(r"<a\b[^>]*?\shref=\"([^\"]*)\"[^>]*>", re.IGNORECASE | re.DOTALL)
_PLACE = re.compile(
    r"<!--.*?-->|(?P<place><(?:td|th|p|div|h[1-6]|li|blockquote)\b[^>]*>)",
    re.IGNORECASE | re.DOTALL,
)
_HEADING = re.compile(r"<h([12])\b[^>]*>(.*?)</h\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


class Scheme(StrEnum):
    """How a mail program colours a mail."""

    LIGHT = "light"  #: as it is written
    DARK = "dark"  #: by the mail's own rules for the dark
    GMAIL = "gmail"  #: every colour turned around, as Gmail's iPhone app does
    OUTLOOK = "outlook"  #: light grounds and dark words turned around, as Outlook does


@dataclass(frozen=True, kw_only=True)
class ClientView:
    """What is asked for: a scheme, images or not, the clip line or not."""

    scheme: Scheme = Scheme.LIGHT
    images: bool = True
    clip: bool = False
    tracked: bool = False  #: whether links are rewritten, which makes them longer
    remote: bool = False  #: whether images may come from where they are


@dataclass(frozen=True, kw_only=True)
class MailSection:
    """A part of a mail, from one heading to the next, and what it weighs."""

    name: str
    bytes: int


def as_client_shows(html: str, asked: ClientView) -> str:
    """Return a mail as *asked* asks for it; nothing in it leads anywhere."""
    if asked.clip:
        html = with_clip_mark(html, tracked=asked.tracked)
    html = _HREF.sub(_led_nowhere, personalise(html, inert_parts()))
    if not asked.images:
        html = _IMAGE.sub(_without_source, html)
    elif not asked.remote:
        html = _IMAGE.sub(_drawn, html)
    return in_scheme(html, asked.scheme)


def in_scheme(html: str, scheme: Scheme) -> str:
    """Return a mail in one scheme, whatever this machine prefers."""
    dark = scheme is Scheme.DARK
    html = _DARK.sub("(min-width: 0)" if dark else "(max-width: 0)", html)
    html = _LIGHT.sub("(max-width: 0)" if dark else "(min-width: 0)", html)
    html = _SCHEMES.sub(rf"\1{'dark' if dark else 'light'}", html)
    if scheme is Scheme.GMAIL:
        return gmail_dark(_grounded(html))
    return outlook_dark(_grounded(html)) if scheme is Scheme.OUTLOOK else html


def policy(asked: ClientView) -> str:
    """Return the Content-Security-Policy a mail is shown under."""
    return POLICY.format(images="https: data:" if asked.remote else "data:")


def gmail_clip_offset(html: str, *, tracked: bool) -> int | None:
    """Return the character Gmail cuts at, rewritten links counted; ``None`` if it shows all."""
    if len(html.encode()) + REWRITTEN_BYTES * html.count("<a ") <= CLIP_BYTES:
        return None
    total = 0
    links = {found.end() for found in _A_HREF.finditer(html)} if tracked else set()
    for at, char in enumerate(html):
        total += len(char.encode(errors="replace"))
        if at + 1 in links:
            total += REWRITTEN_BYTES
        if total > CLIP_BYTES:
            return at
    return None


def with_clip_mark(html: str, *, tracked: bool) -> str:
    """Return a mail with an invisible mark where Gmail cuts it off."""
    at = gmail_clip_offset(html, tracked=tracked)
    if at is None:
        return html
    after = (each.end() for each in _PLACE.finditer(html) if each["place"] and each.end() >= at)
    end = next(after, None)
    return f"{html[:end]}{CLIP_MARK}{html[end:]}" if end else html


def mail_sections(html: str) -> list[MailSection]:
    """Return what each part weighs, from heading to heading, the head of the mail first."""
    headings = list(_HEADING.finditer(html))
    body = max(html.find("<body"), 0)
    starts = [body, *(found.start() for found in headings[1:])]
    names = [_words(found[2]) for found in headings] or ["The mail"]
    ends = [*starts[1:], len(html)]
    parts = [
        MailSection(name=name, bytes=len(html[start:end].encode()))
        for name, start, end in zip(names, starts, ends, strict=True)
    ]
    return [MailSection(name="Head and styles", bytes=len(html[:body].encode())), *parts]


def _led_nowhere(found: re.Match[str]) -> str:
    return f'{found[1]}href="#nowhere" title="{found[2]}"'


def _words(markup: str) -> str:
    text = _TAG.sub("", markup).replace("&amp;", "&").replace("&#38;", "&")
    return " ".join(text.split()) or "Untitled"


def _grounded(html: str) -> str:
    """Give the mail the white ground a program assumes, so that it is turned around too."""
    return html.replace(
        "</head>", "<style>body{background:#ffffff;color:#000000}</style></head>", 1
    )


def _without_source(found: re.Match[str]) -> str:
    return re.sub(r"\ssrc=\"[^\"]*\"", "", found[0])


def _drawn(found: re.Match[str]) -> str:
    """Draw a stand-in: no image is fetched, so that looking tells nobody anything."""
    tag = found[0]
    width = _number(tag, "width") or 120
    height = _number(tag, "height") or max(40, width // 3)
    host = re.search(r"src=\"https?://([^/\"]+)", tag)
    words = escape(host[1] if host else "image")
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>"
        "<rect width='100%' height='100%' fill='%23e3e6eb'/>"
        f"<text x='50%' y='50%' font-family='sans-serif' font-size='11' fill='%23555'"
        f" text-anchor='middle' dominant-baseline='middle'>{words}</text></svg>"
    )
    return re.sub(r"src=\"[^\"]*\"", f'src="data:image/svg+xml,{svg}"', tag)


def _number(tag: str, name: str) -> int:
    found = re.search(rf"\b{name}=\"(\d+)\"", tag)
    return min(int(found[1]), 2000) if found else 0
