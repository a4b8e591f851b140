"""Change finished HTML so that a browser shows a mail as a mail program would.

Hides the colour transforms of dark modes, Gmail's clipping point, and how links and images are
made inert.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from colorsys import hls_to_rgb, rgb_to_hls
from dataclasses import dataclass
from enum import StrEnum
from html import escape, unescape

from digest.images import FOLDER
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
_DARKEST, _LIGHTEST = 0.08, 0.94  # mail programs keep off pure black and white


def gmail_dark(html: str) -> str:
    """Return HTML with every colour's lightness inverted, as Gmail's iPhone app does."""
    return _recoloured(html, _inverted, _inverted)


def outlook_dark(html: str) -> str:
    """Return HTML with light backgrounds darkened and dark text lightened, as Outlook does."""
    return _recoloured(html, _darkened, _lightened)


def _recoloured(html: str, background: Callable[[Rgb], Rgb], text: Callable[[Rgb], Rgb]) -> str:
    def recolour(match: re.Match[str]) -> str:
        rgb = parse_colour(match[2])
        if rgb is None:
            return match[0]
        name = match["name"].lower()
        is_background = "background" in name or "bgcolor" in name or "border" in name
        transform = background if is_background else text
        return f"{match['name']}{_hex(transform(rgb))}"

    return _ATTRIBUTE.sub(recolour, _DECLARED.sub(recolour, html))


def _inverted(rgb: Rgb) -> Rgb:
    hue, light, full = rgb_to_hls(*rgb)
    return hls_to_rgb(hue, _DARKEST + (1 - light) * (_LIGHTEST - _DARKEST), full)


def _darkened(rgb: Rgb) -> Rgb:
    return _inverted(rgb) if rgb_to_hls(*rgb)[1] > 0.5 else rgb  # noqa: PLR2004 - the middle


def _lightened(rgb: Rgb) -> Rgb:
    return _inverted(rgb) if rgb_to_hls(*rgb)[1] < 0.5 else rgb  # noqa: PLR2004 - the middle


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


#: A mail may only be displayed; same-origin, so that the page can read its height.
POLICY = (
    "sandbox allow-same-origin; default-src 'none'; style-src 'unsafe-inline'; img-src {images};"
    " frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
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
    """How a mail program changes the colours of a mail."""

    LIGHT = "light"  #: unchanged
    DARK = "dark"  #: by the mail's own rules for ``prefers-color-scheme: dark``
    GMAIL = "gmail"  #: every colour inverted, as Gmail's iPhone app does
    OUTLOOK = "outlook"  #: light backgrounds and dark text inverted, as Outlook does


@dataclass(frozen=True, kw_only=True)
class ClientView:
    """How to show a mail: colour scheme, images or not, clip mark or not."""

    scheme: Scheme = Scheme.LIGHT
    images: bool = True
    clip: bool = False
    tracked: bool = False  #: whether links are rewritten, which makes them longer
    remote: bool = False  #: whether images may be loaded from their servers
    site: str = ""  #: where the installation's own images are; they are shown in any case
    #: Slug and title of each comparison, whose headings the desk's page finds and is found by.
    blocks: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class MailSection:
    """A part of a mail, from one heading to the next, and its size in bytes."""

    name: str
    bytes: int


def as_client_shows(html: str, shown: ClientView) -> str:
    """Return a mail's HTML as *shown* asks for it, with every link inert."""
    if shown.clip:
        html = with_clip_mark(html, tracked=shown.tracked)
    if shown.site:  # the desk has them at the same paths
        html = html.replace(f'src="{shown.site}{FOLDER}/', f'src="{FOLDER}/')
    html = _HREF.sub(_inert_link, personalise(html, inert_parts(html)))
    html = with_block_marks(html, shown.blocks)
    if not shown.images:
        html = _IMAGE.sub(_without_source, html)
    elif not shown.remote:
        html = _IMAGE.sub(_placeholder, html)
    return in_scheme(html, shown.scheme)


