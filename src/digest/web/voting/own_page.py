"""Decides what a reader's own page offers for their votes, each a choice on or off."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from digest.votes import preference_of, set_preference
from subscribers.locale import translations
from subscribers.web import OwnPageSection, SectionText


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


OWN_SECTIONS = (OwnPageSection(name="changes", show=_show_changes, switch=_switch_changes),)
