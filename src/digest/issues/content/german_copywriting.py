"""How the sentences of an issue are worded in German; the counterpart of `copywriting`."""

from __future__ import annotations

from collections.abc import Sequence

from digest.issues.content import copywriting
from digest.issues.content.copywriting import (
    first_correction_subject,
    first_subject,
    leader_first,
    share,
)
from digest.issues.content.view import ChangeView, ComparisonView, ContenderView
from digest.issues.models import Tracking

TRACKING = {
    Tracking.OFF: "Niemand erfährt, ob Sie diese E-Mail öffnen oder einem Link darin folgen.",
    Tracking.ANONYMOUS: "Gezählt wird, wie oft geöffnet und geklickt wird, aber nicht, von wem.",
    Tracking.READER: "Was Sie öffnen und anklicken, wird bei Ihrem Abonnement gespeichert.",
}
NOT_PUBLISHED = "Wer in der Jury wie entschieden hat, ist nicht veröffentlicht."
_SMALL_NUMBERS = "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"


def number(count: int) -> str:
    """Return a count up to twelve as a word, a larger one in digits."""
    small = _SMALL_NUMBERS.split()
    return small[count] if 0 <= count < len(small) else str(count)


def headline(contenders: Sequence[ContenderView]) -> str:
    """Return one sentence on how the panel leans; a pure function of the shares."""
    voted = [contender for contender in contenders if contender.panel_share is not None]
    if not voted:
        return "Die Jury hat noch keinen Anteil veröffentlicht."
    if len(voted) == 1:
        return f"{_jury(voted[0])} {voted[0].name} nehmen."
    ahead, behind = leader_first(voted)
    if ahead.panel_share == behind.panel_share:
        return _tie(ahead)
    if ahead.ships is None or behind.ships is None or ahead.seats != behind.seats:
        return (
            f"{_of_panel(ahead)} würden {ahead.name} nehmen,"
            f" {share(behind.panel_share or 0)} {behind.name}."
        )
    return f"{_jury(ahead)} {ahead.name} nehmen, {_others(behind.ships)} {behind.name}."


def _tie(contender: ContenderView) -> str:
    if contender.panel_share == 100:  # noqa: PLR2004  - percent
        return "Die ganze Jury würde beide nehmen."
    if contender.panel_share == 0:
        return "Niemand in der Jury würde eines der beiden nehmen."
    return f"Gleichstand: {_jury(contender)} jeweils das eine wie das andere nehmen."


def _jury(contender: ContenderView) -> str:
    """Return who would take a tool, up to the verb: "Drei von vier Jurymitgliedern würden"."""
    ships, seats = contender.ships, number(contender.seats)
    if ships is None:
        return f"{_of_panel(contender)} würden"
    if ships == contender.seats:
        return f"Alle {seats} Jurymitglieder würden"
    if not ships:
        return "Kein Jurymitglied würde"
    if ships == 1:
        return f"Eines von {seats} Jurymitgliedern würde"
    return f"{number(ships).capitalize()} von {seats} Jurymitgliedern würden"


def _others(ships: int) -> str:
    return "keines" if ships == 0 else "nur eines" if ships == 1 else number(ships)


def _of_panel(contender: ContenderView) -> str:
    return f"{share(contender.panel_share or 0)} der Jury"


def subject(lead: ComparisonView) -> str:
    """Return the subject for the lead comparison, as `copywriting.subject` does."""
    return first_subject([*_subject_forms(lead.contenders), lead.title], lead.title)


def _subject_forms(contenders: Sequence[ContenderView]) -> list[str]:
    voted = [contender for contender in contenders if contender.panel_share is not None]
    if len(voted) == 1:
        return [f"{voted[0].name}: {_of_panel(voted[0])} würden es nehmen"]
    if len(voted) != 2:  # noqa: PLR2004  - a comparison has two sides
        return []
    ahead, behind = leader_first(voted)
    if ahead.panel_share != behind.panel_share:
        shares = f"{share(ahead.panel_share or 0)} zu {share(behind.panel_share or 0)}"
        leads = f"{ahead.name} vor {behind.name}"
        return [f"{leads}, {shares}", f"{leads} bei der Jury", leads]
    names = f"{ahead.name} oder {behind.name}"
    if ahead.panel_share == 0:
        return [f"{names}? Die Jury nähme keines", f"{names}? Keines"]
    if ahead.panel_share == 100:  # noqa: PLR2004  - percent
        return [f"{names}? Die Jury nähme beide", f"{names}? Beide"]
    return [f"{names}? Gleichstand bei {share(ahead.panel_share or 0)}", f"{names}? Gleichstand"]


def opening(comparisons: Sequence[ComparisonView]) -> str:
    """Return the opening: how many comparisons, and where the panel agrees or splits."""
    count = len(comparisons)
    counted = (
        "Ein Vergleich in dieser Woche."
        if count == 1
        else f"{number(count).capitalize()} Vergleiche in dieser Woche."
    )
    sides = [side for comparison in comparisons for side in comparison.contenders]
    known = [side for side in sides if side.ships is not None]
    agreed = [side.name for side in known if side.ships in (0, side.seats)]
    split = [side.name for side in known if side.ships not in (0, side.seats)]
    return f"{counted} {_agreement(agreed, split)}".strip()


def _agreement(agreed: list[str], split: list[str]) -> str:
    parts = [
        f"bei {_named(names, alone=len(agreed + split) <= 2)} {verb}"  # noqa: PLR2004 - both tools
        for names, verb in ((agreed, "ist sich die Jury einig"), (split, "ist sie geteilt"))
        if names
    ]
    if not agreed and split:
        parts = [parts[0].replace("ist sie geteilt", "ist die Jury geteilt")]
    words = ", ".join(parts)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _named(names: list[str], *, alone: bool) -> str:
    if alone and len(names) == 1:
        return names[0]
    if alone:
        return "beiden Werkzeugen"
    return "einem Werkzeug" if len(names) == 1 else f"{number(len(names))} Werkzeugen"


def preheader(comparisons: Sequence[ComparisonView], opening_text: str) -> str:
    """Return the preheader: the titles after the lead, as `copywriting.preheader` does."""
    return copywriting.preheader(comparisons, opening_text, other_titles=_other_titles)


def _other_titles(titles: list[str], shown: int) -> str:
    remaining = len(titles) - shown
    tail = f" und {remaining} mehr" if remaining else ""
    return f"Außerdem: {', '.join(titles[:shown])}{tail}"


def correction_subject(wrong: int, changes: Sequence[ChangeView]) -> str:
    """Return the subject of a correction to No. *wrong*: the first form that fits."""
    return first_correction_subject("Berichtigung", changes, f"was in Nr. {wrong} falsch war")


def wrong_mail(wrong: int, day: str, *, again: bool) -> str:
    """Return what was wrong in words, as the object of "in"; *day* is the mail's."""
    number = f"Nr.\u00a0{wrong}"
    return f"unserer Berichtigung vom {day} zu {number}" if again else f"{number} vom {day}"


def correction_preheader(mail: str) -> str:
    """Return the preheader of a correction of *mail*, as `wrong_mail` words it."""
    return f"Was in {mail} falsch war, und was richtig ist".replace("\u00a0", " ")


def correction_opening(mail: str) -> str:
    """Return the opening of a correction of *mail*, as `wrong_mail` words it."""
    return (
        f"In {mail} war etwas falsch. Hier steht, was falsch war und was richtig ist. Darunter"
        " folgt die ganze Ausgabe in der richtigen Fassung."
    )
