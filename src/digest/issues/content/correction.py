"""What counts as a difference between an issue that was wrong and its correction; pure.

Only what the mail shows is compared, and each reviewer's call, since the shares stand for the
calls. What follows from a difference (its verdict line, the choice of quotes) isn't one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from digest.comparisons.models import Contender, Revision, Verdict
from digest.issues.content import copywriting
from digest.issues.content.compose import comparison_view
from digest.issues.content.quotes import QuoteChoice, sharpest_passage
from digest.issues.content.reviewer_calls import known_calls
from digest.issues.content.verdict_changes import ChangeKind, ContentChange
from digest.issues.content.view import (
    ComparisonView,
    ContenderView,
    CorrectionView,
    IssueView,
)
from digest.render.escaping import one_line
from subscribers.locale import long_date, percentage, translations

_NOWHERE = "https://example.org"  # a difference of links shows the published ones only


@dataclass(frozen=True, kw_only=True)
class Correction:
    """Which issue was wrong, and how it differs from its correction."""

    number: int  #: of the weekly issue that was wrong
    day: date  #: of the mail that was wrong
    again: bool  #: whether that mail was itself a correction
    why: str  #: the editor's own words, or empty
    changes: tuple[ContentChange, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the correction as JSON types."""
        return {**asdict(self), "day": self.day.isoformat()}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Correction:
        """Return the correction of a dictionary made by `to_dict`."""
        changes = tuple(map(ContentChange.from_dict, kept["changes"]))
        fields = {**kept, "day": date.fromisoformat(kept["day"]), "changes": changes}
        return cls(**fields)


def difference(
    was: Iterable[Revision],
    now: Iterable[Revision | None],
    quotes: Mapping[str, QuoteChoice] | None = None,
) -> tuple[ContentChange, ...]:
    """Return how comparisons differ between two issues that carry them in the same order.

    ``None`` in *now* stands for a comparison that was withdrawn since; *quotes* has what an editor
    wants quoted, by slug.
    """
    pairs = zip(was, now, strict=True)
    chosen = quotes or {}
    return tuple(
        change
        for old, new in pairs
        if old is not new
        for change in _changes(old, new, chosen.get(old.comparison.slug))
    )


