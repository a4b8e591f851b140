"""Answer a reader's preference pages: overview, topics, pause, address, data, erasure.

This module hides which of these pages a reader's standing allows.
"""

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
from subscribers.models import JOINED, LetterState, Standing
from subscribers.store import NewsletterStanding, Reader
from subscribers.suppression import REJOINABLE
from subscribers.tokens import LinkTarget, address_mark
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Choice, Field, Form, Page

WEEKS = (2, 4, 8, 26)
LONGEST = timedelta(days=366)
_SAME = "same"  # the value that keeps the present pause


async def show_pause(visit: EndpointRequest, *, fault: str = "") -> Response:
    """Show the form to pause the newsletter, or to end or keep a pause."""
    who, words = await who_of(visit), visit.words
    row = await joined(visit, who)
    if row is None:
        return await overview(visit, who)
    options = [(str(weeks), words.weeks.format(weeks=weeks)) for weeks in WEEKS]
    until = row.paused_until if row.standing is Standing.PAUSED else None
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
    """Pause the newsletter until a date, or resume it, and show the overview."""
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
    """Return the end of a pause: *now* for no pause, ``None`` for values that aren't valid.

    A date in ``until`` wins over ``weeks``, since one of the radio buttons is always checked.
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


MOST_TOPICS = 28  # checkboxes; `request_body` refuses a form of more than 30 fields


async def show(visit: EndpointRequest) -> Response:
    """Show the overview; raises `BadToken` or `OldLink`."""
    return await overview(visit, await who_of(visit))


async def show_topics(
    visit: EndpointRequest, *, fault: str = "", ticked: Sequence[str] = ()
) -> Response:
    """Show the form to choose topics; no choice means every topic."""
    who = await who_of(visit)
    row = await joined(visit, who)
    offered = _topics(visit, row)
    if row is None or not offered:
        return await overview(visit, who)
    choice = Choice(
        name="topics",
        label=visit.words.topics_label,
        options=offered,
        chosen=ticked or row.topics or [],
        kind="checkbox",
    )
    words = visit.words
    return await asking(visit, "topics", words.topics, words.save, choices=[choice], fault=fault)


async def take_topics(visit: EndpointRequest) -> Response:
    """Store the chosen topics, and show the overview; all or none means every topic."""
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
    """Show the form to change the address."""
    who = await who_of(visit)
    if not await run_sync(_may_change_address, visit, who):
        return await overview(visit, who)
    return await _address_form(visit)


async def take_address(visit: EndpointRequest) -> Response:
    """Enqueue a letter to the new address; the answer doesn't show whether it is on the list."""
    who = await who_of(visit)
    if not await run_sync(_may_change_address, visit, who):
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
    """Return all data kept on a reader, as a JSON file (GDPR, Art. 15 and 20)."""
    who = await who_of(visit)

    def collect() -> dict[str, Any]:
        with visit.front.sessions.read() as session:
            kept = export.person(session, who.subscriber_id)
            return kept and {**kept, **visit.front.elsewhere(session, who.subscriber_id)}

    personal_data = await run_sync(collect)
    if not personal_data:
        return await overview(visit, who)
    text = json.dumps(personal_data, indent=2, ensure_ascii=False, default=_plain)
    return Response(
        text + "\n",
        headers={"Content-Disposition": 'attachment; filename="subscription.json"'},
        media_type="application/json; charset=utf-8",
    )


async def show_erase(visit: EndpointRequest) -> Response:
    """Show the button that erases a reader."""
    who = await who_of(visit)
    if not await run_sync(_find_standing, visit, who):
        return await overview(visit, who)
    words = visit.words
    return await asking(visit, "erase", words.erase, words.erase_button, quiet=True)


async def take_erase(visit: EndpointRequest) -> Response:
    """Erase a reader (GDPR, Art. 17); repeating it changes nothing."""
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
    """Return the reader and the newsletter that the link names.

    Raises `BadToken`, or `OldLink` once the reader's address has changed.
    """
    who, mark = visit.front.links.read_preferences(visit.token)
    reader = await run_sync(_reader, visit, who)
    if reader is not None and address_mark(reader.address) != mark:
        raise OldLink
    return who


