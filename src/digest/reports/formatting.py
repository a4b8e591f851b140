"""How numbers, ranges, sources and dates are written for people."""

from __future__ import annotations

from datetime import date

_SOURCES = {"": "Unknown", "page": "Sign-up page"}


def percent(part: int, whole: int, *, places: int = 1) -> str:
    """Return a share such as "12.3%"; a dash where *whole* is 0."""
    if not whole:
        return "—"
    # A share above zero is never rounded to 0%, nor one below the whole to 100%.
    least = 10.0**-places
    share = 100 * part / whole
    if 0 < part < whole:
        share = min(max(share, least), 100 - least)
    return f"{share:.{places if 0 < part < whole else 0}f}%"


def number_range(low: int, high: int) -> str:
    """Return a range: "120 to 180", or one number where both are the same."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def source_words(source: str) -> str:
    """Return the words for a reader's source: "import (kit)" is "Imported list (kit)"."""
    if source.startswith("import"):
        return f"Imported list{source.removeprefix('import').replace(' (plain)', '')}"
    return _SOURCES.get(source) or f"Form “{source}”"


def day(moment: date) -> str:
    """Return a date: "24 November 2026"."""
    return f"{moment.day} {moment:%B %Y}"
