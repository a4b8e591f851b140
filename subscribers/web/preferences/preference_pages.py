"""Answer a reader's preference pages: newsletters, topics, pause, address, data, erasure.

This module hides which values each form takes, and what is written for them.
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
from subscribers.errors import BadAddress
from subscribers.locale import long_date
from subscribers.models import JOINED, LetterState, Standing
from subscribers.tokens import LinkTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Choice, Field
from subscribers.web.preferences import newsletter_switches
from subscribers.web.preferences.overview_page import (
    action_form,
    find_standing,
    joined,
    overview,
    target_of,
    topics_of,
)

WEEKS = (2, 4, 8, 26)
LONGEST = timedelta(days=366)
_SAME = "same"  # the value that keeps the present pause


async def show_pause(request: EndpointRequest, *, fault: str = "") -> Response:
    """Show the form to pause the newsletter, or to end or keep a pause."""
    target, words = await target_of(request), request.words
    row = await joined(request, target)
    if row is None:
        return await overview(request, target)
    options = [(str(weeks), words.weeks.format(weeks=weeks)) for weeks in WEEKS]
    until = row.paused_until if row.standing is Standing.PAUSED else None
    if until:
        options.append(("0", words.resume))
    if until and until > request.config.clock():
        still = words.pause_same.format(until=long_date(until, request.language))
        options.insert(0, (_SAME, still))
    choice = Choice(name="weeks", label=words.pause_label, options=options, chosen=[options[0][0]])
    day = Field(name="until", label=words.pause_until, kind="date")
    return await action_form(
        request,
        "pause",
        words.pause,
        words.save,
        fields=(day,),
        choices=[choice],
        fault=fault,
    )


async def take_pause(request: EndpointRequest) -> Response:
    """Pause the newsletter until a date, or resume it, and show the overview."""
    target = await target_of(request)
    now = request.config.clock()
    if request.fields.get("weeks") == _SAME and not request.fields.get("until"):
        return await overview(request, target)
    until = _until(request.fields, now)
    if until is None:
        return await show_pause(request, fault=request.words.pause_fault)

    def keep(session: Session) -> bool:
        if until == now:
            return lifecycle.resume(session, target.subscriber_id, target.newsletter, now)
        return lifecycle.pause(session, target.subscriber_id, target.newsletter, until, now)

    return await overview(request, target, saved=await request.config.group_commit.alone(keep))


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
    choices = {str(number): number for number in (0, *WEEKS)}
    return now + timedelta(weeks=choices[weeks]) if weeks in choices else None


async def show(request: EndpointRequest) -> Response:
    """Show the overview; raises `BadToken` or `OldLink`."""
    return await overview(request, await target_of(request))


async def take_newsletters(request: EndpointRequest) -> Response:
    """Leave each newsletter that isn't ticked any more, and show the overview."""
    target, now = await target_of(request), request.config.clock()

    def keep(session: Session) -> bool:
        return newsletter_switches.apply(session, request, target.subscriber_id, now)

    return await overview(request, target, saved=await request.config.group_commit.alone(keep))


async def show_leave_all(request: EndpointRequest) -> Response:
    """Show the button that leaves every newsletter."""
    await target_of(request)
    words = request.words
    return await action_form(request, "leave-all", words.leave_all, words.leave_all_button)


async def take_leave_all(request: EndpointRequest) -> Response:
    """Leave every newsletter; repeating it changes nothing."""
    target, now = await target_of(request), request.config.clock()

    def leave(session: Session) -> bool:
        return newsletter_switches.leave_all(session, request, target.subscriber_id, now)

    return await overview(request, target, saved=await request.config.group_commit.alone(leave))


async def show_topics(
    request: EndpointRequest, *, fault: str = "", ticked: Sequence[str] = ()
) -> Response:
    """Show the form to choose topics; no choice means every topic."""
    target = await target_of(request)
    row = await joined(request, target)
    offered = topics_of(request, row)
    if row is None or not offered:
        return await overview(request, target)
    choice = Choice(
        name="topics",
        label=request.words.topics_label,
        options=offered,
        chosen=ticked or row.topics or [],
        kind="checkbox",
    )
    words = request.words
    return await action_form(
        request, "topics", words.topics, words.save, choices=[choice], fault=fault
    )