def _reader(visit: EndpointRequest, who: LinkTarget) -> Reader | None:
    with visit.front.sessions.read() as session:
        return store.find_by_id(session, who.subscriber_id)


async def joined(visit: EndpointRequest, who: LinkTarget) -> NewsletterStanding | None:
    """Return the standing of a confirmed or paused reader; ``None`` for any other."""
    row = await run_sync(_find_standing, visit, who)
    return row if row and row.standing in JOINED else None


def _may_change_address(visit: EndpointRequest, who: LinkTarget) -> bool:
    """Tell whether a reader may change the address: joined, and not barred."""
    with visit.front.sessions.read() as session:
        row, reader = (
            store.standing_with(session, *who),
            store.find_by_id(session, who.subscriber_id),
        )
    return bool(
        row and row.standing in JOINED and reader and reader.suppressed not in address_change.BARRED
    )


def _find_standing(visit: EndpointRequest, who: LinkTarget) -> NewsletterStanding | None:
    with visit.front.sessions.read() as session:
        return store.standing_with(session, *who)


async def overview(visit: EndpointRequest, who: LinkTarget, *, saved: bool = False) -> Response:
    """Show a reader's standing, and links to what it allows; *saved* confirms a change."""
    row, reader = await run_sync(_find_standing, visit, who), await run_sync(_reader, visit, who)
    standing = visit.words.standing[_standing(row, reader, visit.front.clock())].format(
        newsletter=visit.newsletter(who.newsletter),
        until=long_date(row.paused_until, visit.language) if row and row.paused_until else "",
    )
    paragraphs = [visit.words.saved, standing] if saved else [standing]
    paragraphs += [*_chosen(visit, row), *_address_of(visit, reader)]
    return visit.show(
        Page(
            language=visit.language,
            title=visit.words.preferences.title,
            paragraphs=paragraphs,
            links=_links(visit, who, row, held=reader.suppressed if reader else None),
        )
    )


def _topics(visit: EndpointRequest, row: NewsletterStanding | None) -> list[tuple[str, str]]:
    """Return the topics to choose among: earlier choices no longer offered, then those offered."""
    if row is None:
        return []
    about = visit.front.about(row.newsletter)
    offered = dict(about.topics) if about else {}
    before = [(topic, topic) for topic in row.topics or () if topic not in offered]
    return [*before, *offered.items()][:MOST_TOPICS]


def _chosen(visit: EndpointRequest, row: NewsletterStanding | None) -> list[str]:
    """Return the paragraph that names the chosen topics; empty for every topic."""
    if row is None or row.standing not in JOINED or not row.topics:
        return []
    named = dict(_topics(visit, row))
    topics = ", ".join(named.get(topic, topic) for topic in row.topics)
    return [visit.words.topics_chosen.format(topics=topics)]


def _standing(row: NewsletterStanding | None, reader: Reader | None, now: datetime) -> str:
    if row is None or reader is None:
        return "gone"
    if reader.suppressed and row.standing in JOINED:
        return "suppressed"
    over = row.standing is Standing.PAUSED and row.paused_until and row.paused_until <= now
    return "confirmed" if over else row.standing.value


def _links(
    visit: EndpointRequest, who: LinkTarget, row: NewsletterStanding | None, *, held: str | None
) -> list[tuple[str, str]]:
    words = visit.words
    again = (words.to_sign_up, visit.sign_up_path(who.newsletter))
    if row is None:
        return [again]
    joined = row.standing in JOINED
    leave = visit.front.links.unsubscribe(who).removeprefix(visit.front.base_url)
    offered = [
        (joined and bool(_topics(visit, row)), words.topics.title, _own(visit, "/topics")),
        (joined, words.pause.title, _own(visit, "/pause")),
        (joined and held not in address_change.BARRED, words.move.title, _own(visit, "/address")),
        (not joined or held in REJOINABLE, *again),  # a confirmed sign-up lifts this suppression
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
    """Show the form of one action; *fault* says why it was refused, with status 422."""
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
    """Return the address shortened to a letter and its domain, since a mail may be forwarded."""
    if reader is None:
        return []
    local, _, domain = reader.address.rpartition("@")
    return [visit.words.own_address.format(address=f"{local[0]}…@{domain}")]


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
