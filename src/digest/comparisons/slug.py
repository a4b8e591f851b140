"""Names for URLs: made from titles, in any script, always the same."""

from __future__ import annotations

import unicodedata
from hashlib import sha256

LONGEST = 100  #: characters; beyond, a slug ends in a piece of its text's hash

#: Letters that don't decompose, and signs that tell tools apart ("C" from "C++").
_SPELLED = {
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "\u0131": "i",  # the Turkish i without a dot
    "+": "-plus-",
    "#": "-sharp-",
    "&": "-and-",
    "@": "-at-",
    "%": "-percent-",
}


def slugify(text: str) -> str:
    """Return *text* as a slug: letters and digits of any script with single hyphens between.

    Latin letters lose their marks ("Café" is "cafe"), other scripts stay as they are. A text
    without letters or digits becomes ``x-`` and its hash, so that a slug is never empty.
    """
    spelled = "".join(_spell(char) for char in unicodedata.normalize("NFKC", text).casefold())
    kept = unicodedata.normalize("NFC", "".join(_keep(spelled)))
    slug = "-".join(part for part in kept.split("-") if part)
    if not slug:
        return f"x-{_hash(text)}"
    if len(slug) > LONGEST:
        return f"{slug[: LONGEST - 9].rstrip('-')}-{_hash(slug)}"
    return slug


def _spell(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() else character


def _keep(text: str) -> list[str]:
    kept: list[str] = []
    for character in text:
        kind = unicodedata.category(character)[0]
        if kind == "M" and (not kept or kept[-1].isascii()):
            continue  # a mark left over from a Latin letter
        kept.append(character if kind in "LNM" else "-")
    return kept


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
