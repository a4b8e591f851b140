"""Answer the link in the letter to a new address: GET shows a button, POST changes the address.

This module hides which page each result of an address change gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import address_change
from subscribers.address_change import AddressChangeResult
from subscribers.locale import N_
from subscribers.tokens import LinkTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Form, PageText

_MOVE = PageText(
    title=N_("Use this address from now on?"),
    body=(
        N_("Press the button, and we’ll send your emails to the address where you got this link."),
    ),
)
MOVED: Mapping[AddressChangeResult, PageText] = {
    AddressChangeResult.DONE: PageText(
        title=N_("Your address has been changed"),
        body=(N_("We’ll send your emails to this address from now on."),),
    ),
    AddressChangeResult.ALREADY: PageText(
        title=N_("Your address was already changed"),
        body=(N_("You’ve confirmed this address before, so nothing changes."),),
    ),
    AddressChangeResult.TAKEN: PageText(
        title=N_("This address is already subscribed"),
        body=(
            N_(
                "It has a subscription of its own. To end the other one, use the unsubscribe link"
                " in an email to the other address."
            ),
        ),
    ),
    AddressChangeResult.LEFT: PageText(
        title=N_("You’ve unsubscribed since then"),
        body=(N_("No emails would go to this address, so we haven’t changed anything."),),
    ),
    AddressChangeResult.BARRED: PageText(
        title=N_("We don’t send you email"),
        body=(
            N_(
                "Our emails were reported as spam, or we stopped them, so another address changes"
                " nothing. If you think this is a mistake, please write to us."
            ),
        ),
    ),
    AddressChangeResult.GONE: PageText(
        title=N_("This link has expired"),
        body=(
            N_(
                "It’s too old, or another request has replaced it. Use the preferences link in one"
                " of our emails to ask again."
            ),
        ),
    ),
}

OwnPage = tuple[LinkTarget, str] | None


async def show(request: EndpointRequest) -> Response:
    """Show the button that changes the address, or why it can't be changed."""
    number, at = request.config.links.read_change(request.token)
    if request.config.clock() - at > timedelta(hours=request.config.link_hours):
        return request.page(MOVED[AddressChangeResult.GONE], status=410)
    hindrance, own = await run_sync(_preview, request, number)
    if hindrance is not None:
        return _result_page(request, hindrance, own)
    page = request.make_page(_MOVE)
    hidden = (("lang", request.language),)
    button = Form(
        action=f"/a/{request.token}", button=request.gettext("Yes, use this address"), hidden=hidden
    )
    return request.show(replace(page, form=button))


def _preview(request: EndpointRequest, number: int) -> tuple[AddressChangeResult | None, OwnPage]:
    with request.config.sessions.read() as session:
        return address_change.preview_change(session, number), address_change.moved_reader(
            session, number
        )


async def act(request: EndpointRequest) -> Response:
    """Change the reader's address to the one the link was sent to; repeating it changes nothing."""
    number, at = request.config.links.read_change(request.token)
    now = request.config.clock()
    if now - at > timedelta(hours=request.config.link_hours):
        return request.page(MOVED[AddressChangeResult.GONE], status=410)

    def confirm(session: Session) -> tuple[AddressChangeResult, OwnPage]:
        hashes = request.config.hashes
        moved = address_change.confirm_change(
            session, number, request.evidence("page"), hashes, now
        )
        return moved, address_change.moved_reader(session, number)

    moved, own = await request.config.group_commit.alone(confirm)
    if moved is AddressChangeResult.DONE:
        request.config.on_letter()
    return _result_page(request, moved, own)


def _result_page(request: EndpointRequest, moved: AddressChangeResult, own: OwnPage) -> Response:
    """Show the result, with a link to the preferences: the links in old mails no longer work."""
    page = request.make_page(MOVED[moved])
    if own and moved in (AddressChangeResult.DONE, AddressChangeResult.ALREADY):
        path = request.config.links.preferences(*own).removeprefix(request.config.base_url)
        page = replace(page, links=[(request.gettext("Your preferences"), request.onward(path))])
    return request.show(
        page, status=410 if moved in (AddressChangeResult.GONE, AddressChangeResult.LEFT) else 200
    )
