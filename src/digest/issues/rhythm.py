"""Says in a reader's language how often a newsletter comes."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from digest.issues.cadence import Cadence, Every


@dataclass(frozen=True, kw_only=True)
class _Tongue:
    """One language; weekdays begin with Monday, *nths* go by `Cadence.nth`."""

    weekdays: tuple[str, ...]
    nths: dict[int, str]
    every: dict[Every, Template]


_EN = _Tongue(
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    nths={1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"},
    every={
        Every.WEEK: Template("every $weekday"),
        Every.SECOND_WEEK: Template("every second $weekday"),
        Every.MONTH: Template("on the $nth $weekday of the month"),
    },
)
_DE = _Tongue(
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    nths={1: "ersten", 2: "zweiten", 3: "dritten", 4: "vierten", -1: "letzten"},
    every={
        Every.WEEK: Template("jeden $weekday"),
        Every.SECOND_WEEK: Template("jeden zweiten $weekday"),
        Every.MONTH: Template("am $nth $weekday im Monat"),
    },
)
_TONGUES = {"en": _EN, "de": _DE}


def rhythm(cadence: Cadence, language: str) -> str:
    """Say how often, as it reads after "comes": "every Tuesday"."""
    tongue = _tongue(language)
    return tongue.every[cadence.every].substitute(
        weekday=tongue.weekdays[cadence.weekday], nth=tongue.nths[cadence.nth or 1]
    )


def _tongue(language: str) -> _Tongue:
    """Take the language, else English; of "de-AT" only the first part counts."""
    return _TONGUES.get(language.partition("-")[0].lower(), _EN)
