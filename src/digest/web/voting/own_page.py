"""Decides what a reader's own page offers for their votes, each a choice on or off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from digest.issues.variants import ReviewerMatch, lead_with_reviewer, match_of
from digest.votes import preference_of, set_preference
from subscribers.locale import N_, translations
from subscribers.web import OwnPageSection, SectionText

_FIRST = N_("In your email, the words of the reviewer you agree with most come first.")
_STOP = N_("Stop leading my email with a reviewer’s words")


def _show_reviewer(session: Session, subscriber_id: int, language: str) -> SectionText | None:
    """Return whom a reader agrees with, and whether that reviewer's words come first."""
    words, match = translations(language), match_of(session, subscriber_id)
    if not match.votes and not match.leads:
        return None
    if match.best is None:
        return _unmatched(match, language)
    reviewer = match.reviewer(language)
    agrees = words.gettext("You agree with %(reviewer)s on %(agreed)s of %(num)s tools.") % {
        "reviewer": reviewer,
        "agreed": match.best.agreed,
        "num": match.best.compared,
    }
    if match.leads:
        first = words.gettext(_FIRST)
        return SectionText(f"{agrees} {first}", words.gettext(_STOP), on=True)
    can = words.gettext(
        "In your email, the words of the reviewer you agree with most can come first."
    )
    lead = words.gettext("Lead my email with %(reviewer)s’s words") % {"reviewer": reviewer}
    return SectionText(f"{agrees} {can}", lead)


def _unmatched(match: ReviewerMatch, language: str) -> SectionText:
    """Return what is said while no reviewer can be named, and how to end an earlier choice."""
    words = translations(language)
    if match.compares:
        text = words.gettext(
            "So far, we haven’t found a reviewer you agree with on at least half of the tools."
        )
        leads = words.gettext("Until we do, you’ll get the usual email.")
    else:
        text = words.gettext(
            "Once we can compare five of your votes with our reviewers’, you’ll see here who you"
            " agree with most. So far it’s %(num)s."
        ) % {"num": match.compared}
        leads = words.gettext(_FIRST)
    if match.leads:
        return SectionText(f"{text} {leads}", words.gettext(_STOP), on=True)
    return SectionText(text)


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
