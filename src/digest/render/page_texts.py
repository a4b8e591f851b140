"""The fixed words of the public pages, in each language that ships.

The words of comparisons and of the subscription pages aren't among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SiteTexts:
    """The fixed words of one language; ``%s`` is replaced."""

    comes: str  #: "By email, %s."
    newsletters: str  #: the heading over several
    get_by_email: str  #: "Get %s by email"
    latest: str  #: before the newest issue
    ended: str  #: of an archived newsletter
    latest_first: str
    still_written: str
    comes_when_done: str
    every_issue: str
    all_issues: str
    issues: str  #: the accessible name of the links between issues
    number: str  #: "No. %s"
    issue_frame: str  #: "Issue %s: %s", with the number in words
    next_one: str
    comes_by_email: str  #: "%s comes by email"
    of_the_panel: str  #: after a share
    panel: str
    community: str
    community_ships: str  #: after a share
    entry: str
    own_page: str  #: "%s’s own page"
    reviewers_say: str
    reviewer: str  #: "Reviewer %s", where a seat has no name
    on: str  #: "On %s"
    calls: Mapping[str, str]
    nothing_published: str
    published_on: str
    published_at: str
    correction_to: str  #: "Correction to No. %s"
    corrected_on: str  #: "Corrected on %s"
    see_correction: str
    see_corrected: str  #: "See No. %s, which this corrects"
    #: What was wrong, by kind of change; ``%(tool)s`` and ``%(reviewer)s`` are replaced.
    changes: Mapping[str, str]
    unpublished_call: str  #: in place of a call that isn't published
    withdrawn: str  #: in place of a comparison that was taken back


EN = SiteTexts(
    comes="By email, %s.",
    newsletters="Our newsletters",
    get_by_email="Get %s by email",
    latest="Latest issue",
    ended="No further issue comes out.",
    latest_first="The latest issue",
    still_written="The first issue is still being written",
    comes_when_done="Sign up, and it comes to you when it is done.",
    every_issue="Every issue so far",
    all_issues="All issues",
    issues="Issues",
    number="No. %s",
    issue_frame="Issue %s: %s",
    next_one="Get the next issue",
    comes_by_email="%s comes by email",
    of_the_panel="of the panel would ship",
    panel="Panel",
    community="Community",
    community_ships="would ship",
    entry="Entry",
    own_page="%s’s own page",
    reviewers_say="What the reviewers say",
    reviewer="Reviewer %s",
    on="On %s",
    calls={"ship": "would ship", "skip": "would skip"},
    nothing_published="Nothing is published.",
    published_on="Published on %s.",
    published_at="The page it was published on",
    correction_to="Correction to No. %s",
    corrected_on="Corrected on %s",
    see_correction="The correction, as it was sent",
    see_corrected="See No. %s, which this corrects",
    changes={
        "title": "title",
        "labels": "category and labels",
        "link": "link to the full comparison",
        "panel-share": "panel share of %(tool)s",
        "community-share": "community share of %(tool)s",
        "entry": "entry of %(tool)s",
        "tagline": "words on %(tool)s",
        "call": "%(reviewer)s on %(tool)s",
        "quote": "words of %(reviewer)s on %(tool)s",
        "reviewer": "name of %(reviewer)s",
        "withdrawn": "the comparison",
    },
    unpublished_call="not published",
    withdrawn="withdrawn",
)

DE = SiteTexts(
    comes="Per E-Mail, %s.",
    newsletters="Unsere Newsletter",
    get_by_email="%s per E-Mail bekommen",
    latest="Neueste Ausgabe",
    ended="Es erscheint keine weitere Ausgabe.",
    latest_first="Die neueste Ausgabe",
    still_written="Die erste Ausgabe wird noch geschrieben",
    comes_when_done="Melden Sie sich an, und sie kommt zu Ihnen, wenn sie fertig ist.",
    every_issue="Alle bisherigen Ausgaben",
    all_issues="Alle Ausgaben",
    issues="Ausgaben",
    number="Nr. %s",
    issue_frame="Ausgabe %s: %s",
    next_one="Die nächste Ausgabe per E-Mail",
    comes_by_email="%s kommt per E-Mail",
    of_the_panel="der Jury würden es nehmen",
    panel="Jury",
    community="Publikum",
    community_ships="würden es nehmen",
    entry="Zugang",
    own_page="Die eigene Seite von %s",
    reviewers_say="Was die Jury sagt",
    reviewer="Jurymitglied %s",
    on="Zu %s",
    calls={"ship": "würde es nehmen", "skip": "würde es lassen"},
    nothing_published="Dazu ist nichts veröffentlicht.",
    published_on="Veröffentlicht am %s.",
    published_at="Die Seite, auf der es erschien",
    correction_to="Berichtigung zu Nr. %s",
    corrected_on="Berichtigt am %s",
    see_correction="Die Berichtigung, wie sie verschickt wurde",
    see_corrected="Zu Nr. %s, die hier berichtigt wird",
    changes={
        "title": "Titel",
        "labels": "Rubrik und Merkmale",
        "link": "Link zum ganzen Vergleich",
        "panel-share": "Jury-Anteil von %(tool)s",
        "community-share": "Publikumsanteil von %(tool)s",
        "entry": "Zugang von %(tool)s",
        "tagline": "Text zu %(tool)s",
        "call": "%(reviewer)s zu %(tool)s",
        "quote": "Worte von %(reviewer)s zu %(tool)s",
        "reviewer": "Name von %(reviewer)s",
        "withdrawn": "der Vergleich",
    },
    unpublished_call="nicht veröffentlicht",
    withdrawn="zurückgezogen",
)

_LANGUAGES: Mapping[str, SiteTexts] = {"en": EN, "de": DE}

LANGUAGES = tuple(_LANGUAGES)  #: that a newsletter may be in


def site_texts(language: str) -> SiteTexts:
    """Return the words of a language, else the English ones; "de-AT" is read as "de"."""
    return _LANGUAGES.get(language.partition("-")[0].lower(), EN)
