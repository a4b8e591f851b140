"""How published comparisons become the view of an issue; pure, without database or clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from digest.comparisons.models import Revision
from digest.errors import NothingToPick
from digest.issues.content import copywriting
from digest.issues.content.quotes import choose_quotes
from digest.issues.content.view import (
    WORD,
    ComparisonView,
    ContenderView,
    IssueView,
    contender_view,
    short,
    web_link,
)
from digest.issues.models import Newsletter, Tracking
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG
from digest.render.accent import accent_of
from digest.render.escaping import one_line

_YEAR = "January February March April May June July August September October November December"
_MONTHS = _YEAR.split()  # calendar.month_name would follow the locale
_TITLE = 170  # characters the design has room for


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
    web_url = f"{base}/issues/{newsletter.slug}/{number}" if newsletter.public else ""
    comparisons = tuple(
        comparison_view(revision, base_url=base, web_url=web_url or base) for revision in revisions
    )
    opening = copywriting.opening(comparisons)
    return IssueView(
        newsletter=one_line(newsletter.name),
        description=one_line(newsletter.description),
        number=number,
        period=period,
        date=long_day(on),
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
        accent=accent_of(newsletter.accent),
    )


def long_day(day: date) -> str:
    """Return a day as a reader of the mail reads it: "24 November 2026"."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def comparison_view(revision: Revision, *, base_url: str, web_url: str) -> ComparisonView:
    """Return the view of one comparison; missing values are left out, never guessed.

    Its link is the published URL, else its page on this site, else *web_url*.
    """
    page_url = f"{base_url}/comparisons/{revision.comparison.slug}"
    sides = sorted(revision.contenders, key=lambda contender: contender.side)[:2]
    contenders = tuple(contender_view(contender, seats=revision.seats) for contender in sides)
    quotes = tuple(choose_quotes(sides, revision.seats))
    view = ComparisonView(
        title=_title(revision, contenders),
        slug=revision.comparison.slug,
        url=web_link(revision.url) or web_link(page_url) or web_url,
        category=" / ".join(dict.fromkeys(view.category for view in contenders if view.category)),
        labels=tuple(short(label, WORD) for label in revision.labels if label.strip()),
        headline=copywriting.headline(contenders),
        contenders=contenders,
        quotes=quotes,
        quoted=sum(1 for side in sides for verdict in side.verdicts if verdict.quote.strip()),
    )
    return replace(view, note=_note(view))


def _title(revision: Revision, contenders: Sequence[ContenderView]) -> str:
    names = " vs ".join(contender.name for contender in contenders)
    return names if len(contenders) > 1 else short(revision.title, _TITLE) or names


def _note(view: ComparisonView) -> str:
    """Return a note when a split is published without the calls behind it, else nothing."""
    split = any(contender.ships not in (None, 0, contender.seats) for contender in view.contenders)
    if split and view.quotes and all(quote.call is None for quote in view.quotes):
        return "Who on the panel made which call isn\u2019t published."
    return ""
