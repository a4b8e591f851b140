"""How dates, shares, lists and names of languages read in a subscriber's language, by Babel's data.

English is British here: "24 November 2026", never "November 24, 2026". Each function imports the
part of Babel that it calls: 1 MB in all, which a send, for example, doesn't need.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from subscribers.locale.po_catalogue import code_of

if TYPE_CHECKING:
    from babel import Locale

_REGIONS = {"en": "en_GB"}


def long_date(day: date, language: str) -> str:
    """Return a date in words: "24 November 2026", "24. November 2026"."""
    from babel.dates import format_date

    return format_date(day, "long", _locale(language))


def short_date(day: date, language: str) -> str:
    """Return a date as short as the language writes it: "24 Nov 2026", "24.11.2026"."""
    from babel.dates import format_date

    return format_date(day, "medium", _locale(language))


def weekday_name(weekday: int, language: str) -> str:
    """Return the name of a weekday as it stands in a sentence; 0 is Monday."""
    from babel.dates import get_day_names

    return str(get_day_names("wide", "format", _locale(language))[weekday])


def language_name(code: str) -> str:
    """Return the name of one of our languages in itself: "English", "Deutsch"."""
    from babel import Locale

    return Locale.parse(code).get_display_name() or code


@lru_cache(maxsize=1_000)
def whole_number(value: int, language: str) -> str:
    """Return a number with its thousands apart: "1,612"; in German "1.612"."""
    from babel.numbers import format_decimal

    return format_decimal(value, locale=_locale(language))


@lru_cache(maxsize=1_000)  # writing one takes Babel 0.1 ms
def percentage(value: float, language: str, *, decimals: int = 1) -> str:
    """Return a share in percent: "75%", "33.3%"; in German "75 %", "33,3 %".

    Rounding, to at most *decimals*, never gives 0% or 100% for another value. Raises ValueError
    outside of 0 to 100.
    """
    from babel.numbers import parse_pattern

    if not 0 <= value <= 100:  # noqa: PLR2004  - a share; NaN fails this too
        raise ValueError(f"{value} is no share between 0 and 100 percent")
    least = 10.0**-decimals
    shown = round(value if value in (0, 100) else min(100 - least, max(least, value)), decimals)
    locale = _locale(language)
    pattern = parse_pattern(locale.percent_formats[None].pattern)
    pattern.frac_prec = (0, decimals)
    return str(pattern.apply(shown / 100, locale))


def listed(names: Sequence[str], language: str) -> str:
    """Return names as a list in a sentence: "Marlow, Oriel and Brook"."""
    from babel.lists import format_list

    return format_list(names, "standard", _locale(language))


@lru_cache(maxsize=100)
def _locale(language: str) -> Locale:
    """Return Babel's locale of a BCP 47 tag; that of English for a language without catalogue."""
    from babel import Locale

    code = code_of(language)
    return Locale.parse(_REGIONS.get(code, code))