async def take_topics(request: EndpointRequest) -> Response:
    """Store the chosen topics, and show the overview; all or none means every topic."""
    target = await target_of(request)
    offered = [value for value, _ in topics_of(request, await joined(request, target))]
    if not offered:
        return await overview(request, target)
    checked = request.lists.get("topics", [])
    if not set(checked) <= set(offered):
        return await show_topics(request, fault=request.words.topics_changed, ticked=checked)
    chosen = [value for value in offered if value in checked]
    topics = chosen if 0 < len(chosen) < len(offered) else None

    def keep(session: Session) -> bool:
        return store.set_topics(
            session, target.subscriber_id, target.newsletter, topics, among=JOINED
        )

    return await overview(request, target, saved=await request.config.group_commit.alone(keep))


async def show_address(request: EndpointRequest) -> Response:
    """Show the form to change the address."""
    target = await target_of(request)
    if not await run_sync(_may_change_address, request, target):
        return await overview(request, target)
    return await _address_form(request)


async def take_address(request: EndpointRequest) -> Response:
    """Enqueue a letter to the new address; the answer doesn't show whether it is on the list."""
    target = await target_of(request)
    if not await run_sync(_may_change_address, request, target):
        return await overview(request, target)
    try:
        address = parse(request.fields.get("email", ""))
    except BadAddress as fault:
        return await _address_form(request, fault=request.words.faults[fault.fault])
    if address.domain in request.config.disposable:
        return await _address_form(request, fault=request.words.disposable)

    def request_change(session: Session) -> LetterState | None:
        config = request.config
        limit = config.limits.address
        return address_change.request_change(
            session, *target, address, config.hashes, config.clock(), limit
        )

    state = await request.config.group_commit.alone(request_change)
    if state is None:
        return await _address_form(request, fault=request.words.move_many)
    if state is LetterState.WAITING:
        request.config.on_letter()
    return request.page(request.words.move_asked)


async def data(request: EndpointRequest) -> Response:
    """Return all data kept on a reader, as a JSON file (GDPR, Art. 15 and 20)."""
    target = await target_of(request)

    def collect() -> dict[str, Any]:
        with request.config.sessions.read() as session:
            kept = export.person(session, target.subscriber_id)
            return kept and {**kept, **request.config.elsewhere(session, target.subscriber_id)}

    personal_data = await run_sync(collect)
    if not personal_data:
        return await overview(request, target)
    text = json.dumps(personal_data, indent=2, ensure_ascii=False, default=_plain)
    return Response(
        text + "\n",
        headers={"Content-Disposition": 'attachment; filename="subscription.json"'},
        media_type="application/json; charset=utf-8",
    )


async def show_erase(request: EndpointRequest) -> Response:
    """Show the button that erases a reader."""
    target = await target_of(request)
    if not await run_sync(find_standing, request, target):
        return await overview(request, target)
    words = request.words
    return await action_form(request, "erase", words.erase, words.erase_button, quiet=True)


async def take_erase(request: EndpointRequest) -> Response:
    """Erase a reader (GDPR, Art. 17); repeating it changes nothing."""
    target = await target_of(request)
    now = request.config.clock()

    def erase(session: Session) -> bool:
        evidence, hashes = request.evidence("page"), request.config.hashes
        elsewhere = request.config.erase_elsewhere
        return lifecycle.erase(
            session, target.subscriber_id, evidence, hashes, now, elsewhere=elsewhere
        )

    if await request.config.group_commit.alone(erase):
        await run_sync(request.config.on_erased)
    return request.page(request.words.erased)


def _may_change_address(request: EndpointRequest, target: LinkTarget) -> bool:
    """Return whether a reader may change the address: joined, and not barred."""
    with request.config.sessions.read() as session:
        row, reader = (
            store.standing_with(session, *target),
            store.find_by_id(session, target.subscriber_id),
        )
    return bool(
        row and row.standing in JOINED and reader and reader.suppressed not in address_change.BARRED
    )


async def _address_form(request: EndpointRequest, *, fault: str = "") -> Response:
    words = request.words
    value = request.fields.get("email", "")[:254]
    field = Field(name="email", label=words.move_label, kind="email", value=value)
    return await action_form(
        request, "address", words.move, words.move_button, fields=(field,), fault=fault
    )


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
