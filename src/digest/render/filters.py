"""Which filters templates of mail and pages may use, in HTML and in plain text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from urllib.parse import quote, urlsplit, urlunsplit

from markupsafe import Markup, escape

from digest.render.escaping import TrustedText, strip_unprintable
from digest.render.graphemes import graphemes, text_width, truncate
from subscribers.locale import percentage

FIXED = "\u00a0"  # no-break space
DASH = "—"
_SHORT_WORD = 3

_PLAIN_SIGNS = " .,:;!?()/@$*+=|~^"
_URL_SAFE = "!#$&'()*+,/:;=?@[]~%"


def percent(value: float | None, language: str = "en") -> str:
    """Return a share: "75%", in German "75 %", or a dash for ``None``.

    Rounding never gives 0% or 100% for another value. Raises ValueError outside 0 to 100.
    """
    return DASH if value is None else percentage(value, language)


def attr(value: object) -> Markup:
    """Return text escaped for a double-quoted attribute of an MJML template.

    White space collapses, and all but letters, digits and plain signs becomes numeric references:
    the MJML compiler writes other characters of an attribute in an escape notation of its own.
    """
    one_line = " ".join(strip_unprintable(str(value)).split())
    return Markup("".join(map(_in_attribute, one_line)))  # noqa: S704  - references and letters


def _in_attribute(char: str) -> str:
    plain = char in _PLAIN_SIGNS or unicodedata.category(char)[0] in "LN"
    return char if plain else f"&#{ord(char)};"


def is_web_link(url: str) -> bool:
    """Return whether *url* is http or https, names a host, and carries no credentials."""
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").encode("idna"), parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        return False
    if url.isascii() and url.isprintable():
        return " " not in url
    return not any(char.isspace() or unicodedata.category(char) == "Cc" for char in url)


def link(url: str) -> TrustedText:
    """Return a stored URL percent-encoded (RFC 3986), so that no reader tag in it is replaced.

    Raises ValueError unless `is_web_link` is true of *url*.
    """
    if not is_web_link(url):
        raise ValueError(f"{url[:60]!r} is no web link")
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    host = f"[{host}]" if ":" in host else host
    authority = f"{host}:{parts.port}" if parts.port else host
    tail = [quote(part, safe=_URL_SAFE) for part in parts[2:]]
    encoded = urlunsplit((parts.scheme, authority, *tail))
    encoded = encoded.replace("-digest_", "-digest%5F").replace("'", "%27")
    return TrustedText(_BARE_PERCENT.sub("%25", encoded))


_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def local(path: str) -> str:
    """Return a path of this site or a web link unchanged; raises ValueError for all else."""
    if is_web_link(path) or (path.startswith("/") and not path.startswith(("//", "/\\"))):
        return path
    raise ValueError(f"{path[:60]!r} is neither a path of this site nor a web link")


def personal(url: str) -> TrustedText:
    """Return a link of the engine with its reader tag unchanged; raises ValueError."""
    if not is_web_link(url):
        raise ValueError(f"{url[:60]!r} is no web link")
    return TrustedText(url)


def tied(text: str) -> str:
    """Return *text* with a no-break space before a short last word, such as a version."""
    head, space, last = text.rpartition(" ")
    return f"{head}{FIXED}{last}" if space and len(last) <= _SHORT_WORD else text


def wrap(value: object, width: int = 72, indent: str = "", first: str | None = None) -> str:
    """Return *value* with its paragraphs filled to *width* columns.

    *first*, when given, replaces *indent* before the first line. A word longer than a line is
    broken between graphemes.
    """
    lines: list[str] = []
    columns = width - text_width(indent)
    for paragraph in strip_unprintable(str(value)).split("\n"):
        lines.extend(filled(re.split(r"[ \t]+", paragraph.strip(" \t")), columns))
    head = indent if first is None else first
    return "\n".join((indent if n else head) + line for n, line in enumerate(lines))


def filled(words: Sequence[str], columns: int) -> list[str]:
    """Return *words* as lines of at most *columns*; trusted text, such as a link, stays whole."""
    lines, line = [], ""
    for word in (part for whole in words for part in _parts(whole, columns)):
        if line and text_width(line) + 1 + text_width(word) > columns:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def _parts(word: str, columns: int) -> list[str]:
    if isinstance(word, TrustedText) or (len(word) <= columns and text_width(word) <= columns):
        return [word]
    parts = [""]
    for cluster in graphemes(word):
        if text_width(parts[-1]) + text_width(cluster) > columns:
            parts.append("")
        parts[-1] += cluster
    return parts


def grid(rows: Sequence[Sequence[object]], widths: Sequence[int]) -> str:
    """Return *rows* of cells as text, each cell wrapped in its column; *widths* are in columns."""
    return "\n".join(line for row in rows for line in _row([str(cell) for cell in row], widths))


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    filled = [wrap(cell, width).split("\n") for cell, width in zip(cells, widths, strict=True)]
    for line in zip_longest(*filled, fillvalue=""):
        padded = (
            cell + " " * (width - text_width(cell))
            for cell, width in zip(line, widths, strict=True)
        )
        yield "  ".join(padded).rstrip(" ")


def seats(ships: int | None, of: int) -> str:
    """Return a panel in plain text, one sign for each seat; empty when the split is unknown."""
    return "" if ships is None else "\u25a0" * ships + "\u25a1" * (of - ships)


def rule(value: object, char: str = "-", width: int = 72) -> str:
    """Return a line of *char* as wide as *value*, *width* columns at most."""
    return char * min(width, text_width(str(value)))


_Filters = Mapping[str, Callable[..., object]]
_IN_MARKUP: _Filters = {
    "attr": attr,
    "link": link,
    "personal": personal,
    "local": local,
    "cut": truncate,
    "tied": tied,
}
_IN_TEXT: _Filters = {
    "link": link,
    "personal": personal,
    "cut": truncate,
    "wrap": wrap,
    "rule": rule,
    "grid": grid,
    "seats": seats,
}


def filters_of(language: str, *, markup: bool) -> dict[str, Callable[..., object]]:
    """Return the filters of templates by name; shares are written as *language* writes them."""
    named = _IN_MARKUP if markup else _IN_TEXT
    return {**named, "percent": partial(percent, language=language)}


def trusted_markup(value: TrustedText) -> Markup:
    """Return trusted text escaped for HTML, reader tags unchanged."""
    return escape(str(value))
