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
from subscribers.locale import N_
from subscribers.tokens import LetterCause
from subscribers.web.endpoint import BY_PAGE, EndpointRequest
from subscribers.web.page_model import Form, PageText

_DECLINE = PageText(
    title=N_("Didn’t ask for this?"),
    body=(
        N_(
            "Someone entered your address in one of our forms, perhaps by mistake. Press the"
            " button, and our forms won’t email this mailbox for a year, however the address is"
            " spelled."
        ),
        N_(
            "We’ll delete what was requested in your name. All we keep is a hash of the address, so"
            " that we recognise it."
        ),
    ),
)
_DECLINED = PageText(
    title=N_("You won’t get any more of these emails"),
    body=(
        N_(
            "What was requested in your name has been deleted, and our forms won’t email this"
            " mailbox for a year."
        ),
    ),
)
_ALLOWED = PageText(
    title=N_("You can sign up again"),
    body=(
        N_(
            "To get a newsletter at this address, sign up again. We’ll email you a link to confirm."
        ),
    ),
)


async def show(request: EndpointRequest) -> Response:
    """Show the button that declines, or the result if the mailbox has declined already."""
    unasked = request.config.links.read_decline(request.token)
    if await run_sync(_declined_at, request, unasked):
        return _declined(request)
    hidden = ((BY_PAGE, "1"), ("lang", request.language))
    form = Form(
        action=f"/n/{request.token}", button=request.gettext("This wasn’t me"), hidden=hidden
    )
    return request.show(replace(request.make_page(_DECLINE), form=form))


async def act(request: EndpointRequest) -> Response:
    """Record the refusal of letters before answering; return text to a mail program."""
    unasked = request.config.links.read_decline(request.token)
    by_page = BY_PAGE in request.fields
    evidence = request.evidence("page" if by_page else "one-click")
    now = request.config.clock()

    def decline(session: Session) -> None:
        elsewhere = request.config.erase_elsewhere
        lifecycle.decline(session, unasked, evidence, now, elsewhere=elsewhere)

    await request.config.group_commit.alone(decline)
    await run_sync(request.config.on_erased)
    return _declined(request) if by_page else PlainTextResponse("unsubscribed\n")


async def undo(request: EndpointRequest) -> Response:
    """Take back the refusal of letters."""
    unasked = request.config.links.read_decline(request.token)

    def allow(session: Session) -> None:
        suppression.allow_mailbox(session, unasked.mailbox)

    await request.config.group_commit.alone(allow)
    links = request.sign_up_links(request.gettext("Go to the sign-up page"), unasked.newsletter)
    return request.show(replace(request.make_page(_ALLOWED), links=links))


def _declined_at(request: EndpointRequest, unasked: LetterCause) -> datetime | None:
    with request.config.sessions.read() as session:
        return suppression.mailbox_declined_at(session, unasked.mailbox, request.config.clock())


def _declined(request: EndpointRequest) -> Response:
    undo_form = Form(
        action=f"/n/{request.token}/undo",
        button=request.gettext("Undo: allow sign-ups again"),
        hidden=(("lang", request.language),),
        quiet=True,
    )
    return request.show(replace(request.make_page(_DECLINED), form=undo_form))
