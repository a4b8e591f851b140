"""Answer a confirmation letter's link: GET shows a button, POST confirms.

This module hides what an old or repeated confirmation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import letter_queue, lifecycle, store
from subscribers.lifecycle import ConfirmResult
from subscribers.locale import N_
from subscribers.models import JOINED, LetterKind, Standing
from subscribers.tokens import DatedTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Form, PageText

_CONFIRM = PageText(
    title=N_("Subscribe to %(newsletter)s?"),
    body=(N_("Press the button, and we’ll send it to the address where you got this link."),),
)
CONFIRMED: Mapping[ConfirmResult, PageText] = {
    ConfirmResult.DONE: PageText(
        title=N_("You’re subscribed"),
        body=(N_("You’ll get %(newsletter)s from now on. A welcome email is on its way."),),
    ),
    ConfirmResult.ALREADY: PageText(
        title=N_("You’re already subscribed"),
        body=(N_("You’ve already confirmed, so there’s nothing more to do."),),
    ),
    ConfirmResult.LEFT: PageText(
        title=N_("You’ve unsubscribed since then"),
        body=(N_("You unsubscribed after this link was sent, so it no longer works."),),
    ),
    ConfirmResult.GONE: PageText(
        title=N_("This sign-up no longer exists"),
        body=(
            N_(
                "It wasn’t confirmed in time, it became part of another one, or you asked us to"
                " delete your data."
            ),
        ),
    ),
    ConfirmResult.BARRED: PageText(
        title=N_("We don’t send email to this address"),
        body=(
            N_(
                "Emails to it bounced or were reported as spam, or we took it off our list. Nothing"
                " has changed. If you think this is a mistake, please write to us."
            ),
        ),
    ),
}
_LATE = PageText(
    title=N_("This link has expired"),
    body=(
        N_("Confirmation links work for %(hours)s. Sign up again, and we’ll send you a new one."),
    ),
)


async def show(request: EndpointRequest) -> Response:
    """Show the button that confirms; GET changes nothing, so that link scanners confirm nobody."""
    target = request.config.links.read_confirm(request.token)
    if _is_expired(request, target):
        return await _expired_page(request, target)
    row = await run_sync(_find_standing, request, target)
    if row is None:
        return _result_page(request, target, ConfirmResult.GONE)
    if row.standing in JOINED:
        return _result_page(request, target, ConfirmResult.ALREADY)
    if row.standing is Standing.UNSUBSCRIBED and target.at <= row.since:
        return _result_page(request, target, ConfirmResult.LEFT)
    page = request.make_page(_CONFIRM, newsletter=request.newsletter_name(target.newsletter))
    return request.show(
        replace(
            page,
            newsletter=target.newsletter,
            form=Form(
                action=f"/c/{request.token}",
                button=request.gettext("Yes, subscribe me"),
                hidden=(("lang", request.language),),
            ),
        )
    )


async def act(request: EndpointRequest) -> Response:
    """Confirm a subscription and enqueue the welcome letter; repeating it changes nothing."""
    target = request.config.links.read_confirm(request.token)
    if _is_expired(request, target):
        return await _expired_page(request, target)

    def confirm(session: Session) -> ConfirmResult:
        now = request.config.clock()
        result = lifecycle.confirm(
            session, target, request.evidence("page"), request.config.hashes, now
        )
        if result is ConfirmResult.DONE:
            subscriber_id, newsletter = target.subscriber_id, target.newsletter
            reader = store.find_by_id(session, subscriber_id)
            language = (reader and reader.language) or request.language
            letter_queue.enqueue(
                session, subscriber_id, newsletter, LetterKind.WELCOME, now, language=language
            )
        return result

    result = await request.config.group_commit.alone(confirm)
    if result is ConfirmResult.DONE:
        request.config.on_letter()
    return _result_page(request, target, result)


def _result_page(request: EndpointRequest, target: DatedTarget, result: ConfirmResult) -> Response:
    page = request.make_page(
        CONFIRMED[result], newsletter=request.newsletter_name(target.newsletter)
    )
    info = request.config.newsletter(target.newsletter)
    links = []
    if result in (ConfirmResult.LEFT, ConfirmResult.GONE):
        links = request.sign_up_links(request.gettext("Sign up again"), target.newsletter)
    elif info and info.latest and result is not ConfirmResult.BARRED:
        links = [(request.gettext("Read the latest issue"), info.latest)]
    return request.show(replace(page, newsletter=target.newsletter, links=links))


def _is_expired(request: EndpointRequest, target: DatedTarget) -> bool:
    return request.config.clock() - target.at > timedelta(hours=request.config.link_hours)


async def _expired_page(request: EndpointRequest, target: DatedTarget) -> Response:
    """Return 410 with a link to the sign-up, or the usual page for a confirmed reader."""
    row = await run_sync(_find_standing, request, target)
    if row and row.standing in JOINED:
        return _result_page(request, target, ConfirmResult.ALREADY)
    hours = request.config.link_hours
    lasting = request.words.ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}
    page = request.make_page(_LATE, hours=lasting)
    links = request.sign_up_links(request.gettext("Sign up again"), target.newsletter)
    late = replace(page, newsletter=target.newsletter, links=links)
    return request.show(late, status=410)


def _find_standing(
    request: EndpointRequest, target: DatedTarget
) -> store.NewsletterStanding | None:
    with request.config.sessions.read() as session:
        return store.standing_with(session, target.subscriber_id, target.newsletter)
