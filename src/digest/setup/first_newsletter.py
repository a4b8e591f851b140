"""Decides which newsletter an installation begins with, and how setting up changes it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from digest.comparisons.slug import slugify
from digest.errors import WrongState
from digest.issues import store
from digest.issues.calendar import weekday_of
from digest.issues.calendar.cadence import WEEKDAYS
from digest.issues.models import Newsletter
from digest.setup.questions import clock_time

_LONGEST_SLUG = 64


def newsletter_answers(session: Session) -> dict[str, str] | None:
    """Return today's answers about the newsletter; ``None`` where there are several."""
    rows = store.newsletters(session)
    return answers_of(*rows) if len(rows) <= 1 else None


def answers_of(newsletter: Newsletter | None = None) -> dict[str, str]:
    """Return the answers that describe a newsletter; the usual ones where there is none."""
    row = newsletter or Newsletter(slug="", name="")
    return {
        "name": row.name,
        "description": row.description,
        "on": WEEKDAYS[row.weekday],
        "at": f"{row.hour:02}:{row.minute:02}",
        "zone": row.timezone,
    }


def set_up_newsletter(session: Session, answers: Mapping[str, str], now: datetime) -> Newsletter:
    """Add the newsletter that *answers* describe, or change the one there is, and return it.

    A slug is made from the first name and stays: links and subscriptions hold it. The caller
    commits. Raises `WrongState` where there are several newsletters.
    """
    rows = store.newsletters(session)
    if len(rows) > 1:
        raise WrongState(
            "there are several newsletters, and digest setup only sets up the first",
            next_step="digest newsletters --help",
        )
    newsletter = rows[0] if rows else Newsletter(slug=_slug(answers["name"]), name="")
    newsletter.name = answers.get("name") or newsletter.name
    newsletter.description = answers.get("description") or newsletter.description
    _set_moment(newsletter, answers, now)
    session.add(newsletter)
    session.flush()
    return newsletter


def _set_moment(newsletter: Newsletter, answers: Mapping[str, str], now: datetime) -> None:
    before = newsletter.cadence()
    if answers.get("on"):
        newsletter.weekday = weekday_of(answers["on"])
    if answers.get("at"):
        moment = clock_time(answers["at"])
        newsletter.hour, newsletter.minute = moment.hour, moment.minute
    newsletter.timezone = answers.get("zone") or newsletter.timezone
    if newsletter.cadence() != before:
        # Moments of the new cadence before this time aren't claimed, so none counts as missed.
        newsletter.scheduled_since = now


def _slug(name: str) -> str:
    """Return a slug of ASCII letters, which stands in links and in the List-Id header."""
    kept = "".join(char if char.isascii() else "-" for char in slugify(name))
    slug = "-".join(part for part in kept.split("-") if part)
    return slug[:_LONGEST_SLUG].strip("-") or "newsletter"
