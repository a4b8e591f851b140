"""Writes a day out in a reader's language."""

from __future__ import annotations

from datetime import date

_EN = "January February March April May June July August September October November December"
_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_LANGUAGES = {
    "en": ("{day} {month} {year}", _EN.split()),
    "de": ("{day}. {month} {year}", _DE.split()),
}


def long_date(day: date, language: str) -> str:
    """Write a day out: "24 November 2026"; in English where the language isn't known.

    Of "de-AT" the first part counts.
    """
    form, months = _LANGUAGES.get(language.partition("-")[0].lower(), _LANGUAGES["en"])
    return form.format(day=day.day, month=months[day.month - 1], year=day.year)
