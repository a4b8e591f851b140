"""How the lines around an issue's comparisons are worded: subject, preheader, notes, corrections.

The verdict on one comparison is worded by `verdict`, what kind of week it is by `opening`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from digest.issues.content.number_words import number
from digest.issues.content.quotes import sharpest_passage
from digest.issues.content.view import ChangeView, ComparisonView
from digest.issues.models import Tracking
from digest.render.graphemes import graphemes, truncate
from subscribers.locale import N_, listed, translations

SUBJECT_LIMIT = 60  #: characters; screens show about 70, phones about 40
PREHEADER_LEAST, PREHEADER_LIMIT = 40, 100
#: The sentence of a mail on what is recorded of opens and clicks.
TRACKING = {
    Tracking.OFF: N_("We don’t track opens or clicks."),
    Tracking.ANONYMOUS: N_("We count opens and clicks, but not who made them."),
    Tracking.READER: N_("We record which issues you open and which links you follow."),
}


class CorrectedMail(NamedTuple):
    """The mail that was wrong: its number, its day in words, and whether it was a correction."""

    number: int
    day: str
    again: bool


def subject(stories: Sequence[str], title: str) -> str:
    """Return the first of *stories* that fits `SUBJECT_LIMIT`, else a comparison's *title*."""
    fitting = [form for form in (*stories, title) if _length(form) <= SUBJECT_LIMIT]
    return _spaced(fitting[0] if fitting else truncate(title, SUBJECT_LIMIT))


def preheader(comparisons: Sequence[ComparisonView], language: str) -> str:
    """Return the preheader, of `PREHEADER_LEAST` to `PREHEADER_LIMIT` characters.

    That is what else is inside, else the sharpest quote, and more where that is too short.
    """
    line = ""
    for part in _preheader_parts(comparisons, language):
        room = PREHEADER_LIMIT - _length(line) - (1 if line else 0)
        line = f"{line} {truncate(part, room)}".strip()
        if _length(line) >= PREHEADER_LEAST:
            break
    return _spaced(line)


def _preheader_parts(comparisons: Sequence[ComparisonView], language: str) -> Iterator[str]:
    words, titles = translations(language), [each.title for each in comparisons[1:]]
    forms = [_others(titles, shown, language) for shown in range(len(titles), 0, -1)]
    yield from [form for form in forms if _length(form) <= PREHEADER_LIMIT][:1]
    for quote in comparisons[0].quotes[:1]:
        passage = sharpest_passage(quote.text, PREHEADER_LIMIT - 2).text
        yield words.gettext("“%(quote)s”") % {"quote": passage}
    yield comparisons[0].brief
    yield words.gettext("Two tools side by side, with every reviewer’s verdict.")


def _others(titles: Sequence[str], shown: int, language: str) -> str:
    """Return what else is inside: the first titles, and how many more there are."""
    words, rest = translations(language), len(titles) - shown
    if not rest:
        return words.gettext("Also: %(titles)s.") % {"titles": listed(titles, language)}
    text = words.ngettext(
        "Also: %(titles)s and one more.", "Also: %(titles)s and %(count)s more.", rest
    )
    return text % {"titles": ", ".join(titles[:shown]), "count": number(rest, language)}


def unpublished_calls(comparison: ComparisonView, language: str) -> str:
    """Return a note on a split whose calls are neither published nor certain, else nothing."""
    split = {
        each.name: each.short_name
        for each in comparison.contenders
        if each.ships not in (None, 0, each.seats)
    }
    unknown = {quote.about for quote in comparison.quotes if quote.call is None} & split.keys()
    words = translations(language)
    if len(unknown) == 1 and len(split) == 1:
        text = words.gettext("The reviewers’ individual votes on %(tool)s weren’t published.")
        return text % {"tool": split[unknown.pop()]}
    return words.gettext("The reviewers’ individual votes weren’t published.") if unknown else ""


def correction_subject(number_: int, changes: Sequence[ChangeView], language: str) -> str:
    """Return the subject of a correction to No. *number_*: the first form that fits."""
    words = translations(language)
    forms = [words.gettext("Correction: what was wrong in No. %(number)s") % {"number": number_}]
    whole = words.gettext("Correction: %(what)s")
    titles = {change.comparison for change in changes}
    if len(titles) == 1:
        forms.insert(0, whole % {"what": titles.pop()})
    if len(changes) == 1:
        only = changes[0]
        told = words.gettext("Correction: %(what)s %(was)s → %(now)s")
        forms[:0] = [
            told % {"what": only.what, "was": only.was, "now": only.now},
            whole % {"what": only.what},
        ]
    return _spaced(next(form for form in forms if _length(form) <= SUBJECT_LIMIT))


def correction_preheader(correction: CorrectedMail, language: str) -> str:
    """Return the preheader of a correction."""
    words = translations(language)
    if correction.again:
        text = words.gettext(
            "What was wrong in our correction of %(day)s to No. %(number)s, and what’s right."
        )
    else:
        text = words.gettext("What was wrong in No. %(number)s of %(day)s, and what’s right.")
    return text % correction._asdict()


def correction_opening(correction: CorrectedMail, language: str) -> str:
    """Return the opening of a correction."""
    words = translations(language)
    if correction.again:
        text = words.gettext(
            "Our correction of %(day)s to No. %(number)s was wrong too. Here’s what was wrong"
            " and what’s right; the whole issue, corrected, is below."
        )
    else:
        text = words.gettext(
            "We got something wrong in No. %(number)s of %(day)s. Here’s what was wrong and what’s"
            " right; the whole issue, corrected, is below."
        )
    return text % correction._asdict()


def _spaced(line: str) -> str:
    """Return a line of a mail's header with plain spaces."""
    return line.replace("\u00a0", " ")


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))
