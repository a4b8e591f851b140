"""A reader's own page: what comes, and what they may do about it, one thing a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import address_change, export, lifecycle, store
from subscribers.address import parse
from subscribers.dates import long_date
from subscribers.errors import BadAddress, OldLink
from subscribers.lifecycle import REJOINABLE
from subscribers.models import JOINED, LetterState, Standing
from subscribers.store import NewsletterStanding as Standings
from subscribers.store import Reader
from subscribers.tokens import LinkTarget, address_mark
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Choice, Field, Form, Page

WEEKS = (2, 4, 8, 26)
LONGEST = timedelta(days=366)
_SAME = "same"  # the break they have


async def show_pause(visit: EndpointRequest, *, fault: str = "") -> Response:
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


async def take_pause(visit: EndpointRequest) -> Response:
    """Take a break, or end one."""
    who = await who_of(visit)
    now = visit.front.clock()
    if visit.fields.get("weeks") == _SAME and not visit.fields.get("until"):
        return await overview(visit, who)
    until = _until(visit.fields, now)
    if until is None:
        return await show_pause(visit, fault=visit.words.pause_fault)

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


MOST_TOPICS = 28  # boxes; a form with more than 30 fields in all isn't taken in


async def show(visit: EndpointRequest) -> Response:
    """Say what comes, and list what may be done."""
    return await overview(visit, await who_of(visit))


async def show_topics(
    visit: EndpointRequest, *, fault: str = "", ticked: Sequence[str] = ()
) -> Response:
    """Offer the topics; none ticked is everything."""
    who = await who_of(visit)
    place = await joined(visit, who)
    offered = _topics(visit, place)
    if place is None or not offered:
        return await overview(visit, who)
    choice = Choice(
        name="topics",
        label=visit.words.topics_label,
        options=offered,
        chosen=ticked or place.topics or [],
        kind="checkbox",
    )
    words = visit.words
    return await asking(visit, "topics", words.topics, words.save, choices=[choice], fault=fault)


async def take_topics(visit: EndpointRequest) -> Response:
    """Keep the topics; all of them, or none, is everything."""
    who = await who_of(visit)
    offered = [value for value, _ in _topics(visit, await joined(visit, who))]
    if not offered:
        return await overview(visit, who)
    asked = visit.lists.get("topics", [])
    if not set(asked) <= set(offered):
        return await show_topics(visit, fault=visit.words.topics_changed, ticked=asked)
    chosen = [value for value in offered if value in asked]
    topics = chosen if 0 < len(chosen) < len(offered) else None

    def keep(session: Session) -> bool:
        return store.set_topics(session, who.subscriber_id, who.newsletter, topics, among=JOINED)

    return await overview(visit, who, saved=await visit.front.writer.alone(keep))


async def show_address(visit: EndpointRequest) -> Response:
    """Ask for another address."""
    who = await who_of(visit)
    if not await run_sync(_may_move, visit, who):
        return await overview(visit, who)
    return await _address_form(visit)


async def take_address(visit: EndpointRequest) -> Response:
    """Send a letter to the other address; what is said shows nothing of who is on the list."""
    who = await who_of(visit)
    if not await run_sync(_may_move, visit, who):
        return await overview(visit, who)
    try:
        address = parse(visit.fields.get("email", ""))
    except BadAddress as fault:
        return await _address_form(visit, fault=visit.words.faults[fault.fault])
    if address.domain in visit.front.disposable:
        return await _address_form(visit, fault=visit.words.disposable)

    def ask(session: Session) -> LetterState | None:
        front = visit.front
        limit = front.limits.address
        return address_change.request_change(
            session, *who, address, front.hashes, front.clock(), limit
        )

    state = await visit.front.writer.alone(ask)
    if state is None:
        return await _address_form(visit, fault=visit.words.move_many)
    if state is LetterState.WAITING:
        visit.front.on_letter()
    return visit.page(visit.words.move_asked)


async def data(visit: EndpointRequest) -> Response:
    """Give a reader all that is kept of them, as a file."""
    who = await who_of(visit)

    def collect() -> dict[str, Any]:
        with visit.front.sessions.read() as session:
            mine = export.person(session, who.subscriber_id)
            return mine and {**mine, **visit.front.elsewhere(session, who.subscriber_id)}

    mine = await run_sync(collect)
    if not mine:
        return await overview(visit, who)
    text = json.dumps(mine, indent=2, ensure_ascii=False, default=_plain)
    return Response(
        text + "\n",
        headers={"Content-Disposition": 'attachment; filename="subscription.json"'},
        media_type="application/json; charset=utf-8",
    )


async def show_erase(visit: EndpointRequest) -> Response:
    """Ask before forgetting."""
    who = await who_of(visit)
    if not await run_sync(_place, visit, who):
        return await overview(visit, who)
    words = visit.words
    return await asking(visit, "erase", words.erase, words.erase_button, quiet=True)


async def take_erase(visit: EndpointRequest) -> Response:
    """Forget a reader; twice is fine."""
    who = await who_of(visit)
    now = visit.front.clock()

    def erase(session: Session) -> bool:
        evidence, hashes = visit.evidence("page"), visit.front.hashes
        elsewhere = visit.front.erase_elsewhere
        return lifecycle.erase(
            session, who.subscriber_id, evidence, hashes, now, elsewhere=elsewhere
        )

    if await visit.front.writer.alone(erase):
        await run_sync(visit.front.on_erased)
    return visit.page(visit.words.erased)


async def who_of(visit: EndpointRequest) -> LinkTarget:
    """Tell whose page this is; raises `BadToken`, and `OldLink` after a change of address."""
    who, mark = visit.front.links.read_preferences(visit.token)
    reader = await run_sync(_reader, visit, who)
    if reader is not None and address_mark(reader.address) != mark:
        raise OldLink
    return who


def _reader(visit: EndpointRequest, who: LinkTarget) -> Reader | None:
    with visit.front.sessions.read() as session:
        return store.find_by_id(session, who.subscriber_id)


async def joined(visit: EndpointRequest, who: LinkTarget) -> Standings | None:
    """Return the standing of who gets the newsletter or has a break from it; of nobody else."""
    place = await run_sync(_place, visit, who)
    return place if place and place.standing in JOINED else None


def _may_move(visit: EndpointRequest, who: LinkTarget) -> bool:
    """Tell whether another address would get any mail."""
    with visit.front.sessions.read() as session:
        place, reader = (
            store.standing_with(session, *who),
            store.find_by_id(session, who.subscriber_id),
        )
    return bool(
        place
        and place.standing in JOINED
        and reader
        and reader.suppressed not in address_change.BARRED
    )


def _place(visit: EndpointRequest, who: LinkTarget) -> Standings | None:
    with visit.front.sessions.read() as session:
        return store.standing_with(session, *who)


async def overview(visit: EndpointRequest, who: LinkTarget, *, saved: bool = False) -> Response:
    """Say what comes, and list what may be done."""
    place, reader = await run_sync(_place, visit, who), await run_sync(_reader, visit, who)
    standing = visit.words.standing[_standing(place, reader, visit.front.clock())].format(
        newsletter=visit.newsletter(who.newsletter),
        until=long_date(place.paused_until, visit.language) if place and place.paused_until else "",
    )
    paragraphs = [visit.words.saved, standing] if saved else [standing]
    paragraphs += [*_chosen(visit, place), *_address_of(visit, reader)]
    return visit.show(
        Page(
            language=visit.language,
            title=visit.words.preferences.title,
            paragraphs=paragraphs,
            links=_links(visit, who, place, held=reader.suppressed if reader else None),
        )
    )


def _topics(visit: EndpointRequest, place: Standings | None) -> list[tuple[str, str]]:
    """Return what may be ticked: what they chose before and isn't offered now, and what is."""
    if place is None:
        return []
    about = visit.front.about(place.newsletter)
    offered = dict(about.topics) if about else {}
    before = [(one, one) for one in place.topics or () if one not in offered]
    return [*before, *offered.items()][:MOST_TOPICS]


