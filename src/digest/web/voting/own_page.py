"""Decides what a reader's own page offers for their votes, each a choice on or off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from digest.issues.variants import lead_with_reviewer, match_of
from digest.votes import preference_of, set_preference
from subscribers.locale import translations
from subscribers.web import OwnPageSection, SectionText


def _show_reviewer(session: Session, subscriber_id: int, language: str) -> SectionText | None:
    """Return whom a reader agrees with, and whether that reviewer's words come first."""
    words, match = translations(language), match_of(session, subscriber_id)
    if not match.votes and not match.leads:
        return None
    first = words.gettext(
        "In your email, the words of the reviewer you agree with most come first."
    )
    stop = words.gettext("Stop leading my email with a reviewer’s words")
    if match.best is None:
        few = words.gettext(
            "Once we can compare five of your votes with our reviewers’, you’ll see here who you"
            " agree with most. So far it’s %(num)s."
        ) % {"num": match.compared}
        return SectionText(f"{few} {first}", stop, on=True) if match.leads else SectionText(few)
    reviewer = match.reviewer(language)
    agrees = words.gettext("You agree with %(reviewer)s on %(agreed)s of %(num)s tools.") % {
        "reviewer": reviewer,
        "agreed": match.best.agreed,
        "num": match.best.compared,
    }
    if match.leads:
        return SectionText(f"{agrees} {first}", stop, on=True)
    can = words.gettext(
        "In your email, the words of the reviewer you agree with most can come first."
    )
    lead = words.gettext("Lead my email with %(reviewer)s’s words") % {"reviewer": reviewer}
    return SectionText(f"{agrees} {can}", lead)


def _show_changes(session: Session, subscriber_id: int, language: str) -> SectionText:
    words = translations(language)
    if preference_of(session, subscriber_id).changes_since is not None:
        text = words.gettext(
            "When a verdict changes on tools that you voted on or read about in an issue, we email"
            " you."
        )
        return SectionText(text, words.gettext("Stop these emails"), on=True)
    text = words.gettext(
        "When a verdict changes on tools that you voted on or read about in an issue, we can email"
        " you."
    )
    return SectionText(text, words.gettext("Email me when a verdict changes"))


def _switch_changes(session: Session, subscriber_id: int, on: bool, now: datetime) -> None:
    set_preference(session, subscriber_id, changes=on, now=now)


OWN_SECTIONS = (
    OwnPageSection(name="reviewer", show=_show_reviewer, switch=lead_with_reviewer),
    OwnPageSection(name="changes", show=_show_changes, switch=_switch_changes),
)
