"""How counts are written in words, by language: up to twelve as a word, a larger one in digits."""

from __future__ import annotations

from subscribers.locale import N_, translations

_NUMBERS = (
    N_("zero"),
    N_("one"),
    N_("two"),
    N_("three"),
    N_("four"),
    N_("five"),
    N_("six"),
    N_("seven"),
    N_("eight"),
    N_("nine"),
    N_("ten"),
    N_("eleven"),
    N_("twelve"),
)


def number(count: int, language: str) -> str:
    """Return a count: "three"."""
    words = translations(language)
    return words.gettext(_NUMBERS[count]) if 0 <= count < len(_NUMBERS) else str(count)


def number_first(count: int, language: str) -> str:
    """Return a count that begins a sentence: "Three"."""
    word = number(count, language)
    return word[:1].upper() + word[1:]


def votes(count: int, language: str) -> str:
    """Return a count of votes in a result, as in "three ships to none"."""
    return number(count, language) if count else translations(language).pgettext("votes", "none")


def reviewers(count: int, language: str) -> str:
    """Return how many of the reviewers just named: "none", "only one", "two"."""
    words = translations(language)
    if count == 0:
        return words.pgettext("reviewers", "none")
    return words.pgettext("reviewers", "only one") if count == 1 else number(count, language)


def all_reviewers(seats: int, language: str) -> str:
    """Return a whole panel of two or more, at the beginning of a sentence."""
    words = translations(language)
    if seats == 2:  # noqa: PLR2004  - two have a word of their own
        return words.gettext("Both reviewers")
    return words.gettext("All %(number)s reviewers") % {"number": number(seats, language)}
