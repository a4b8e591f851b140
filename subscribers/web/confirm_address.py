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

Own = tuple[LinkTarget, str] | None


async def show(visit: EndpointRequest) -> Response:
    """Show the button that changes the address, or why it can't be changed."""
    number, at = visit.front.links.read_change(visit.token)
    if visit.front.clock() - at > timedelta(hours=visit.front.link_hours):
        return visit.page(visit.words.moved[AddressChangeResult.GONE], status=410)
    hindrance, own = await run_sync(_preview, visit, number)
    if hindrance is not None:
        return _result_page(visit, hindrance, own)
    page = visit.say(visit.words.moving)
    hidden = (("lang", visit.language),)
    button = Form(action=f"/a/{visit.token}", button=visit.words.moving_button, hidden=hidden)
    return visit.show(replace(page, form=button))


def _preview(visit: EndpointRequest, number: int) -> tuple[AddressChangeResult | None, Own]:
    with visit.front.sessions.read() as session:
        return address_change.preview_change(session, number), address_change.whose(session, number)


async def act(visit: EndpointRequest) -> Response:
    """Change the reader's address to the one the link was sent to; repeating it changes nothing."""
    number, at = visit.front.links.read_change(visit.token)
    now = visit.front.clock()
    if now - at > timedelta(hours=visit.front.link_hours):
        return visit.page(visit.words.moved[AddressChangeResult.GONE], status=410)

    def confirm(session: Session) -> tuple[AddressChangeResult, Own]:
        hashes = visit.front.hashes
        moved = address_change.confirm_change(session, number, visit.evidence("page"), hashes, now)
        return moved, address_change.whose(session, number)

    moved, own = await visit.front.writer.alone(confirm)
    if moved is AddressChangeResult.DONE:
        visit.front.on_letter()
    return _result_page(visit, moved, own)


def _result_page(visit: EndpointRequest, moved: AddressChangeResult, own: Own) -> Response:
    """Show the result, with a link to the preferences: the links in old mails no longer work."""
    page = visit.say(visit.words.moved[moved])
    if own and moved in (AddressChangeResult.DONE, AddressChangeResult.ALREADY):
        path = visit.front.links.preferences(*own).removeprefix(visit.front.base_url)
        page = replace(page, links=[(visit.words.preferences.title, visit.onward(path))])
    return visit.show(
        page, status=410 if moved in (AddressChangeResult.GONE, AddressChangeResult.LEFT) else 200
    )
