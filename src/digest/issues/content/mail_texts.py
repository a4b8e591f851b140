"""The fixed words of an issue's mail, in each language that ships; its sentences are elsewhere.

The words of comparisons are as they were published, whatever the language of the newsletter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digest.comparisons.models import Entry


@dataclass(frozen=True, kw_only=True)
class MailTexts:
    """The fixed words of one language; ``%s`` is replaced."""

    number: str  #: "No. %s"
    correction: str
    correction_to: str  #: "Correction to No. %s"
    was: str  #: before what was wrong
    now: str  #: before what is right
    view_in_browser: str
    preferences: str
    unsubscribe: str
    why: str  #: why the reader gets this mail: "… subscribed to %s."
    comparison: str  #: the kicker of one without category
    would_ship: str  #: after a share
    panel: str
    entry: str
    entries: Mapping[Entry, str]
    community: str
    split: str  #: "%s ship, %s skip"
    all_ship: str  #: "All %s ship"
    all_skip: str
    read_all: str  #: "Read all %s verdicts in full"
    reviewer: str  #: "Reviewer %s", where a seat has no name
    alone: str  #: of a reviewer whose call is against all others
    would: str  #: between a reviewer and the call; *alone* follows it where the tool is first
    calls: Mapping[str, str]  #: "ship" and "skip"
    tool_first: bool  #: whether the tool's name stands before the call
    on: str  #: after a reviewer whose call isn't published: "on %s"
    sponsored: str
    sponsored_by: str  #: "Sponsored by %s"
    more: str  #: of the sponsor's link
    more_from: str  #: "More from %s"


EN = MailTexts(
    number="No. %s",
    correction="Correction",
    correction_to="Correction to No. %s",
    was="We wrote",
    now="It should be",
    view_in_browser="View in browser",
    preferences="Preferences",
    unsubscribe="Unsubscribe",
    why="You get this because you are subscribed to %s.",
    comparison="Comparison",
    would_ship="would ship",
    panel="Panel",
    entry="Entry",
    entries={Entry.FREE: "Free", Entry.PAID: "Paid"},
    community="Community",
    split="%s ship, %s skip",
    all_ship="All %s ship",
    all_skip="All %s skip",
    read_all="Read all %s verdicts in full",
    reviewer="Reviewer %s",
    alone=" alone",
    would="would",
    calls={"ship": "ship", "skip": "skip"},
    tool_first=False,
    on="on %s",
    sponsored="Sponsored",
    sponsored_by="Sponsored by %s",
    more="More from the sponsor",
    more_from="More from %s",
)

DE = MailTexts(
    number="Nr. %s",
    correction="Berichtigung",
    correction_to="Berichtigung zu Nr. %s",
    was="Wir schrieben",
    now="Richtig ist",
    view_in_browser="Im Browser ansehen",
    preferences="Einstellungen",
    unsubscribe="Abbestellen",
    why="Sie bekommen diese E-Mail, weil Sie %s abonniert haben.",
    comparison="Vergleich",
    would_ship="würden es nehmen",
    panel="Jury",
    entry="Zugang",
    entries={Entry.FREE: "Kostenlos", Entry.PAID: "Kostenpflichtig"},
    community="Publikum",
    split="%s dafür, %s dagegen",
    all_ship="Alle %s dafür",
    all_skip="Alle %s dagegen",
    read_all="Alle %s Urteile lesen",
    reviewer="Jurymitglied %s",
    alone=" als Einziges",
    would="würde",
    calls={"ship": "nehmen", "skip": "lassen"},
    tool_first=True,
    on="zu %s",
    sponsored="Anzeige",
    sponsored_by="Anzeige von %s",
    more="Mehr beim Werbepartner",
    more_from="Mehr bei %s",
)

_LANGUAGES: Mapping[str, MailTexts] = {"en": EN, "de": DE}


def mail_texts(language: str) -> MailTexts:
    """Return the words of a language, else the English ones; "de-AT" is read as "de"."""
    return _LANGUAGES.get(language.partition("-")[0].lower(), EN)