def in_scheme(html: str, scheme: Scheme) -> str:
    """Return a mail in one scheme, whatever scheme the browser prefers."""
    dark = scheme is Scheme.DARK
    html = _DARK.sub("(min-width: 0)" if dark else "(max-width: 0)", html)
    html = _LIGHT.sub("(max-width: 0)" if dark else "(min-width: 0)", html)
    html = _SCHEMES.sub(rf"\1{'dark' if dark else 'light'}", html)
    if scheme is Scheme.GMAIL:
        return gmail_dark(_with_white_background(html))
    return outlook_dark(_with_white_background(html)) if scheme is Scheme.OUTLOOK else html


def policy(shown: ClientView) -> str:
    """Return the Content-Security-Policy header of a shown mail."""
    sources = ("'self'" if shown.site else "", "https:" if shown.remote else "", "data:")
    return POLICY.format(images=" ".join(filter(None, sources)))


def gmail_clip_offset(html: str, *, tracked: bool) -> int | None:
    """Return the index of the character Gmail clips at; ``None`` if it shows the whole mail.

    Rewritten links count at their rewritten length.
    """
    if len(html.encode()) + REWRITTEN_BYTES * html.count("<a ") <= CLIP_BYTES:
        return None
    total = 0
    links = {match.end() for match in _A_HREF.finditer(html)} if tracked else set()
    for at, char in enumerate(html):
        total += len(char.encode(errors="replace"))
        if at + 1 in links:
            total += REWRITTEN_BYTES
        if total > CLIP_BYTES:
            return at
    return None


def with_clip_mark(html: str, *, tracked: bool) -> str:
    """Return a mail with an invisible mark where Gmail clips it."""
    at = gmail_clip_offset(html, tracked=tracked)
    if at is None:
        return html
    after = (match.end() for match in _PLACE.finditer(html) if match["place"] and match.end() >= at)
    end = next(after, None)
    return f"{html[:end]}{CLIP_MARK}{html[end:]}" if end else html


def with_block_marks(html: str, blocks: Sequence[tuple[str, str]]) -> str:
    """Return a mail whose headings of comparisons can be focused and name their slug.

    *blocks* holds slug and title of each. A heading that reads otherwise stays as it is.
    """
    slugs = {_letters(title): slug for slug, title in blocks}

    def marked(match: re.Match[str]) -> str:
        slug = slugs.get(_letters(unescape(_TAG.sub("", match[2]))))
        if slug is None:
            return match[0]
        return f'{match[0][:3]} data-block="{escape(slug)}" tabindex="0"{match[0][3:]}'

    return _HEADING.sub(marked, html) if slugs else html


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text).casefold()


def mail_sections(html: str) -> list[MailSection]:
    """Return the sections of a mail with their sizes, the head and styles first."""
    headings = list(_HEADING.finditer(html))
    body = max(html.find("<body"), 0)
    starts = [body, *(heading.start() for heading in headings[1:])]
    names = [_words(heading[2]) for heading in headings] or ["The mail"]
    ends = [*starts[1:], len(html)]
    parts = [
        MailSection(name=name, bytes=len(html[start:end].encode()))
        for name, start, end in zip(names, starts, ends, strict=True)
    ]
    return [MailSection(name="Head and styles", bytes=len(html[:body].encode())), *parts]


def _inert_link(match: re.Match[str]) -> str:
    return f'{match[1]}href="#nowhere" title="{match[2]}"'


def _words(markup: str) -> str:
    text = _TAG.sub("", markup).replace("&amp;", "&").replace("&#38;", "&")
    return " ".join(text.split()) or "Untitled"


def _with_white_background(html: str) -> str:
    """Return the mail with the white background mail programs assume, to be inverted too."""
    return html.replace(
        "</head>", "<style>body{background:#ffffff;color:#000000}</style></head>", 1
    )


def _without_source(match: re.Match[str]) -> str:
    return re.sub(r"\ssrc=\"[^\"]*\"", "", match[0])


def _placeholder(match: re.Match[str]) -> str:
    """Return an image tag with a placeholder, so that a preview loads no tracked image."""
    tag = match[0]
    if f'src="{FOLDER}/' in tag:
        return tag
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
    match = re.search(rf"\b{name}=\"(\d+)\"", tag)
    return min(int(match[1]), 2000) if match else 0
