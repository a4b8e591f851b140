"""Answer the link in the letter to a new address: GET shows a button, POST changes the address.

This module hides which page each result of an address change gets.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import address_change
from subscribers.address_change import AddressChangeResult
from subscribers.tokens import LinkTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Form

OwnPage = tuple[LinkTarget, str] | None


async def show(request: EndpointRequest) -> Response:
    """Show the button that changes the address, or why it can't be changed."""
    number, at = request.config.links.read_change(request.token)
    if request.config.clock() - at > timedelta(hours=request.config.link_hours):
        return request.page(request.words.moved[AddressChangeResult.GONE], status=410)
    hindrance, own = await run_sync(_preview, request, number)
    if hindrance is not None:
        return _result_page(request, hindrance, own)
    page = request.make_page(request.words.moving)
    hidden = (("lang", request.language),)
    button = Form(action=f"/a/{request.token}", button=request.words.moving_button, hidden=hidden)
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
        return request.page(request.words.moved[AddressChangeResult.GONE], status=410)

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
    page = request.make_page(request.words.moved[moved])
    if own and moved in (AddressChangeResult.DONE, AddressChangeResult.ALREADY):
        path = request.config.links.preferences(*own).removeprefix(request.config.base_url)
        page = replace(page, links=[(request.words.preferences.title, request.onward(path))])
    return request.show(
        page, status=410 if moved in (AddressChangeResult.GONE, AddressChangeResult.LEFT) else 200
    )
