"""Answer a reader's preference pages: newsletters, topics, pause, address, data, erasure.

This module hides which values each form takes, and what is written for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import address_change, export, lifecycle, store
from subscribers.address import parse
from subscribers.errors import BadAddress
from subscribers.locale import N_, long_date
from subscribers.models import JOINED, LetterState, Standing
from subscribers.tokens import LinkTarget
from subscribers.web.address_faults import ADDRESS_FAULTS, DISPOSABLE
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Choice, Field, PageText
from subscribers.web.preferences import newsletter_switches, own_sections
from subscribers.web.preferences.overview_page import (
    ERASE,
    MOVE,
    PAUSE,
    TOPICS,
    action_form,
    find_standing,
    joined,
    overview,
    target_of,
    topics_of,
)
from subscribers.web.privacy import LEFT_VOTES

WEEKS = (2, 4, 8, 26)
LONGEST = timedelta(days=366)
_SAME = "same"  # the value that keeps the present pause
_PAUSE = PageText(
    title=PAUSE,
    body=(N_("You won’t get any issues during the break. Afterwards they start again."),),
)
_NO_BREAK = N_("Please choose how long, or a date within the next year.")
_LEAVE_ALL = PageText(
    title=N_("Unsubscribe from every newsletter?"),
    body=(N_("Press the button, and you won’t get any of our newsletters any more."),),
)
_TOPICS = PageText(
    title=TOPICS,
    body=(
        N_(
            "Every reader gets the same issue. You’ll get it when it covers at least one of the"
            " topics you tick, or something that has no topic."
        ),
        N_("Tick all of them or none to get every issue."),
    ),
)
_TOPICS_CHANGED = N_("The topics have changed in the meantime. Please check your choice.")
_MOVE = PageText(
    title=MOVE,
    body=(N_("We’ll email a link to your new address. Nothing changes until you confirm there."),),
)
_MOVE_ASKED = PageText(
    title=N_("Check your new inbox"),
    body=(
        N_(
            "If your subscription can move to that address, an email with a link is on its way"
            " there."
        ),
    ),
)
_MANY_MOVES = N_(
    "You’ve asked for several addresses in a short time. The link in the last email still works."
    " Please try again in an hour."
)
_ERASE = PageText(
    title=ERASE,
    body=(
        N_(
            "Press the button to delete your address and everything else we keep about you. Two"
            " things remain: a record that you agreed and left, under a number without your name;"
            " and a hash of your address, so that an imported list can’t add you"
            " again."
        ),
    ),
)
_ERASED = PageText(
    title=N_("Your data has been deleted"), body=(N_("You won’t get anything else from us."),)
)


def _for_weeks(request: EndpointRequest, weeks: int) -> str:
    return request.words.ngettext("%(num)s week", "%(num)s weeks", weeks) % {"num": weeks}


async def show_pause(request: EndpointRequest, *, fault: str = "") -> Response:
    """Show the form to pause the newsletter, or to end or keep a pause."""
    target = await target_of(request)
    row = await joined(request, target)
    if row is None:
        return await overview(request, target)
    options = [(str(weeks), _for_weeks(request, weeks)) for weeks in WEEKS]
    until = row.paused_until if row.standing is Standing.PAUSED else None
    if until:
        options.append(("0", request.gettext("End the break now")))
    if until and until > request.config.clock():
        day = long_date(until, request.language)
        still = request.gettext("Keep the current break, until %(until)s", until=day)
        options.insert(0, (_SAME, still))
    label = request.gettext("For how long?")
    choice = Choice(name="weeks", label=label, options=options, chosen=[options[0][0]])
    until_day = request.gettext("Or until a date you choose, instead of the above")
    return await action_form(
        request,
        "pause",
        _PAUSE,
        request.gettext("Save"),
        fields=(Field(name="until", label=until_day, kind="date"),),
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
        return await show_pause(request, fault=request.gettext(_NO_BREAK))

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


async def take_section(request: EndpointRequest) -> Response:
    """Switch a choice that the application offers on or off, and show the overview."""
    target = await target_of(request)
    saved = await joined(request, target) is not None and await own_sections.take(request, target)
    return await overview(request, target, saved=saved)


async def show_leave_all(request: EndpointRequest) -> Response:
    """Show the button that leaves every newsletter."""
    await target_of(request)
    button = request.gettext(newsletter_switches.LEAVE_ALL)
    return await action_form(request, "leave-all", _LEAVE_ALL, button)


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
        label=request.gettext("Send me issues about"),
        options=offered,
        chosen=ticked or row.topics or [],
        kind="checkbox",
    )
    save = request.gettext("Save")
    return await action_form(request, "topics", _TOPICS, save, choices=[choice], fault=fault)


async def take_topics(request: EndpointRequest) -> Response:
    """Store the chosen topics, and show the overview; all or none means every topic."""
    target = await target_of(request)
    offered = [value for value, _ in topics_of(request, await joined(request, target))]
    if not offered:
        return await overview(request, target)
    checked = request.lists.get("topics", [])
    if not set(checked) <= set(offered):
        return await show_topics(request, fault=request.gettext(_TOPICS_CHANGED), ticked=checked)
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
        return await _address_form(request, fault=request.gettext(ADDRESS_FAULTS[fault.fault]))
    if address.domain in request.config.disposable:
        return await _address_form(request, fault=request.gettext(DISPOSABLE))

    def request_change(session: Session) -> LetterState | None:
        config = request.config
        limit = config.limits.address
        return address_change.request_change(
            session, *target, address, config.hashes, config.clock(), limit
        )

    state = await request.config.group_commit.alone(request_change)
    if state is None:
        return await _address_form(request, fault=request.gettext(_MANY_MOVES))
    if state is LetterState.WAITING:
        request.config.on_letter()
    return request.page(_MOVE_ASKED)


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
    button, votes = request.gettext("Delete everything"), request.config.votes_of_erased
    text = replace(_ERASE, body=(*_ERASE.body, LEFT_VOTES[votes])) if votes else _ERASE
    return await action_form(request, "erase", text, button, quiet=True)


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
    return request.page(_ERASED)


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
    value = request.fields.get("email", "")[:254]
    label = request.gettext("New email address")
    field = Field(name="email", label=label, kind="email", value=value)
    button = request.gettext("Send the link")
    return await action_form(request, "address", _MOVE, button, fields=(field,), fault=fault)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
