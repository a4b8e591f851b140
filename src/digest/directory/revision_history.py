"""What has changed in a comparison since it became public, and why, where somebody said why.

This module hides which changes count: those of shares, calls and prices, between revisions that
visitors could see. What an import replaced before that day was never public, and a day, in UTC, is
told by what stood at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import groupby, pairwise
from typing import NamedTuple

from sqlmodel import Session

from digest.comparisons import store as comparisons
from digest.comparisons.models import Revision
from digest.directory.publication import PublicTerms, first_carried
from digest.issues.changed_verdicts import reasons
from digest.issues.content import OF_VERDICT, ContentChange, difference
from digest.render.filters import DASH
from subscribers.locale import translations


@dataclass(frozen=True, kw_only=True)
class HistoryStep:
    """One value, and the day since which it was shown."""

    value: str
    day: date


@dataclass(frozen=True, kw_only=True)
class ChangeHistory:
    """One thing that has changed: every value it had, the oldest first, the last one stands."""

    what: str  #: "panel share of Modal"
    steps: Sequence[HistoryStep]
    why: Sequence[str]  #: in the words of editors


def change_histories(
    session: Session, newest: Revision, terms: PublicTerms, *, language: str
) -> list[ChangeHistory]:
    """Return what has changed in a public comparison, the latest change first.

    *newest* is its newest revision.
    """
    if newest.number == 1:
        return []
    comparison = newest.comparison
    since = _public_since(session, newest, terms)
    shown = _public(comparisons.history(session, comparison)[::-1], since)
    whys = reasons(session, comparison.slug, [revision.id or 0 for revision in shown])
    first = newest.published_on or since.date()
    return _grouped(shown, whys, first=first, language=language)


def _public_since(session: Session, newest: Revision, terms: PublicTerms) -> datetime:
    """Return when the comparison became public: with an issue, or from its own day on."""
    comparison = newest.comparison
    carried = first_carried(session, comparison)
    if terms.with_issue and carried is not None:
        return carried
    day = newest.published_on
    own = datetime.combine(day, time(), tzinfo=UTC) if day else comparison.first_imported_at
    own = max(own, comparison.first_imported_at)
    return min(own, carried) if carried is not None else own


def _public(revisions: Sequence[Revision], since: datetime) -> list[Revision]:
    """Return the revisions that stood on or after *since*; they are given oldest first."""
    replaced = [later.imported_at for later in revisions[1:]]
    before = sum(moment <= since for moment in replaced)
    return list(revisions[before:])


class _Step(NamedTuple):
    value: str
    day: date
    why: str


def _grouped(
    shown: Sequence[Revision], whys: Mapping[int, str], *, first: date, language: str
) -> list[ChangeHistory]:
    steps: dict[tuple[object, ...], list[_Step]] = {}
    told: dict[tuple[object, ...], str] = {}
    for old, new in pairwise(shown):
        for change in _changes(old, new):
            key, words = (change.kind, change.tool, change.seat), change.in_words(language)
            told.setdefault(key, words.what)
            steps.setdefault(key, [_Step(_said(words.was, language), first, "")])
            day, why = new.imported_at.date(), whys.get(new.id or 0, "")
            steps[key].append(_Step(_said(words.now, language), day, why))
    histories = [_by_day(what, steps[key]) for key, what in told.items()]
    changed = [history for history in histories if len(history.steps) > 1]
    return sorted(changed, key=lambda history: history.steps[-1].day, reverse=True)


def _by_day(what: str, steps: Iterable[_Step]) -> ChangeHistory:
    """Return a history with the last value of each day, of the days that changed it."""
    kept: list[HistoryStep] = []
    whys: list[str] = []
    for day, group in groupby(steps, key=lambda step: step.day):
        of_day = list(group)
        value = of_day[-1].value
        if not kept or kept[-1].value != value:
            kept.append(HistoryStep(value=value, day=day))
            whys += [step.why for step in of_day if step.why]
    return ChangeHistory(what=what, steps=kept, why=whys)


def _said(value: str, language: str) -> str:
    """Return a value as a sentence says it; "— on 4 December" says nothing."""
    return translations(language).gettext("not published") if value == DASH else value


def _changes(old: Revision, new: Revision) -> Iterable[ContentChange]:
    return (change for change in difference([old], [new]) if change.kind in OF_VERDICT)
