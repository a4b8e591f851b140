"""Decides what a letter on changed verdicts says, and what of it still holds when it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlmodel import Session

from digest.comparisons.models import Comparison, Revision
from digest.directory import PublicTerms, public_revision
from digest.errors import ComparisonWithdrawn, NotFound
from digest.issues.changed_verdicts import verdict_change
from digest.issues.content import VerdictChangeView
from digest.votes import preference_of
from subscribers.audience import may_be_mailed
from subscribers.letter_queue import narrow
from subscribers.locale import code_of
from subscribers.reader_letter import AskedLetter, AskedLink, LetterItem

IN_FULL = 8  #: comparisons that a letter tells of in sentences; it names the others
_MOST = 400  #: characters of `LetterToSend.asks_for`


class ToldChange(NamedTuple):
    """One change that a letter tells: what its reader was told last, and what holds now."""

    comparison_id: int
    was: int  #: a revision, by its id
    now: int


def as_texts(changes: Sequence[ToldChange]) -> list[str]:
    """Return changes as queued letters keep them, ``12 30 41;7 31 42``: a text for each letter.

    One letter has room for a dozen at least.
    """
    texts: list[str] = []
    for change in changes:
        text = " ".join(map(str, change))
        if texts and len(texts[-1]) + 1 + len(text) <= _MOST:
            texts[-1] += f";{text}"
        else:
            texts.append(text)
    return texts


def of_text(text: str) -> list[ToldChange]:
    """Return the changes in one text of `as_texts`; raises `ValueError`."""
    return [
        ToldChange(*(int(number) for number in change.split(" "))) for change in text.split(";")
    ]


def verdict_link(
    session: Session, letter: AskedLetter, terms: PublicTerms, *, base_url: str
) -> AskedLink | None:
    """Return what a letter tells: how one verdict has changed, or several have.

    What holds no more is left out, and the queued letter forgets it, so that the next one doesn't
    take it for told: a comparison has changed again, or was withdrawn. The caller commits that
    before the letter leaves. ``None`` where nothing is left, or the reader doesn't want letters
    any more, or has paused.
    """
    wanted = preference_of(session, letter.subscriber_id).changes_since is not None
    may = may_be_mailed(session, letter.newsletter, [letter.subscriber_id], terms.now)
    if not wanted or not may:
        return None
    queued = of_text(letter.asks_for)
    views = {each: _view(session, each, letter.language, terms, base_url) for each in queued}
    told = {each: view for each, view in views.items() if view is not None}
    if not told:
        return None
    if len(told) < len(queued):
        (left,) = as_texts(list(told))
        narrow(session, letter.row_id, left)
    return _link(list(told.values()), base_url)


def _view(
    session: Session, told: ToldChange, language: str, terms: PublicTerms, base_url: str
) -> VerdictChangeView | None:
    """Return a change in words; ``None`` where it doesn't hold any more."""
    comparison = session.get(Comparison, told.comparison_id)
    if comparison is None:
        return None
    try:
        newest = public_revision(session, comparison.slug, terms)
    except (NotFound, ComparisonWithdrawn):
        return None
    was = session.get_one(Revision, told.was)
    change = verdict_change(session, was, newest, language=code_of(language))
    if newest.id != told.now or change is None:
        return None
    return change.in_words(language, base_url=base_url)


def _link(views: Sequence[VerdictChangeView], base_url: str) -> AskedLink:
    first, *others = views
    if not others:
        return AskedLink(first.url, first.title, said=tuple(_said(first)))
    items = [
        LetterItem(view.title, view.url, " ".join(_said(view)) if number < IN_FULL else "")
        for number, view in enumerate(views)
    ]
    return AskedLink(f"{base_url}/comparisons", "", items=tuple(items))


def _said(view: VerdictChangeView) -> list[str]:
    return [*view.sentences, *filter(None, [view.why])]
