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
from subscribers.web.pages import Form, Page
from subscribers.web.place import Visit


async def show(visit: Visit) -> Response:
    """Ask for one press of a button; changes nothing."""
    number, at = visit.front.links.read_change(visit.token)
    if visit.front.clock() - at > timedelta(hours=visit.front.link_hours):
        return visit.page(visit.words.moved[Moved.GONE], status=410)
    if await run_sync(_is_done, visit, number):
        return visit.page(visit.words.moved[Moved.ALREADY])
    page = visit.say(visit.words.moving)
    button = Form(action=f"/a/{visit.token}", button=visit.words.moving_button)
    return visit.show(
        Page(language=page.language, title=page.title, paragraphs=page.paragraphs, form=button)
    )


def _is_done(visit: Visit, number: int) -> bool:
    with visit.front.sessions.read() as session:
        return moving.is_done(session, number)


async def act(visit: Visit) -> Response:
    """Move the reader to the address the link was sent to; twice is fine."""
    number, at = visit.front.links.read_change(visit.token)
    now = visit.front.clock()
    if now - at > timedelta(hours=visit.front.link_hours):
        return visit.page(visit.words.moved[Moved.GONE], status=410)

    def confirm(session: Session) -> tuple[Moved, tuple[Who, str] | None]:
        hashes = visit.front.hashes
        moved = moving.confirm(session, number, visit.evidence("page"), hashes, now)
        return moved, moving.whose(session, number) if moved is Moved.DONE else None

    moved, own = await visit.front.writer.alone(confirm)
    if own is None:
        return visit.page(visit.words.moved[moved], status=410 if moved is Moved.LEFT else 200)
    visit.front.on_letter()
    return _done(visit, *own)


def _done(visit: Visit, who: Who, address: str) -> Response:
    """Say that it is done, with the way to the preferences: the links in old mails have ended."""
    page = visit.say(visit.words.moved[Moved.DONE])
    path = visit.front.links.preferences(who, address).removeprefix(visit.front.base_url)
    return visit.show(replace(page, links=[(visit.words.preferences.title, path)]))
