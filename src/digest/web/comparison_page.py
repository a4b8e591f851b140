"""Build the view model of a comparison's page from one revision, without a database.

This module hides how stored text becomes page text: paragraphs, printable characters, bare quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from digest.comparisons.models import Contender, Revision, Verdict
from digest.issues.content import ComparisonView, ContenderView, comparison_view
from digest.render.escaping import strip_unprintable
from digest.render.page_texts import SiteTexts, site_texts
from digest.render.pages import ComparisonPage, SeatView, SideView, Teaser, VerdictView
from subscribers.dates import long_date

_MARKS = ("“”", '""', "«»", "„“")


def teaser(revision: Revision) -> Teaser | None:
    """Return a comparison's teaser; ``None`` for one without exactly two sides."""
    view = comparison_view(revision, base_url="", web_url="")
    if len(view.contenders) != 2:  # noqa: PLR2004 - a comparison has two sides
        return None
    left, right = view.contenders
    return Teaser(
        left=left.name, right=right.name, headline=view.headline, url=f"/comparisons/{view.slug}"
    )


def page_of(revision: Revision, *, base_url: str, language: str) -> ComparisonPage:
    """Return the page of one revision, its date in *language*."""
    view = comparison_view(revision, base_url=base_url, web_url="")
    sides = sorted(revision.contenders, key=lambda contender: contender.side)[:2]
    ours = f"{base_url}/comparisons/{view.slug}"
    return ComparisonPage(
        category=view.category,
        question=" ".join(strip_unprintable(revision.question).split()),
        intro=_paragraphs(revision.intro),
        headline=view.headline,
        note=view.note,
        labels=view.labels,
        date=long_date(revision.published_on, language) if revision.published_on else "",
        original=view.url if view.url not in (ours, "") else "",
        sides=[_side(*pair) for pair in zip(view.contenders, sides, strict=True)],
        seats=_seats(view, sides, site_texts(language)),
    )


def _side(view: ContenderView, contender: Contender) -> SideView:
    return SideView(
        name=view.name,
        category=view.category,
        tagline=view.tagline,
        description=_paragraphs(contender.description),
        panel_share=view.panel_share,
        ships=view.ships,
        seats=view.seats,
        split=view.split,
        entry=view.entry,
        community_share=view.community_share,
        url=view.url,
    )


def _seats(view: ComparisonView, sides: Sequence[Contender], words: SiteTexts) -> list[SeatView]:
    """Return the verdicts, seat by seat; a seat without any verdict is left out."""
    by_side = [{verdict.seat: verdict for verdict in side.verdicts} for side in sides]
    return [
        SeatView(
            reviewer=_reviewer([by_seat[seat] for by_seat in by_side if seat in by_seat])
            or words.reviewer % seat,
            verdicts=[
                _verdict(contender.name, verdicts.get(seat))
                for contender, verdicts in zip(view.contenders, by_side, strict=True)
            ],
        )
        for seat in sorted(set(chain.from_iterable(by_side)))
    ]


def _reviewer(verdicts: Sequence[Verdict]) -> str:
    named = (" ".join(strip_unprintable(verdict.reviewer or "").split()) for verdict in verdicts)
    return next(filter(None, named), "")


def _verdict(about: str, verdict: Verdict | None) -> VerdictView:
    if verdict is None:
        return VerdictView(about=about, quote="", call=None)
    call = verdict.call.value if verdict.call else None
    return VerdictView(about=about, quote=_bare(verdict.quote), call=call)


def _bare(quote: str) -> str:
    """Return a quote without its outer quotation marks; the template adds its own."""
    text = " ".join(strip_unprintable(quote).split())
    while len(text) > 1 and text[0] + text[-1] in _MARKS:
        text = text[1:-1].strip()
    return text


def _paragraphs(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in strip_unprintable(text).split("\n"))
    return [line for line in lines if line]
