"""A reader's break: asked for in weeks or until a day, and ended by itself or by the reader."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import lifecycle
from subscribers.dates import long_date
from subscribers.models import Standing
from subscribers.web.pages import Choice, Field
from subscribers.web.place import Visit
from subscribers.web.preferences import asking, joined, overview, who_of

WEEKS = (2, 4, 8, 26)
LONGEST = timedelta(days=366)
_SAME = "same"  # the break they have


async def show(visit: Visit, *, fault: str = "") -> Response:
    """Offer a break."""
    who, words = await who_of(visit), visit.words
    place = await joined(visit, who)
    if place is None:
        return await overview(visit, who)
    options = [(str(weeks), words.weeks.format(weeks=weeks)) for weeks in WEEKS]
    until = place.paused_until if place.standing is Standing.PAUSED else None
    if until:
        options.append(("0", words.resume))
    if until and until > visit.front.clock():
        still = words.pause_same.format(until=long_date(until, visit.language))
        options.insert(0, (_SAME, still))
    choice = Choice(name="weeks", label=words.pause_label, options=options, chosen=[options[0][0]])
    day = Field(name="until", label=words.pause_until, kind="date")
    return await asking(
        visit,
        "pause",
        words.pause,
        words.save,
        fields=(day,),
        choices=[choice],
        fault=fault,
    )


async def take(visit: Visit) -> Response:
    """Take a break, or end one."""
    who = await who_of(visit)
    now = visit.front.clock()
    if visit.fields.get("weeks") == _SAME and not visit.fields.get("until"):
        return await overview(visit, who)
    until = _until(visit.fields, now)
    if until is None:
        return await show(visit, fault=visit.words.pause_fault)

    def keep(session: Session) -> bool:
        if until == now:
            return lifecycle.resume(session, who.subscriber_id, who.newsletter, now)
        return lifecycle.pause(session, who.subscriber_id, who.newsletter, until, now)

    return await overview(visit, who, saved=await visit.front.writer.alone(keep))


def _until(fields: Mapping[str, str], now: datetime) -> datetime | None:
    """Return until when a break lasts: *now* for none, ``None`` for what isn't understood.

    A day goes before the weeks, since one of those is always ticked.
    """
    day, weeks = fields.get("until", ""), fields.get("weeks", "")
    if day:
        try:
            until = datetime.combine(date.fromisoformat(day), time(), UTC)
        except ValueError:
            return None
        return until if now < until <= now + LONGEST else None
    known = {str(number): number for number in (0, *WEEKS)}
    return now + timedelta(weeks=known[weeks]) if weeks in known else None
