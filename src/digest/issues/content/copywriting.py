"""How the sentences of an issue are worded: subject, preheader, opening, headlines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from digest.issues.content.view import ChangeView, ComparisonView, ContenderView
from digest.issues.models import Tracking
from digest.render.filters import percent_text
from digest.render.graphemes import graphemes, truncate

SUBJECT_LIMIT = 60  #: characters; screens show about 70, phones about 40
PREHEADER_LIMIT = 100
#: The sentence of a mail on what is recorded of opens and clicks.
TRACKING = {
    Tracking.OFF: "Nobody learns whether you open this mail or follow its links.",
    Tracking.ANONYMOUS: "Opens and clicks are counted, not who made them.",
    Tracking.READER: "Opens and clicks are kept with your subscription, to see what is read.",
}
NOT_PUBLISHED = "Who on the panel made which call isn\u2019t published."
_SMALL_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve"


def number(count: int) -> str:
    """Return a count up to twelve as a word, a larger one in digits."""
    small = _SMALL_NUMBERS.split()
    return small[count] if 0 <= count < len(small) else str(count)


def share(value: float) -> str:
    """Return a share as text: "75 %"."""
    return percent_text(value)


def headline(contenders: Sequence[ContenderView]) -> str:
    """Return one sentence on how the panel leans; a pure function of the shares."""
    voted = [contender for contender in contenders if contender.panel_share is not None]
    if not voted:
        return "The panel hasn\u2019t published a share yet."
    if len(voted) == 1:
        return _one_share(voted[0])
    ahead, behind = leader_first(voted)
    if ahead.panel_share == behind.panel_share:
        return _tie(ahead)
    if ahead.ships is None or behind.ships is None or ahead.seats != behind.seats:
        return (
            f"{_of_panel(ahead)} would ship {ahead.name};"
            f" {share(behind.panel_share or 0)} would ship {behind.name}."
        )
    others = f"{_count_word(behind.ships)} would ship {behind.name}"
    return f"{_seats(ahead)} would ship {ahead.name}; {others}."


def leader_first(pair: Sequence[ContenderView]) -> tuple[ContenderView, ContenderView]:
    """Return two contenders by panel share; a tie keeps the published order."""
    first, second = pair
    leads = (second.panel_share or 0) > (first.panel_share or 0)
    return (second, first) if leads else (first, second)


def _one_share(contender: ContenderView) -> str:
    reviewers = _seats(contender) if contender.ships is not None else _of_panel(contender)
    return f"{reviewers} would ship {contender.name}."


def _tie(contender: ContenderView) -> str:
    if contender.panel_share == 100:  # noqa: PLR2004  - percent
        return "The whole panel would ship either one."
    if contender.panel_share == 0:
        return "Nobody on the panel would ship either one."
    reviewers = _seats(contender) if contender.ships is not None else _of_panel(contender)
    return f"A tie: {reviewers[0].lower()}{reviewers[1:]} would ship each of them."


def _of_panel(contender: ContenderView) -> str:
    return f"{share(contender.panel_share or 0)} of the panel"


def _seats(contender: ContenderView) -> str:
    if contender.ships == contender.seats:
        return f"All {number(contender.seats)} reviewers"
    if not contender.ships:
        return "No reviewer"
    return f"{number(contender.ships).capitalize()} of {number(contender.seats)} reviewers"


def _count_word(ships: int) -> str:
    return "none" if ships == 0 else "only one" if ships == 1 else number(ships)


def subject(lead: ComparisonView) -> str:
    """Return the subject for the lead comparison: the first form that fits `SUBJECT_LIMIT`."""
    return first_subject([*_subject_forms(lead.contenders), lead.title], lead.title)


def first_subject(forms: Sequence[str], title: str) -> str:
    """Return the first form that fits `SUBJECT_LIMIT`, else *title*, cut short."""
    fitting = [form for form in forms if _length(form) <= SUBJECT_LIMIT]
    return (fitting[0] if fitting else truncate(title, SUBJECT_LIMIT)).replace("\u00a0", " ")


def _subject_forms(contenders: Sequence[ContenderView]) -> list[str]:
    voted = [contender for contender in contenders if contender.panel_share is not None]
    if len(voted) == 1:
        only = voted[0]
        return [f"{only.name}: {_of_panel(only)} would ship"]
    if len(voted) != 2:  # noqa: PLR2004  - a comparison has two sides
        return []
    ahead, behind = leader_first(voted)
    if ahead.panel_share != behind.panel_share:
        shares = f"{share(ahead.panel_share or 0)} to {share(behind.panel_share or 0)}"
        leads = f"{ahead.name} leads {behind.name}"
        return [f"{leads}, {shares}", f"{leads} on the panel", leads]
    names = f"{ahead.name} or {behind.name}"
    if ahead.panel_share == 0:
        return [f"{names}? The panel would ship neither", f"{names}? Neither"]
    if ahead.panel_share == 100:  # noqa: PLR2004  - percent
        return [f"{names}? The panel would ship both", f"{names}? Both"]
    return [f"{names}? A tie at {share(ahead.panel_share or 0)}", f"{names}? A tie"]


def opening(comparisons: Sequence[ComparisonView]) -> str:
    """Return the opening: how many comparisons, and where the panel agrees or splits."""
    count = len(comparisons)
    counted = f"{number(count).capitalize()} comparison{'s' if count > 1 else ''} this week."
    agreed: list[str] = []
    split: list[str] = []
    for contender in (side for comparison in comparisons for side in comparison.contenders):
        if contender.ships is not None:
            (agreed if contender.ships in (0, contender.seats) else split).append(contender.name)
    if not agreed and not split:
        return counted
    return f"{counted} {_agreement(agreed, split)}"


def _agreement(agreed: list[str], split: list[str]) -> str:
    if not split:
        return f"The panel is of one mind on {_named_or_counted(agreed)}."
    if not agreed:
        return f"The panel splits on {_named_or_counted(split)}."
    if len(agreed) == len(split) == 1:
        return f"The panel is of one mind on {agreed[0]} and splits on {split[0]}."
    return f"The panel is of one mind on {_tools(len(agreed))} and splits on {number(len(split))}."


def _named_or_counted(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return "both tools" if len(names) == 2 else f"all {number(len(names))} tools"  # noqa: PLR2004


def _tools(count: int) -> str:
    return f"{number(count)} tool{'s' if count > 1 else ''}"


def _other_titles(titles: list[str], shown: int) -> str:
    remaining = len(titles) - shown
    tail = f", and {number(remaining)} more" if remaining else ""
    return f"Also: {', '.join(titles[:shown])}{tail}"


def preheader(
    comparisons: Sequence[ComparisonView],
    opening_text: str,
    *,
    other_titles: Callable[[list[str], int], str] = _other_titles,
) -> str:
    """Return the preheader: the titles after the lead, at most `PREHEADER_LIMIT` characters.

    *other_titles* words some of the titles and how many more there are.
    """
    titles = [comparison.title for comparison in comparisons[1:]]
    if not titles:
        return truncate(comparisons[0].headline, PREHEADER_LIMIT).replace("\u00a0", " ")
    return _first_fitting(
        (other_titles(titles, shown) for shown in range(len(titles), 0, -1)), or_else=opening_text
    )


def _first_fitting(forms: Iterable[str], *, or_else: str) -> str:
    for form in forms:
        if _length(form) <= PREHEADER_LIMIT:
            return form
    return truncate(or_else, PREHEADER_LIMIT)


def correction_subject(wrong: int, changes: Sequence[ChangeView]) -> str:
    """Return the subject of a correction to No. *wrong*: the first form that fits."""
    return first_correction_subject("Correction", changes, f"what was wrong in No. {wrong}")


def first_correction_subject(word: str, changes: Sequence[ChangeView], otherwise: str) -> str:
    """Return the first subject that fits, of the change, its comparison, and *otherwise*."""
    forms = []
    if len(changes) == 1:
        only = changes[0]
        forms = [f"{only.what} {only.was} → {only.now}", only.what]
    titles = {change.comparison for change in changes}
    forms += titles if len(titles) == 1 else ()
    subjects = [f"{word}: {form}" for form in (*forms, otherwise)]
    fitting = [subject for subject in subjects if _length(subject) <= SUBJECT_LIMIT]
    return fitting[0].replace("\u00a0", " ")


def wrong_mail(wrong: int, day: str, *, again: bool) -> str:
    """Return what was wrong in words: an issue, or *again* a correction of one; *day* is its."""
    number = f"No.\u00a0{wrong}"
    return f"our correction of {day} to {number}" if again else f"{number} of {day}"


def correction_preheader(mail: str) -> str:
    """Return the preheader of a correction of *mail*, as `wrong_mail` words it."""
    return f"What was wrong in {mail}, and what is right".replace("\u00a0", " ")


def correction_opening(mail: str) -> str:
    """Return the opening of a correction of *mail*, as `wrong_mail` words it."""
    return (
        f"We got something wrong in {mail}. Here is what was wrong and what is right. Below is the"
        " whole issue, corrected."
    )


def _length(text: str) -> int:
    return sum(1 for _ in graphemes(text))
