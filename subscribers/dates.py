"""How a date reads in a subscriber's language."""

from __future__ import annotations

from datetime import date

_EN = "January February March April May June July August September October November December"
_DE = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_LANGUAGES = {
    "en": ("{day} {month} {year}", _EN.split()),
    "de": ("{day}. {month} {year}", _DE.split()),
}


def long_date(day: date, language: str) -> str:
    """Return a date in words, as "24 November 2026"; in English for a language without an entry.

    *language* is a BCP 47 tag, of which the first subtag counts: "de-AT" is read as "de".
    """
    form, months = _LANGUAGES.get(language.partition("-")[0].lower(), _LANGUAGES["en"])
    return form.format(day=day.day, month=months[day.month - 1], year=day.year)
