"""Decides what a letter on a changed verdict says, and whether it still holds when it leaves."""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import Session

from digest.comparisons.models import Comparison, Revision
from digest.directory import PublicTerms, public_revision
from digest.errors import ComparisonWithdrawn, NotFound
from digest.issues.changed_verdicts import verdict_change
from digest.votes import preference_of
from subscribers.audience import may_be_mailed
from subscribers.locale import code_of
from subscribers.reader_letter import AskedLetter, AskedLink


class ToldChange(NamedTuple):
    """What one letter tells: a comparison, what its reader was told last, and what holds now."""

    comparison_id: int
    was: int  #: a revision, by its id
    now: int

    def as_text(self) -> str:
        """Return it as a queued letter keeps it: ``12 30 41``."""
        return " ".join(map(str, self))

    @classmethod
    def of_text(cls, text: str) -> ToldChange:
        """Return what `as_text` wrote; raises `ValueError`."""
        comparison, was, now = map(int, text.split(" "))
        return cls(comparison, was, now)


def verdict_link(
    session: Session, letter: AskedLetter, terms: PublicTerms, *, base_url: str
) -> AskedLink | None:
    """Return the link to a comparison's page, and how its verdict has changed.

    ``None`` where the letter isn't to be sent any more: its reader doesn't want it, or has paused;
    the comparison has changed again, or was withdrawn.
    """
    told = ToldChange.of_text(letter.asks_for)
    wanted = preference_of(session, letter.subscriber_id).changes_since is not None
    may = may_be_mailed(session, letter.newsletter, [letter.subscriber_id], terms.now)
    comparison = session.get(Comparison, told.comparison_id)
    if not wanted or not may or comparison is None:
        return None
    try:
        newest = public_revision(session, comparison.slug, terms)
    except (NotFound, ComparisonWithdrawn):
        return None
    was, language = session.get_one(Revision, told.was), code_of(letter.language)
    change = verdict_change(session, was, newest, language=language)
    if newest.id != told.now or change is None:
        return None
    view = change.in_words(letter.language, base_url=base_url)
    return AskedLink(view.url, view.title, said=(*view.sentences, *filter(None, [view.why])))