def correct_view(view: IssueView, correction: Correction) -> IssueView:
    """Return the view of an issue as the view of a correction, with subject and opening for it."""
    changes = [change.in_words(view.language) for change in correction.changes]
    language, number = view.language, correction.number
    mail = copywriting.CorrectedMail(
        number, long_date(correction.day, language), again=correction.again
    )
    return replace(
        view,
        subject=copywriting.correction_subject(number, changes, language),
        preheader=copywriting.correction_preheader(mail, language),
        title=translations(language).gettext("What we got wrong in No. %(number)s")
        % {"number": number},
        opening=copywriting.correction_opening(mail, language),
        opening_form="",
        correction=CorrectionView(
            number=correction.number,
            why=one_line(correction.why),
            changes=tuple(replace(change, what=_capital(change.what)) for change in changes),
        ),
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _changes(
    old: Revision, new: Revision | None, choice: QuoteChoice | None
) -> Iterator[ContentChange]:
    if new is None:
        title = comparison_view(old, base_url=_NOWHERE, web_url=_NOWHERE).title
        yield ContentChange(kind=ChangeKind.WITHDRAWN, comparison=title, was=title, now="")
        return
    before, after = (
        comparison_view(revision, base_url=_NOWHERE, web_url=_NOWHERE, choice=choice)
        for revision in (old, new)
    )
    of_whole = (
        (ChangeKind.TITLE, before.title, after.title),
        (ChangeKind.LABELS, _labels(before), _labels(after)),
        (ChangeKind.LINK, before.url, after.url),
    )
    title = after.title
    for kind, was, now in of_whole:
        if was != now:
            yield ContentChange(kind=kind, comparison=title, was=was, now=now)
    sides = list(zip(old.contenders, before.contenders, strict=False))
    others = list(zip(new.contenders, after.contenders, strict=False))
    for index, side in enumerate(sides):
        other = _same_tool(side[0], index, others)
        if other is not None:
            yield from _of_side(title, side[1], other[1])
            yield from _of_reviewers(title, side, other, (before, after))
    yield from _of_names(title, (before, after))


def _labels(view: ComparisonView) -> str:
    return " · ".join(filter(None, [view.category, *view.labels]))


_Side = tuple[Contender, ContenderView]


def _same_tool(contender: Contender, index: int, others: Sequence[_Side]) -> _Side | None:
    """Return the side of the same tool, else the side in the same place, where there is one."""
    same = [other for other in others if other[0].tool_id == contender.tool_id]
    return next(iter(same or others[index : index + 1]), None)


def _of_side(title: str, before: ContenderView, after: ContenderView) -> Iterator[ContentChange]:
    shares = (
        (ChangeKind.PANEL_SHARE, before.panel_share, after.panel_share),
        (ChangeKind.COMMUNITY_SHARE, before.community_share, after.community_share),
    )
    texts = [(kind, _share(was), _share(now)) for kind, was, now in shares]
    texts += [
        (ChangeKind.ENTRY, before.pricing, after.pricing),
        (ChangeKind.TAGLINE, before.tagline, after.tagline),
    ]
    for kind, was, now in texts:
        if was != now:
            yield ContentChange(kind=kind, comparison=title, tool=after.name, was=was, now=now)


def _share(value: float | None) -> str:
    return "" if value is None else percentage(value, "en")


def _of_reviewers(
    title: str, side: _Side, other: _Side, views: tuple[ComparisonView, ComparisonView]
) -> Iterator[ContentChange]:
    """Yield the calls of one tool's reviewers that differ, and the quotes shown that differ."""
    names = (side[1].name, other[1].name)
    shown = [
        {quote.seat: quote.text for quote in view.quotes if quote.about == name}
        for view, name in zip(views, names, strict=True)
    ]
    later = {verdict.seat: verdict for verdict in other[0].verdicts}
    calls = [known_calls(each, view.seats) for each, view in (side, other)]
    for old in side[0].verdicts:
        new = later.get(old.seat)
        if new is None:
            continue
        was_call, now_call = (str(known.get(old.seat, "")) for known in calls)
        changed = old.call != new.call and was_call != now_call  # not what only follows from it
        found = [(ChangeKind.CALL, was_call, now_call)] if changed else []
        found += _of_quote(old, new, shown)
        for kind, was, now in found:
            yield ContentChange(
                kind=kind,
                comparison=title,
                tool=names[1],
                seat=old.seat,
                reviewer=one_line(new.reviewer or ""),
                was=was,
                now=now,
            )


def _of_quote(
    old: Verdict, new: Verdict, shown: Sequence[Mapping[int, str]]
) -> Iterator[tuple[ChangeKind, str, str]]:
    """Yield a difference of a quote; *shown* has the texts of both mails by seat."""
    was, now = (
        texts.get(old.seat) or sharpest_passage(verdict.quote).text
        for verdict, texts in zip((old, new), shown, strict=True)
    )
    if was != now and any(old.seat in texts for texts in shown):
        yield ChangeKind.QUOTE, was, now


def _of_names(title: str, views: tuple[ComparisonView, ComparisonView]) -> Iterator[ContentChange]:
    """Yield each reviewer whom both mails quote, under different names."""
    before, after = ({quote.seat: quote.reviewer for quote in view.quotes} for view in views)
    for seat in sorted(before.keys() & after.keys()):
        was, now = before[seat] or "", after[seat] or ""
        if was != now:
            yield ContentChange(
                kind=ChangeKind.REVIEWER, comparison=title, seat=seat, was=was, now=now
            )
