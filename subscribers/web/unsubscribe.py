"""Answer the unsubscribe link: a page with a button, RFC 8058's one click, and the undo.

Both ways are POST, and neither asks for a reason. This module hides how long the undo is offered.
"""

from __future__ import annotations

from datetime import datetime

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

from subscribers import lifecycle, store
from subscribers.errors import BadToken
from subscribers.lifecycle import ConfirmResult
from subscribers.models import JOINED, Standing
from subscribers.tokens import DatedTarget, LinkTarget
from subscribers.web.endpoint import BY_PAGE, EndpointRequest
from subscribers.web.locale import PageText
from subscribers.web.page_model import Form, Page


async def show(visit: EndpointRequest) -> Response:
    """Show the button that unsubscribes, or the result if the reader has left already."""
    target = visit.front.links.read_unsubscribe(visit.token)
    left = await run_sync(_when_left, visit, target)
    if left is not None:
        return _left_page(visit, target, left)
    page = visit.say(visit.words.leave, newsletter=visit.newsletter(target.newsletter))
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
    """Unsubscribe before answering; return text to a mail program, and a page to a person."""
    target = visit.front.links.read_unsubscribe(visit.token)
    by_page = BY_PAGE in visit.fields
    evidence = visit.evidence("page" if by_page else "one-click")
    now = visit.front.clock()

    def leave(session: Session) -> bool:
        return lifecycle.leave(session, target.subscriber_id, target.newsletter, evidence, now)

    await visit.front.writer.alone(leave)
    if not by_page:
        return PlainTextResponse("unsubscribed\n")
    return _left_page(visit, target, await run_sync(_when_left, visit, target))


def _when_left(visit: EndpointRequest, target: LinkTarget) -> datetime | None:
    """Return when a reader left; ``None`` if they haven't, or while the database is unreachable."""
    try:
        with visit.front.sessions.read() as session:
            row = store.standing_with(session, *target)
    except SQLAlchemyError:
        return None
    return row.since if row and row.standing is Standing.UNSUBSCRIBED else None


def _left_page(visit: EndpointRequest, target: LinkTarget, at: datetime | None) -> Response:
    """Show that the reader has left, with an undo button as long as the undo is allowed."""
    recent = at is not None and visit.front.clock() - at <= visit.front.undo
    undo_form = _undo_form(visit, DatedTarget(*target, at)) if at and recent else None
    page = visit.say(visit.words.left, newsletter=visit.newsletter(target.newsletter))
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            form=undo_form,
            links=[(visit.words.to_sign_up, visit.sign_up_path(target.newsletter))],
        )
    )


async def undo(visit: EndpointRequest) -> Response:
    """Undo a recent unsubscription; raises `BadToken` where the two tokens differ in reader."""
    target = visit.front.links.read_unsubscribe(visit.token)
    left = visit.front.links.read_returning(visit.fields.get("undo", ""))
    if left[:2] != target:
        raise BadToken
    now = visit.front.clock()

    def come_back(session: Session) -> PageText:
        hashes = visit.front.hashes
        if lifecycle.come_back(session, left, visit.evidence("page"), hashes, now):
            return visit.words.back
        if lifecycle.is_barred(session, target.subscriber_id, hashes):
            return visit.words.confirmed[ConfirmResult.BARRED]
        row = store.standing_with(session, *target)  # the button may have been pressed twice
        return visit.words.back if row and row.standing in JOINED else visit.words.not_back

    fresh = now - left.at <= visit.front.undo
    text = await visit.front.writer.alone(come_back) if fresh else visit.words.not_back
    back = text is not visit.words.not_back
    page = visit.say(text, newsletter=visit.newsletter(target.newsletter))
    links = [(visit.words.to_sign_up, visit.sign_up_path(target.newsletter))]
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            links=() if back else links,
        )
    )


def _undo_form(visit: EndpointRequest, left: DatedTarget) -> Form:
    return Form(
        action=f"/u/{visit.token}/undo",
        button=visit.words.stay_button,
        hidden=(("undo", visit.front.links.returning(left)), ("lang", visit.language)),
        quiet=True,
    )
