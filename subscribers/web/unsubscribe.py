"""Leaving: a page with a button, and RFC 8058's one click; both by POST, neither asks why."""

from __future__ import annotations

from datetime import datetime

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

from subscribers import lifecycle, store
from subscribers.errors import BadToken
from subscribers.lifecycle import Confirmed
from subscribers.models import JOINED, Standing
from subscribers.tokens import DatedTarget, LinkTarget
from subscribers.web.endpoint import BY_PAGE, EndpointRequest
from subscribers.web.locale import PageText
from subscribers.web.page_model import Form, Page


async def show(visit: EndpointRequest) -> Response:
    """Ask for one press of a button, unless it was pressed before; changes nothing."""
    who = visit.front.links.read_unsubscribe(visit.token)
    left = await run_sync(_when_left, visit, who)
    if left is not None:
        return _left(visit, who, left)
    page = visit.say(visit.words.leave, newsletter=visit.newsletter(who.newsletter))
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            form=Form(
                action=f"/u/{visit.token}",
                button=visit.words.leave_button,
                hidden=((BY_PAGE, "1"), ("lang", visit.language)),
            ),
        )
    )


async def act(visit: EndpointRequest) -> Response:
    """Unsubscribe, durably, before the answer; a mail program gets no page, a person does."""
    who = visit.front.links.read_unsubscribe(visit.token)
    by_page = BY_PAGE in visit.fields
    evidence = visit.evidence("page" if by_page else "one-click")
    now = visit.front.clock()

    def leave(session: Session) -> bool:
        return lifecycle.leave(session, who.subscriber_id, who.newsletter, evidence, now)

    await visit.front.writer.alone(leave)
    if not by_page:
        return PlainTextResponse("unsubscribed\n")
    return _left(visit, who, await run_sync(_when_left, visit, who))


def _when_left(visit: EndpointRequest, who: LinkTarget) -> datetime | None:
    """Look, if the store can be reached: without it the page still shows its button."""
    try:
        with visit.front.sessions.read() as session:
            place = store.standing_with(session, *who)
    except SQLAlchemyError:
        return None
    return place.since if place and place.standing is Standing.UNSUBSCRIBED else None


def _left(visit: EndpointRequest, who: LinkTarget, at: datetime | None) -> Response:
    """Say that they have left; who has a moment ago may take it back, however often they ask."""
    recent = at is not None and visit.front.clock() - at <= visit.front.undo
    way_back = _undo(visit, DatedTarget(*who, at)) if at and recent else None
    page = visit.say(visit.words.left, newsletter=visit.newsletter(who.newsletter))
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            form=way_back,
            links=[(visit.words.to_sign_up, visit.sign_up_path(who.newsletter))],
        )
    )


async def undo(visit: EndpointRequest) -> Response:
    """Take back having left a moment ago."""
    who = visit.front.links.read_unsubscribe(visit.token)
    left = visit.front.links.read_returning(visit.fields.get("undo", ""))
    if left[:2] != who:
        raise BadToken
    now = visit.front.clock()

    def come_back(session: Session) -> PageText:
        hashes = visit.front.hashes
        if lifecycle.come_back(session, left, visit.evidence("page"), hashes, now):
            return visit.words.back
        if lifecycle.is_barred(session, who.subscriber_id, hashes):
            return visit.words.confirmed[Confirmed.BARRED]
        place = store.standing_with(session, *who)  # the button may have been pressed twice
        return visit.words.back if place and place.standing in JOINED else visit.words.not_back

    fresh = now - left.at <= visit.front.undo
    told = await visit.front.writer.alone(come_back) if fresh else visit.words.not_back
    back = told is not visit.words.not_back
    page = visit.say(told, newsletter=visit.newsletter(who.newsletter))
    links = [(visit.words.to_sign_up, visit.sign_up_path(who.newsletter))]
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            links=() if back else links,
        )
    )


def _undo(visit: EndpointRequest, left: DatedTarget) -> Form:
    return Form(
        action=f"/u/{visit.token}/undo",
        button=visit.words.stay_button,
        hidden=(("undo", visit.front.links.returning(left)), ("lang", visit.language)),
        quiet=True,
    )
