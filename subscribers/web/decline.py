"""Answer the link "This wasn't me" in a letter: GET shows a button, POST ends such letters.

The button can be undone; RFC 8058's one click posts here as well.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import PlainTextResponse, Response

from subscribers import lifecycle, suppression
from subscribers.tokens import LetterCause
from subscribers.web.endpoint import BY_PAGE, EndpointRequest
from subscribers.web.page_model import Form


async def show(request: EndpointRequest) -> Response:
    """Show the button that declines, or the result if the mailbox has declined already."""
    unasked = request.config.links.read_decline(request.token)
    if await run_sync(_declined_at, request, unasked):
        return _declined(request)
    hidden = ((BY_PAGE, "1"), ("lang", request.language))
    form = Form(action=f"/n/{request.token}", button=request.words.decline_button, hidden=hidden)
    return request.show(replace(request.make_page(request.words.decline), form=form))


async def act(request: EndpointRequest) -> Response:
    """Record the refusal of letters before answering; return text to a mail program."""
    unasked = request.config.links.read_decline(request.token)
    by_page = BY_PAGE in request.fields
    evidence = request.evidence("page" if by_page else "one-click")
    now = request.config.clock()

    def decline(session: Session) -> None:
        lifecycle.decline(session, unasked, evidence, now)

    await request.config.group_commit.alone(decline)
    await run_sync(request.config.on_erased)
    return _declined(request) if by_page else PlainTextResponse("unsubscribed\n")


async def undo(request: EndpointRequest) -> Response:
    """Take back the refusal of letters."""
    unasked = request.config.links.read_decline(request.token)

    def allow(session: Session) -> None:
        suppression.allow_mailbox(session, unasked.mailbox)

    await request.config.group_commit.alone(allow)
    links = request.sign_up_links(request.words.to_sign_up, unasked.newsletter)
    return request.show(replace(request.make_page(request.words.undeclined), links=links))


def _declined_at(request: EndpointRequest, unasked: LetterCause) -> datetime | None:
    with request.config.sessions.read() as session:
        return suppression.mailbox_declined_at(session, unasked.mailbox, request.config.clock())


def _declined(request: EndpointRequest) -> Response:
    undo_form = Form(
        action=f"/n/{request.token}/undo",
        button=request.words.undecline_button,
        hidden=(("lang", request.language),),
        quiet=True,
    )
    return request.show(replace(request.make_page(request.words.declined), form=undo_form))
