"""How a title in any script becomes a slug for URLs; the same title always gives the same."""

from __future__ import annotations

import unicodedata
from hashlib import sha256

LONGEST = 100  #: characters; a longer slug is cut and ends in 8 digits of its SHA-256

#: Letters without a decomposition, and signs that distinguish tools ("C" and "C++").
_SPELLINGS = {
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
    """Return *text* as a slug: letters and digits of any script, joined by single hyphens.

    Latin letters lose their marks ("Café" is "cafe"); other scripts are kept. A text without
    letters or digits becomes ``x-`` and 8 digits of its SHA-256, so that no slug is empty.
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
    if character in _SPELLINGS:
        return _SPELLINGS[character]
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
