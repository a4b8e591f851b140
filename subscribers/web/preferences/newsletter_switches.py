"""Decide which newsletters a reader can switch off, or on again, on their own page.

A switch stands for each newsletter that the reader gets, and for a while for each they have left;
any other is joined by its sign-up form, whose letter is the proof of consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from subscribers import lifecycle, store
from subscribers.locale import N_
from subscribers.models import JOINED, Standing
from subscribers.store import NewsletterStanding, Reader
from subscribers.tokens import DatedTarget, LinkTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Choice, Form

MOST_SWITCHES = 26  # `request_body` refuses a form of more than 30 fields
KEEP, SHOWN = "keep", "shown"
LEAVE_ALL = N_("Unsubscribe from all of them")


class NewsletterSwitch(NamedTuple):
    """A newsletter, and whether the reader gets it."""

    newsletter: str
    on: bool


def switches_of(
    request: EndpointRequest, rows: Sequence[NewsletterStanding]
) -> list[NewsletterSwitch]:
    """Return a reader's switches, the oldest subscription first; none for one newsletter alone."""
    now = request.config.clock()
    switches = [
        NewsletterSwitch(row.newsletter, row.standing in JOINED)
        for row in rows
        if row.standing in JOINED or _left_lately(request, row, now)
    ]
    return switches[:MOST_SWITCHES] if len(switches) > 1 else []


def form(request: EndpointRequest, switches: Sequence[NewsletterSwitch]) -> Form | None:
    """Return the form with the switches; ``None`` without any."""
    if not switches:
        return None
    shown = [switch.newsletter for switch in switches]
    choice = Choice(
        name=KEEP,
        label=request.gettext("Your newsletters. Untick any that you no longer want."),
        options=[(slug, _described(request, slug)) for slug in shown],
        chosen=[switch.newsletter for switch in switches if switch.on],
        kind="checkbox",
    )
    return Form(
        action=f"/p/{request.token}/newsletters",
        button=request.gettext("Save"),
        # What the reader saw: a newsletter joined since then isn't left for want of a tick.
        hidden=(("lang", request.language), (SHOWN, ",".join(shown))),
        choices=[choice],
    )


def links(
    request: EndpointRequest, switches: Sequence[NewsletterSwitch], reader: Reader | None
) -> list[tuple[str, str]]:
    """Return the links to the pages of the reader's other newsletters, and to leaving all."""
    if reader is None or not any(switch.on for switch in switches):
        return []
    here = request.config.links.read_preferences(request.token)[0].newsletter
    base = request.config.base_url
    others = [
        (
            request.gettext(
                "Topics, breaks and more for %(newsletter)s",
                newsletter=request.newsletter_name(slug),
            ),
            request.onward(
                request.config.links.preferences(
                    LinkTarget(reader.id, slug), reader.address
                ).removeprefix(base)
            ),
        )
        for slug, on in switches
        if on and slug != here
    ]
    leave = (request.gettext(LEAVE_ALL), request.onward(f"/p/{request.token}/leave-all"))
    return [*others, leave]


def apply(session: Session, request: EndpointRequest, subscriber_id: int, now: datetime) -> bool:
    """Leave what was shown and isn't ticked, return to what is; return whether that changed any."""
    shown = request.fields.get(SHOWN, "").split(",")
    kept = request.lists.get(KEEP, [])
    changed = False
    for row in store.all_standings(session, subscriber_id):
        if row.newsletter not in shown:
            continue
        if row.newsletter not in kept:
            changed |= _leave(session, request, row, now)
        elif _left_lately(request, row, now):
            left = DatedTarget(subscriber_id, row.newsletter, row.since)
            evidence, hashes = request.evidence("page"), request.config.hashes
            changed |= lifecycle.come_back(session, left, evidence, hashes, now)
    return changed


def leave_all(
    session: Session, request: EndpointRequest, subscriber_id: int, now: datetime
) -> bool:
    """Leave every newsletter, those not yet confirmed too; return whether that changed any."""
    rows = store.all_standings(session, subscriber_id)
    return bool([row for row in rows if _leave(session, request, row, now)])


def _leave(
    session: Session, request: EndpointRequest, row: NewsletterStanding, now: datetime
) -> bool:
    evidence = request.evidence("page")
    return lifecycle.leave(session, row.subscriber_id, row.newsletter, evidence, now)


def _left_lately(request: EndpointRequest, row: NewsletterStanding, now: datetime) -> bool:
    return row.standing is Standing.UNSUBSCRIBED and now - row.since <= request.config.undo


def _described(request: EndpointRequest, slug: str) -> str:
    """Return a newsletter's name, and how often it comes."""
    info = request.config.newsletter(slug)
    comes = info.comes.get(request.language, "") if info else ""
    return f"{request.newsletter_name(slug)}, {comes}" if comes else request.newsletter_name(slug)
