"""What the template of a comparison's page may read, and how it is made from one revision.

A page shows what the mail shows, and the whole text around it: every seat, every verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from digest.comparisons.directory_entry import category_slug
from digest.comparisons.models import Call, Contender, Revision, Verdict
from digest.directory import ChangeHistory
from digest.issues.content import (
    Background,
    ComparisonView,
    ContenderView,
    comparison_view,
    known_calls,
    shown_quote,
)
from digest.render.escaping import strip_unprintable
from digest.render.pages import Teaser
from subscribers.locale import Translations, long_date, translations


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """The full verdict of one reviewer on one tool."""

    about: str
    quote: str
    call: str | None  #: "ship", "skip", or ``None`` when neither it nor the share tells it


@dataclass(frozen=True, kw_only=True)
class SeatView:
    """The verdicts of one seat on both tools, the left one first."""

    number: int
    reviewer: str
    verdicts: Sequence[VerdictView]


@dataclass(frozen=True, kw_only=True)
class ComparisonPage(ComparisonView):
    """A comparison with all its fields."""

    date: str  #: of publishing, empty when it isn't known
    original: str  #: URL of the first publication, empty when it is this site
    seats: Sequence[SeatView]
    tool_paths: Sequence[str]  #: of each side's tool on this site
    category_links: Sequence[tuple[str, str]]  #: name and path of each category on this site

    @property
    def sides(self) -> Sequence[ContenderView]:
        """Return the contenders, by the name that the page's template has for them."""
        return self.contenders


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """What has changed of one thing, in words: its values with their days, and why."""

    what: str
    values: Sequence[str]  #: "100% on 21 November 2026", then "75% since 2 December 2026"
    why: Sequence[str]


def history_line(history: ChangeHistory, language: str) -> HistoryLine:
    """Return the history of one thing in words."""
    words, last = translations(language), len(history.steps) - 1
    forms = (words.gettext("%(value)s on %(date)s"), words.gettext("%(value)s since %(date)s"))
    return HistoryLine(
        what=history.what[:1].upper() + history.what[1:],
        values=[
            forms[number == last] % {"value": step.value, "date": long_date(step.day, language)}
            for number, step in enumerate(history.steps)
        ],
        why=history.why,
    )


def teaser(revision: Revision, language: str) -> Teaser | None:
    """Return a comparison's teaser; ``None`` for one without exactly two sides."""
    view = comparison_view(revision, base_url="", web_url="", language=language)
    if len(view.contenders) != 2:  # noqa: PLR2004 - a comparison has two sides
        return None
    left, right = view.contenders
    return Teaser(
        left=left.name,
        right=right.name,
        headline=view.brief,
        url=comparison_path(view.slug),
    )


def comparison_path(slug: str) -> str:
    """Return the path of a comparison's page on this site."""
    return f"/comparisons/{slug}"


def asking_path(slug: str) -> str:
    """Return the path of the form by which a visitor asks for a link to vote on a comparison."""
    return f"{comparison_path(slug)}/vote"


def page_of(
    revision: Revision, *, base_url: str, language: str, background: Background | None = None
) -> ComparisonPage:
    """Return the page of one revision, its date in *language*; *background* has the votes."""
    view = comparison_view(
        revision, base_url=base_url, web_url="", language=language, background=background
    )
    sides = sorted(revision.contenders, key=lambda contender: contender.side)[:2]
    own_url = f"{base_url}/comparisons/{view.slug}"
    return ComparisonPage(
        **vars(view),
        date=long_date(revision.published_on, language) if revision.published_on else "",
        original=view.url if view.url not in (own_url, "") else "",
        seats=_seats(view, sides, translations(language)),
        tool_paths=[f"/tools/{contender.tool.slug}" for contender in sides],
        category_links=_category_links(view.contenders, sides),
    )


def _category_links(
    views: Sequence[ContenderView], sides: Sequence[Contender]
) -> list[tuple[str, str]]:
    """Return the name and the path of each side's category, once where they share it."""
    links = {
        f"/categories/{category_slug(side.category)}": view.category
        for view, side in zip(views, sides, strict=True)
        if view.category
    }
    return [(name, path) for path, name in links.items()]


def _seats(view: ComparisonView, sides: Sequence[Contender], words: Translations) -> list[SeatView]:
    """Return the verdicts, seat by seat; a seat without any verdict is left out."""
    by_side = [{verdict.seat: verdict for verdict in side.verdicts} for side in sides]
    calls = [
        known_calls(side, each.seats) for side, each in zip(sides, view.contenders, strict=True)
    ]
    return [
        SeatView(
            number=seat,
            reviewer=_reviewer([by_seat[seat] for by_seat in by_side if seat in by_seat])
            or words.gettext("Reviewer %(seat)s") % {"seat": seat},
            verdicts=[
                _verdict(contender.name, verdicts.get(seat), known.get(seat))
                for contender, verdicts, known in zip(view.contenders, by_side, calls, strict=True)
            ],
        )
        for seat in sorted(set(chain.from_iterable(by_side)))
    ]


def _reviewer(verdicts: Sequence[Verdict]) -> str:
    named = (_one_line(verdict.reviewer or "") for verdict in verdicts)
    return next(filter(None, named), "")


def _verdict(about: str, verdict: Verdict | None, call: Call | None) -> VerdictView:
    if verdict is None:
        return VerdictView(about=about, quote="", call=None)
    return VerdictView(
        about=about,
        quote=shown_quote(verdict.quote),
        call=call.value if call else None,
    )


def _one_line(text: str) -> str:
    return " ".join(strip_unprintable(text).split())
