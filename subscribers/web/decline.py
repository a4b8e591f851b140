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


async def show(visit: EndpointRequest) -> Response:
    """Show the button that declines, or the result if the mailbox has declined already."""
    unasked = visit.front.links.read_decline(visit.token)
    if await run_sync(_declined_at, visit, unasked):
        return _declined(visit)
    hidden = ((BY_PAGE, "1"), ("lang", visit.language))
    form = Form(action=f"/n/{visit.token}", button=visit.words.decline_button, hidden=hidden)
    return visit.show(replace(visit.say(visit.words.decline), form=form))


async def act(visit: EndpointRequest) -> Response:
    """Record the refusal of letters before answering; return text to a mail program."""
    unasked = visit.front.links.read_decline(visit.token)
    by_page = BY_PAGE in visit.fields
    evidence = visit.evidence("page" if by_page else "one-click")
    now = visit.front.clock()

    def decline(session: Session) -> None:
        lifecycle.decline(session, unasked, evidence, now)

    await visit.front.writer.alone(decline)
    await run_sync(visit.front.on_erased)
    return _declined(visit) if by_page else PlainTextResponse("unsubscribed\n")


async def undo(visit: EndpointRequest) -> Response:
    """Take back the refusal of letters."""
    unasked = visit.front.links.read_decline(visit.token)

    def allow(session: Session) -> None:
        suppression.allow_mailbox(session, unasked.mailbox)

    await visit.front.writer.alone(allow)
    links = [(visit.words.to_sign_up, visit.sign_up_path(unasked.newsletter))]
    return visit.show(replace(visit.say(visit.words.undeclined), links=links))


def _declined_at(visit: EndpointRequest, unasked: LetterCause) -> datetime | None:
    with visit.front.sessions.read() as session:
        return suppression.mailbox_declined_at(session, unasked.mailbox, visit.front.clock())


def _declined(visit: EndpointRequest) -> Response:
    undo_form = Form(
        action=f"/n/{visit.token}/undo",
        button=visit.words.undecline_button,
        hidden=(("lang", visit.language),),
        quiet=True,
    )
    return visit.show(replace(visit.say(visit.words.declined), form=undo_form))
