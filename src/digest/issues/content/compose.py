"""How published comparisons become the view of an issue; pure, without database or clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from types import ModuleType

from digest.comparisons.models import Revision
from digest.errors import NothingToPick
from digest.issues.content import copywriting, german_copywriting
from digest.issues.content.mail_texts import DE, mail_texts
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
from subscribers.dates import long_date

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
    language = newsletter.language
    comparisons = tuple(
        comparison_view(revision, base_url=base, web_url=web_url or base, language=language)
        for revision in revisions
    )
    copy = copywriting_of(language)
    opening = _ended_once(copy.opening(comparisons))
    return IssueView(
        newsletter=one_line(newsletter.name),
        description=one_line(newsletter.description),
        number=number,
        period=period,
        date=long_date(on, language),
        language=language,
        subject=copy.subject(comparisons[0]),
        preheader=copy.preheader(comparisons, opening),
        opening=opening,
        comparisons=comparisons,
        base_url=base,
        web_url=web_url,
        postal_address=postal_address.strip(),
        unsubscribe_url=f"{base}/u/{UNSUBSCRIBE_TAG}",
        preferences_url=f"{base}/p/{PREFERENCES_TAG}",
        tracking=copy.TRACKING[Tracking(newsletter.tracking)],
        tracked=Tracking(newsletter.tracking) is not Tracking.OFF,
        accent=accent_of(newsletter.accent),
    )


def _ended_once(sentence: str) -> str:
    """Return a sentence without the full stop behind a name that is cut short: its "…" ends it."""
    return sentence.replace("….", "…")


def copywriting_of(language: str) -> ModuleType:
    """Return the module that words the sentences of an issue in a language."""
    return german_copywriting if mail_texts(language) is DE else copywriting


def comparison_view(
    revision: Revision, *, base_url: str, web_url: str, language: str = "en"
) -> ComparisonView:
    """Return the view of one comparison; missing values are left out, never guessed.

    Its link is the published URL, else its page on this site, else *web_url*.
    """
    words = mail_texts(language)
    page_url = f"{base_url}/comparisons/{revision.comparison.slug}"
    sides = sorted(revision.contenders, key=lambda contender: contender.side)[:2]
    contenders = tuple(
        contender_view(contender, seats=revision.seats, words=words) for contender in sides
    )
    quotes = tuple(choose_quotes(sides, revision.seats))
    view = ComparisonView(
        title=_title(revision, contenders),
        slug=revision.comparison.slug,
        url=web_link(revision.url) or web_link(page_url) or web_url,
        category=" / ".join(dict.fromkeys(view.category for view in contenders if view.category)),
        labels=tuple(short(label, WORD) for label in revision.labels if label.strip()),
        headline=_ended_once(copywriting_of(language).headline(contenders)),
        contenders=contenders,
        quotes=quotes,
        quoted=sum(1 for side in sides for verdict in side.verdicts if verdict.quote.strip()),
    )
    return replace(view, note=_note(view, language))


def _title(revision: Revision, contenders: Sequence[ContenderView]) -> str:
    names = " vs ".join(contender.name for contender in contenders)
    return names if len(contenders) > 1 else short(revision.title, _TITLE) or names


def _note(view: ComparisonView, language: str) -> str:
    """Return a note when a split is published without the calls behind it, else nothing."""
    split = any(contender.ships not in (None, 0, contender.seats) for contender in view.contenders)
    if split and view.quotes and all(quote.call is None for quote in view.quotes):
        return str(copywriting_of(language).NOT_PUBLISHED)
    return ""