def _chosen(visit: EndpointRequest, place: Standings | None) -> list[str]:
    """Say which topics they chose, where that isn't everything."""
    if place is None or place.standing not in JOINED or not place.topics:
        return []
    named = dict(_topics(visit, place))
    topics = ", ".join(named.get(one, one) for one in place.topics)
    return [visit.words.topics_chosen.format(topics=topics)]


def _standing(place: Standings | None, reader: Reader | None, now: datetime) -> str:
    if place is None or reader is None:
        return "gone"
    if reader.suppressed and place.standing in JOINED:
        return "suppressed"
    over = place.standing is Standing.PAUSED and place.paused_until and place.paused_until <= now
    return "confirmed" if over else place.standing.value


def _links(
    visit: EndpointRequest, who: LinkTarget, place: Standings | None, *, held: str | None
) -> list[tuple[str, str]]:
    words = visit.words
    again = (words.to_sign_up, visit.sign_up_path(who.newsletter))
    if place is None:
        return [again]
    joined = place.standing in JOINED
    leave = visit.front.links.unsubscribe(who).removeprefix(visit.front.base_url)
    offered = [
        (joined and bool(_topics(visit, place)), words.topics.title, _own(visit, "/topics")),
        (joined, words.pause.title, _own(visit, "/pause")),
        (joined and held not in address_change.BARRED, words.move.title, _own(visit, "/address")),
        (not joined or held in REJOINABLE, *again),  # whose letter, once answered, lifts it
        (True, words.data, _own(visit, "/data")),
        (joined, words.leave_button, visit.onward(leave)),
        (True, words.erase.title, _own(visit, "/erase")),
    ]
    return [(text, path) for offer, text, path in offered if offer]


def _own(visit: EndpointRequest, page: str = "") -> str:
    return visit.onward(f"/p/{visit.token}{page}")


async def asking(
    visit: EndpointRequest,
    action: str,
    saying: Any,
    button: str,
    *,
    fields: tuple[Field, ...] = (),
    choices: list[Choice] | None = None,
    fault: str = "",
    quiet: bool = False,
) -> Response:
    """Show a form for one thing a reader may do."""
    who, _ = visit.front.links.read_preferences(visit.token)
    page, reader = visit.say(saying), await run_sync(_reader, visit, who)
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=[*page.paragraphs, *_address_of(visit, reader)],
            fault=fault,
            form=Form(
                action=f"/p/{visit.token}/{action}",
                button=button,
                hidden=(("lang", visit.language),),
                fields=fields,
                choices=choices or (),
                quiet=quiet,
            ),
            links=[(visit.words.to_preferences, _own(visit))],
        ),
        status=422 if fault else 200,
    )


async def _address_form(visit: EndpointRequest, *, fault: str = "") -> Response:
    words = visit.words
    value = visit.fields.get("email", "")[:254]
    asked = Field(name="email", label=words.move_label, kind="email", value=value)
    return await asking(
        visit, "address", words.move, words.move_button, fields=(asked,), fault=fault
    )


def _address_of(visit: EndpointRequest, reader: Reader | None) -> list[str]:
    """Say whose page this is to who knows the address; a mail may have been passed on."""
    if reader is None:
        return []
    local, _, domain = reader.address.rpartition("@")
    return [visit.words.own_address.format(address=f"{local[0]}…@{domain}")]


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
