"""A reader's own page: what comes, and what they may do about it, one thing a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import export, lifecycle, moving, store
from subscribers.address import parse
from subscribers.errors import BadAddress
from subscribers.links import Who
from subscribers.models import Standing
from subscribers.store import Place as Standings
from subscribers.web import form
from subscribers.web.pages import Choice, Field, Form, Page
from subscribers.web.place import Visit

WEEKS = (2, 4, 8, 26)
LONGEST = timedelta(days=366)
_JOINED = (Standing.CONFIRMED, Standing.PAUSED)


async def show(visit: Visit) -> Response:
    """Say what comes, and list what may be done."""
    return await _overview(visit, _who(visit))


async def show_topics(visit: Visit) -> Response:
    """Offer the topics."""
    who = _who(visit)
    about = visit.front.about(who.newsletter)
    place = await run_sync(_place, visit, who)
    if about is None or not about.topics or place is None:
        return await _overview(visit, who)
    everything = [value for value, _ in about.topics]
    choice = Choice(
        name="topics",
        label=visit.words.topics_label,
        options=about.topics,
        chosen=place.topics if place.topics is not None else everything,
        kind="checkbox",
    )
    return _asking(visit, "topics", visit.words.topics, visit.words.save, choices=[choice])


async def take_topics(visit: Visit) -> Response:
    """Keep the topics; all of them, or none, is everything."""
    who = _who(visit)
    about = visit.front.about(who.newsletter)
    offered = [value for value, _ in about.topics] if about else []
    asked = visit.lists.get("topics", [])
    chosen = [value for value in offered if value in asked]
    topics = chosen if 0 < len(chosen) < len(offered) else None

    def keep(session: Session) -> None:
        store.set_topics(session, who.subscriber_id, who.newsletter, topics)

    await visit.front.writer.alone(keep)
    return await _overview(visit, who, saved=True)


async def show_pause(visit: Visit, *, fault: str = "") -> Response:
    """Offer a break."""
    who = _who(visit)
    place = await run_sync(_place, visit, who)
    words = visit.words
    options = [(str(weeks), words.weeks.format(weeks=weeks)) for weeks in WEEKS]
    if place and place.standing is Standing.PAUSED:
        options.append(("0", words.resume))
    choice = Choice(name="weeks", label=words.pause_label, options=options, chosen=[options[0][0]])
    day = Field(name="until", label=words.pause_until, kind="date")
    return _asking(
        visit, "pause", words.pause, words.save, fields=(day,), choices=[choice], fault=fault
    )


async def take_pause(visit: Visit) -> Response:
    """Take a break, or end one."""
    who = _who(visit)
    now = visit.front.clock()
    until = _until(visit.fields, now)
    if until is None:
        return await show_pause(visit, fault=visit.words.pause_fault)

    def keep(session: Session) -> None:
        if until == now:
            lifecycle.resume(session, who.subscriber_id, who.newsletter, now)
        else:
            lifecycle.pause(session, who.subscriber_id, who.newsletter, until, now)

    await visit.front.writer.alone(keep)
    return await _overview(visit, who, saved=True)


async def show_address(visit: Visit) -> Response:
    """Ask for another address."""
    _who(visit)
    return _address_form(visit)


async def take_address(visit: Visit) -> Response:
    """Send a letter to the other address; what is said shows nothing of who is on the list."""
    who = _who(visit)
    try:
        address = parse(visit.fields.get("email", ""))
    except BadAddress as fault:
        return _address_form(visit, fault=visit.words.faults[fault.fault])

    def ask(session: Session) -> bool:
        now = visit.front.clock()
        return moving.ask(session, *who, address, visit.front.hashes, now, visit.language)

    if await visit.front.writer.alone(ask):
        visit.front.on_letter()
    return visit.page(visit.words.move_asked)


async def data(visit: Visit) -> Response:
    """Give a reader all that is kept of them, as a file."""
    who = _who(visit)

    def collect() -> dict[str, Any]:
        with visit.front.sessions.read() as session:
            mine = export.person(session, who.subscriber_id)
            return mine and {**mine, **visit.front.elsewhere(session, who.subscriber_id)}

    text = json.dumps(await run_sync(collect), indent=2, ensure_ascii=False, default=_plain)
    return Response(
        text + "\n",
        headers={"Content-Disposition": 'attachment; filename="subscription.json"'},
        media_type="application/json; charset=utf-8",
    )


async def show_erase(visit: Visit) -> Response:
    """Ask before forgetting."""
    _who(visit)
    return _asking(visit, "erase", visit.words.erase, visit.words.erase_button, quiet=True)


async def take_erase(visit: Visit) -> Response:
    """Forget a reader; twice is fine."""
    who = _who(visit)
    now = visit.front.clock()

    def erase(session: Session) -> bool:
        evidence, hashes = visit.evidence("page"), visit.front.hashes
        return lifecycle.erase(session, who.subscriber_id, evidence, hashes, now)

    await visit.front.writer.alone(erase)
    return visit.page(visit.words.erased)


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


def _who(visit: Visit) -> Who:
    return visit.front.links.read_preferences(visit.token)


def _place(visit: Visit, who: Who) -> Standings | None:
    with visit.front.sessions.read() as session:
        return store.place(session, *who)


async def _overview(visit: Visit, who: Who, *, saved: bool = False) -> Response:
    place = await run_sync(_place, visit, who)
    standing = visit.words.standing[_standing(place, visit.front.clock())].format(
        newsletter=visit.newsletter(who.newsletter),
        until=f"{place.paused_until:%Y-%m-%d}" if place and place.paused_until else "",
    )
    paragraphs = [visit.words.saved, standing] if saved else [standing]
    return visit.show(
        Page(
            language=visit.language,
            title=visit.words.preferences.title,
            paragraphs=paragraphs,
            links=_links(visit, who, place),
        )
    )


def _standing(place: Standings | None, now: datetime) -> str:
    if place is None:
        return "gone"
    over = place.standing is Standing.PAUSED and place.paused_until and place.paused_until <= now
    return "confirmed" if over else place.standing.value


def _links(visit: Visit, who: Who, place: Standings | None) -> list[tuple[str, str]]:
    words, here = visit.words, f"/p/{visit.token}"
    again = (words.to_sign_up, f"{form.PATH}?newsletter={who.newsletter}")
    if place is None:
        return [again]
    about = visit.front.about(who.newsletter)
    joined = place.standing in _JOINED
    leave = visit.front.links.unsubscribe(who).removeprefix(visit.front.base_url)
    offered = [
        (bool(about and about.topics) and joined, words.topics.title, f"{here}/topics"),
        (joined, words.pause.title, f"{here}/pause"),
        (joined, words.move.title, f"{here}/address"),
        (not joined, *again),
        (True, words.data, f"{here}/data"),
        (joined, words.leave_button, leave),
        (True, words.erase.title, f"{here}/erase"),
    ]
    return [(text, path) for offer, text, path in offered if offer]


def _asking(
    visit: Visit,
    action: str,
    saying: Any,
    button: str,
    *,
    fields: tuple[Field, ...] = (),
    choices: list[Choice] | None = None,
    fault: str = "",
    quiet: bool = False,
) -> Response:
    page = visit.say(saying)
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            fault=fault,
            form=Form(
                action=f"/p/{visit.token}/{action}",
                button=button,
                hidden=(("lang", visit.language),),
                fields=fields,
                choices=choices or (),
                quiet=quiet,
            ),
            links=[(visit.words.to_preferences, f"/p/{visit.token}")],
        ),
        status=422 if fault else 200,
    )


def _address_form(visit: Visit, *, fault: str = "") -> Response:
    words = visit.words
    value = visit.fields.get("email", "")[:254]
    asked = Field(name="email", label=words.move_label, kind="email", value=value)
    return _asking(visit, "address", words.move, words.move_button, fields=(asked,), fault=fault)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
