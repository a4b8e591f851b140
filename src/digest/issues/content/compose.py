"""How published comparisons become the view of an issue; pure, without database or clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import isfinite

from digest.comparisons.models import Call, Contender, Entry, Revision
from digest.comparisons.score import split
from digest.errors import NothingToPick
from digest.issues.content import copywriting
from digest.issues.content.quotes import choose_quotes
from digest.issues.content.view import ComparisonView, ContenderView, IssueView
from digest.issues.models import Newsletter, Tracking
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG
from digest.render.escaping import one_line
from digest.render.filters import is_web_link, link
from digest.render.graphemes import truncate

_YEAR = "January February March April May June July August September October November December"
_MONTHS = _YEAR.split()  # calendar.month_name would follow the locale
_NAME, _TAGLINE, _WORD, _TITLE = 80, 160, 40, 170  # characters the design has room for
_LINK = 700  # bytes; a longer one can't be kept on one line of the mail


def compose(
    revisions: Sequence[Revision],
    newsletter: Newsletter,
    *,
    number: int,
    period: str,
    on: date,
    base_url: str,
    postal_address: str,
) -> IssueView:
    """Return the view of an issue; the first of *revisions* leads.

    *on* is the day in the newsletter's time zone. Raises `NothingToPick` without revisions.
    """
    if not revisions:
        raise NothingToPick
    base = base_url.rstrip("/")
    web_url = f"{base}/issues/{newsletter.slug}/{number}"
    comparisons = tuple(
        comparison_view(revision, base_url=base, web_url=web_url) for revision in revisions
    )
    opening = copywriting.opening(comparisons)
    return IssueView(
        newsletter=one_line(newsletter.name),
        description=one_line(newsletter.description),
        number=number,
        period=period,
        date=f"{on.day} {_MONTHS[on.month - 1]} {on.year}",
        language=newsletter.language,
        subject=copywriting.subject(comparisons[0]),
        preheader=copywriting.preheader(comparisons, opening),
        opening=opening,
        comparisons=comparisons,
        base_url=base,
        web_url=web_url,
        postal_address=postal_address.strip(),
        unsubscribe_url=f"{base}/u/{UNSUBSCRIBE_TAG}",
        preferences_url=f"{base}/p/{PREFERENCES_TAG}",
        tracking=copywriting.TRACKING[Tracking(newsletter.tracking)],
        tracked=Tracking(newsletter.tracking) is not Tracking.OFF,
    )


def comparison_view(revision: Revision, *, base_url: str, web_url: str) -> ComparisonView:
    """Return the view of one comparison; missing values are left out, never guessed.

    Its link is the published URL, else its page on this site, else *web_url*.
    """
    ours = f"{base_url}/comparisons/{revision.comparison.slug}"
    sides = sorted(revision.contenders, key=lambda contender: contender.side)[:2]
    contenders = tuple(contender_view(contender, seats=revision.seats) for contender in sides)
    quotes = tuple(choose_quotes(sides, revision.seats))
    view = ComparisonView(
        title=_title(revision, contenders),
        slug=revision.comparison.slug,
        url=_web_link(revision.url) or _web_link(ours) or web_url,
        category=" / ".join(dict.fromkeys(view.category for view in contenders if view.category)),
        labels=tuple(_short(label, _WORD) for label in revision.labels if label.strip()),
        headline=copywriting.headline(contenders),
        contenders=contenders,
        quotes=quotes,
        quoted=sum(1 for side in sides for verdict in side.verdicts if verdict.quote.strip()),
    )
    return replace(view, note=_note(view))


def contender_view(contender: Contender, *, seats: int) -> ContenderView:
    """Return the view of one contender; *seats* is the size of the panel."""
    panel_share = _share(contender.panel_share)
    ships = _ships(contender, panel_share, seats)
    return ContenderView(
        name=_short(contender.name, _NAME) or "An unnamed tool",
        category=_short(contender.category, _WORD),
        tagline=_short(contender.tagline, _TAGLINE),
        panel_share=panel_share,
        ships=ships,
        skips=None if ships is None else seats - ships,
        seats=seats,
        entry=_entry(contender),
        community_share=_share(contender.community_share),
        url=_web_link(contender.url),
    )


def _share(value: float | None) -> float | None:
    """Return *value* when it is a share in percent, else ``None``, also for NaN."""
    return value if value is not None and isfinite(value) and 0 <= value <= 100 else None  # noqa: PLR2004


def _ships(contender: Contender, panel_share: float | None, seats: int) -> int | None:
    """Count the reviewers who would ship: by the share, else by the calls when all are known."""
    if panel_share is not None:
        seat_split = split(panel_share, seats)
        return seat_split.ships if seat_split else None
    calls = [verdict.call for verdict in contender.verdicts if verdict.call]
    return calls.count(Call.SHIP) if len(calls) == seats else None


def _title(revision: Revision, contenders: Sequence[ContenderView]) -> str:
    names = " vs ".join(contender.name for contender in contenders)
    return names if len(contenders) > 1 else _short(revision.title, _TITLE) or names


def _entry(contender: Contender) -> str:
    if contender.entry in (Entry.FREE, Entry.PAID):
        return contender.entry.value.capitalize()
    return _short(contender.entry_text, _WORD)


def _note(view: ComparisonView) -> str:
    """Return a note when a split is published without the calls behind it, else nothing."""
    split = any(contender.ships not in (None, 0, contender.seats) for contender in view.contenders)
    if split and view.quotes and all(quote.call is None for quote in view.quotes):
        return "Who on the panel made which call isn\u2019t published."
    return ""


def _short(text: str, limit: int) -> str:
    return truncate(one_line(text), limit)


def _web_link(url: str | None) -> str | None:
    return url if url and is_web_link(url) and len(link(url)) <= _LINK else None
