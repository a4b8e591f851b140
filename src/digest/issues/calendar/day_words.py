"""In which words people are told a day: by its date, and by how far off it is."""

from __future__ import annotations

from datetime import date

from subscribers.locale import long_date


def day_words(day: date, today: date) -> str:
    """Return a day with its distance: "8 December 2026, 12 days from now"."""
    days = (day - today).days
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days)
    direction = "from now" if days > 0 else "ago"
    return f"{long_date(day, 'en')}, {near or f'{abs(days):,} days {direction}'}"
