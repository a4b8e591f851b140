"""What counts as a difference between an issue that was wrong and its correction; pure.

Only what the mail shows is compared, and each reviewer's call, since the shares stand for the
calls. What follows from a difference (its verdict line, the choice of quotes) isn't one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from digest.comparisons.models import Call, Contender, Revision, Verdict
from digest.issues.content import copywriting
from digest.issues.content.compose import comparison_view
from digest.issues.content.quotes import QuoteChoice, reviewer_of_seat, sharpest_passage
from digest.issues.content.reviewer_calls import known_calls
from digest.issues.content.view import (
    ChangeView,
    ComparisonView,
    ContenderView,
    CorrectionView,
    IssueView,
)
from digest.render.escaping import one_line
from digest.render.filters import DASH
from subscribers.locale import N_, Translations, long_date, percentage, translations

_NOWHERE = "https://example.org"  # a difference of links shows the published ones only


class ChangeKind(StrEnum):
    """What of a comparison was wrong."""

    TITLE = "title"  #: the names of the tools
    LABELS = "labels"  #: its category and labels
    LINK = "link"  #: where the full comparison is
    PANEL_SHARE = "panel-share"
    COMMUNITY_SHARE = "community-share"
    ENTRY = "entry"  #: the pricing
    TAGLINE = "tagline"
    CALL = "call"  #: one reviewer's call on a tool
    QUOTE = "quote"  #: a quote that the mail shows
    REVIEWER = "reviewer"  #: the name of a reviewer whom the mail quotes
    WITHDRAWN = "withdrawn"  #: all of it: the editors took it back


#: What was wrong, by kind.
_KINDS = {
    ChangeKind.TITLE: N_("title"),
    ChangeKind.LABELS: N_("category and labels"),
    ChangeKind.LINK: N_("link to the full comparison"),
    ChangeKind.PANEL_SHARE: N_("panel share of %(tool)s"),
    ChangeKind.COMMUNITY_SHARE: N_("readers’ share of %(tool)s"),
    ChangeKind.ENTRY: N_("pricing of %(tool)s"),
    ChangeKind.TAGLINE: N_("tagline of %(tool)s"),
    ChangeKind.CALL: N_("%(reviewer)s on %(tool)s"),
    ChangeKind.QUOTE: N_("quote from %(reviewer)s on %(tool)s"),
    ChangeKind.REVIEWER: N_("name of %(reviewer)s"),
    ChangeKind.WITHDRAWN: N_("the comparison"),
}
_CALLS = {Call.SHIP: N_("would ship"), Call.SKIP: N_("would skip")}
_SHARES = (ChangeKind.PANEL_SHARE, ChangeKind.COMMUNITY_SHARE)


@dataclass(frozen=True, kw_only=True)
class ContentChange:
    """One difference; *was* and *now* are English texts, "ship" or "skip" for a call."""

    kind: ChangeKind
    comparison: str  #: its title as it is now
    was: str
    now: str
    tool: str = ""
    seat: int = 0  #: of the reviewer; 0 where the change isn't about one
    reviewer: str = ""  #: a name, where one is published

    def in_words(self, language: str = "en") -> ChangeView:
        """Return the change as people read it; English where *language* has no words."""
        words = translations(language)
        reviewer = self.reviewer or reviewer_of_seat(self.seat, language)
        what = words.gettext(_KINDS[self.kind]) % {"tool": self.tool, "reviewer": reviewer}
        was, now = (self._value(text, language, words) for text in (self.was, self.now))
        if self.kind is ChangeKind.WITHDRAWN:
            now = words.gettext("withdrawn")
        return ChangeView(what=what, comparison=self.comparison, was=was or DASH, now=now or DASH)

    def _value(self, text: str, language: str, words: Translations) -> str:
        """Return one of the two texts in a language; texts of the comparison stay as they are."""
        if self.kind is ChangeKind.CALL:
            return words.gettext(_CALLS[Call(text)] if text else N_("not published"))
        if self.kind is ChangeKind.ENTRY and text in ("Free", "Paid"):
            return words.gettext(text)
        number = text.rstrip("%").strip()
        return percentage(float(number), language) if self.kind in _SHARES and number else text


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
        changes = (
            ContentChange(**row | {"kind": ChangeKind(row["kind"])}) for row in kept["changes"]
        )
        fields = {**kept, "day": date.fromisoformat(kept["day"]), "changes": tuple(changes)}
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
