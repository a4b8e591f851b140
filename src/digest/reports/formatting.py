"""Numbers and days as people read them."""

from __future__ import annotations

from datetime import datetime

_SOURCES = {"": "Not known", "page": "Sign-up page"}


def percent(part: int, whole: int, *, places: int = 1) -> str:
    """Write a part as a share that no line break tears apart; of nothing it is a dash."""
    if not whole:
        return "—"
    # A share that isn't nothing isn't shown as nothing, nor a part as the whole.
    least = 10.0**-places
    share = 100 * part / whole
    if 0 < part < whole:
        share = min(max(share, least), 100 - least)
    return f"{share:.{places if 0 < part < whole else 0}f}\u00a0%"


def number_range(low: int, high: int) -> str:
    """Write a range: "120 to 180", or one number where both are the same."""
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def source_words(source: str) -> str:
    """Write where a reader came from: "import (kit)" is "Imported list (kit)"."""
    if source.startswith("import"):
        return f"Imported list{source.removeprefix('import').replace(' (plain)', '')}"
    return _SOURCES.get(source) or f"Form “{source}”"


def day(moment: datetime | None) -> str:
    """Write a day: "24 November 2026"; a dash for none."""
    return f"{moment.day} {moment:%B %Y}" if moment else "—"
