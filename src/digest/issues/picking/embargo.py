"""When a comparison is dated after the issue that carries it, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from digest.comparisons.models import Revision
from digest.render.lint import Finding, warning

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def embargo(title: str, published_on: date | None, day: date) -> str:
    """Return that a comparison is dated after an issue's *day*; empty where it isn't."""
    if published_on is None or published_on <= day:
        return ""
    year = f" {published_on.year}" if published_on.year != day.year else ""
    ahead = (published_on - day).days
    number = _NUMBERS[ahead] if ahead < len(_NUMBERS) else f"{ahead:,}"
    after = f"{number} day{'s' * (ahead > 1)} after this issue"
    return f"{title} is dated {published_on.day} {published_on:%B}{year}, {after}"


def embargo_warnings(carried: Sequence[Revision], day: date) -> Iterator[Finding]:
    """Yield a warning for each comparison that is dated after the issue's *day*."""
    for revision in carried:
        if message := embargo(revision.title, revision.published_on, day):
            mend = "Leave it out, or make sure that it may be shown by then."
            yield warning("embargo", "html", message, mend)
