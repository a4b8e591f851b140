"""The page behind the letter to a new address: GET shows a button, POST moves the reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import moving
from subscribers.links import Who
from subscribers.moving import Moved
from subscribers.web.pages import Form
from subscribers.web.place import Visit

Own = tuple[Who, str] | None


async def show(visit: Visit) -> Response:
    """Ask for one press of a button; changes nothing."""
    number, at = visit.front.links.read_change(visit.token)
    if visit.front.clock() - at > timedelta(hours=visit.front.link_hours):
        return visit.page(visit.words.moved[Moved.GONE], status=410)
    hindrance, own = await run_sync(_look, visit, number)
    if hindrance is not None:
        return _told(visit, hindrance, own)
    page = visit.say(visit.words.moving)
    hidden = (("lang", visit.language),)
    button = Form(action=f"/a/{visit.token}", button=visit.words.moving_button, hidden=hidden)
    return visit.show(replace(page, form=button))


def _look(visit: Visit, number: int) -> tuple[Moved | None, Own]:
    with visit.front.sessions.read() as session:
        return moving.look(session, number), moving.whose(session, number)


async def act(visit: Visit) -> Response:
    """Move the reader to the address the link was sent to; twice is fine."""
    number, at = visit.front.links.read_change(visit.token)
    now = visit.front.clock()
    if now - at > timedelta(hours=visit.front.link_hours):
        return visit.page(visit.words.moved[Moved.GONE], status=410)

    def confirm(session: Session) -> tuple[Moved, Own]:
        hashes = visit.front.hashes
        moved = moving.confirm(session, number, visit.evidence("page"), hashes, now)
        return moved, moving.whose(session, number)

    moved, own = await visit.front.writer.alone(confirm)
    if moved is Moved.DONE:
        visit.front.on_letter()
    return _told(visit, moved, own)


def _told(visit: Visit, moved: Moved, own: Own) -> Response:
    """Say what came of it, with the way to the preferences: the links in old mails have ended."""
    page = visit.say(visit.words.moved[moved])
    if own and moved in (Moved.DONE, Moved.ALREADY):
        path = visit.front.links.preferences(*own).removeprefix(visit.front.base_url)
        page = replace(page, links=[(visit.words.preferences.title, visit.onward(path))])
    return visit.show(page, status=410 if moved in (Moved.GONE, Moved.LEFT) else 200)
