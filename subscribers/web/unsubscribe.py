"""Answer the unsubscribe link: a page with a button, RFC 8058's one click, and the undo.

Both ways are POST, and neither asks for a reason. This module hides how long the undo is offered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

from subscribers import lifecycle, store
from subscribers.errors import BadToken
from subscribers.lifecycle import ConfirmResult
from subscribers.locale import N_
from subscribers.models import JOINED, Standing
from subscribers.tokens import DatedTarget, LinkTarget
from subscribers.web.confirm import CONFIRMED
from subscribers.web.endpoint import BY_PAGE, EndpointRequest
from subscribers.web.page_model import Form, PageText

_LEAVE = PageText(
    title=N_("Unsubscribe from %(newsletter)s?"),
    body=(N_("Press the button, and you won’t get any more issues."),),
)
_LEFT = PageText(
    title=N_("You’ve unsubscribed"),
    body=(
        N_(
            "You won’t get any more issues of %(newsletter)s, except one that may already be on its"
            " way."
        ),
    ),
)
_BACK = PageText(
    title=N_("Welcome back"), body=(N_("You’ll keep getting %(newsletter)s as before."),)
)
_NOT_BACK = PageText(
    title=N_("It’s too late to undo that"),
    body=(N_("To get %(newsletter)s again, please sign up again."),),
)


async def show(request: EndpointRequest) -> Response:
    """Show the button that unsubscribes, or the result if the reader has left already."""
    target = request.config.links.read_unsubscribe(request.token)
    left = await run_sync(_when_left, request, target)
    if left is not None:
        return _left_page(request, target, left)
    page = request.make_page(_LEAVE, newsletter=request.newsletter_name(target.newsletter))
    return request.show(
        replace(
            page,
            newsletter=target.newsletter,
            form=Form(
                action=f"/u/{request.token}",
                button=request.gettext("Unsubscribe"),
                hidden=((BY_PAGE, "1"), ("lang", request.language)),
            ),
        )
    )


async def act(request: EndpointRequest) -> Response:
    """Unsubscribe before answering; return text to a mail program, and a page to a person."""
    target = request.config.links.read_unsubscribe(request.token)
    by_page = BY_PAGE in request.fields
    evidence = request.evidence("page" if by_page else "one-click")
    now = request.config.clock()

    def leave(session: Session) -> bool:
        return lifecycle.leave(session, target.subscriber_id, target.newsletter, evidence, now)

    await request.config.group_commit.alone(leave)
    if not by_page:
        return PlainTextResponse("unsubscribed\n")
    return _left_page(request, target, await run_sync(_when_left, request, target))


def _when_left(request: EndpointRequest, target: LinkTarget) -> datetime | None:
    """Return when a reader left; ``None`` if they haven't, or while the database is unreachable."""
    try:
        with request.config.sessions.read() as session:
            row = store.standing_with(session, *target)
    except SQLAlchemyError:
        return None
    return row.since if row and row.standing is Standing.UNSUBSCRIBED else None


def _left_page(request: EndpointRequest, target: LinkTarget, at: datetime | None) -> Response:
    """Show that the reader has left, with an undo button as long as the undo is allowed."""
    recent = at is not None and request.config.clock() - at <= request.config.undo
    undo_form = _undo_form(request, DatedTarget(*target, at)) if at and recent else None
    page = request.make_page(_LEFT, newsletter=request.newsletter_name(target.newsletter))
    return request.show(
        replace(
            page,
            form=undo_form,
            newsletter=target.newsletter,
            links=request.sign_up_links(
                request.gettext("Go to the sign-up page"), target.newsletter
            ),
        )
    )


async def undo(request: EndpointRequest) -> Response:
    """Undo a recent unsubscription; raises `BadToken` where the two tokens differ in reader."""
    target = request.config.links.read_unsubscribe(request.token)
    left = request.config.links.read_returning(request.fields.get("undo", ""))
    if left[:2] != target:
        raise BadToken
    now = request.config.clock()

    def come_back(session: Session) -> PageText:
        hashes = request.config.hashes
        if lifecycle.come_back(session, left, request.evidence("page"), hashes, now):
            return _BACK
        if lifecycle.is_barred(session, target.subscriber_id, hashes):
            return CONFIRMED[ConfirmResult.BARRED]
        row = store.standing_with(session, *target)  # the button may have been pressed twice
        return _BACK if row and row.standing in JOINED else _NOT_BACK

    fresh = now - left.at <= request.config.undo
    text = await request.config.group_commit.alone(come_back) if fresh else _NOT_BACK
    back = text is not _NOT_BACK
    page = request.make_page(text, newsletter=request.newsletter_name(target.newsletter))
    links = request.sign_up_links(request.gettext("Go to the sign-up page"), target.newsletter)
    return request.show(
        replace(
            page,
            newsletter=target.newsletter,
            links=() if back else links,
        )
    )


def _undo_form(request: EndpointRequest, left: DatedTarget) -> Form:
    return Form(
        action=f"/u/{request.token}/undo",
        button=request.gettext("Undo: keep me subscribed"),
        hidden=(("undo", request.config.links.returning(left)), ("lang", request.language)),
        quiet=True,
    )
