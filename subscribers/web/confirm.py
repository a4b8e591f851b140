"""Answer a confirmation letter's link: GET shows a button, POST confirms.

This module hides what an old or repeated confirmation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import letter_queue, lifecycle, store
from subscribers.lifecycle import ConfirmResult
from subscribers.locale import N_
from subscribers.models import LetterKind
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
    ConfirmResult.LATE: PageText(
        title=N_("This link has expired"),
        body=(
            N_(
                "Confirmation links work for %(hours)s. Sign up again, and we’ll send you a new"
                " one."
            ),
        ),
    ),
}


async def show(request: EndpointRequest) -> Response:
    """Show the button that confirms; GET changes nothing, so that link scanners confirm nobody."""
    target = request.config.links.read_confirm(request.token)
    foreseen = await run_sync(_foresee, request, target)
    if foreseen is not ConfirmResult.DONE:
        return _result_page(request, target, foreseen)
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

    def confirm(session: Session) -> ConfirmResult:
        return confirm_and_welcome(session, request, target)

    result = await request.config.group_commit.alone(confirm)
    if result is ConfirmResult.DONE:
        request.config.on_letter()
    return _result_page(request, target, result)


def confirm_and_welcome(
    session: Session, request: EndpointRequest, target: DatedTarget
) -> ConfirmResult:
    """Confirm what a letter's link is good for, and enqueue the welcome letter.

    The caller commits, and calls the config's ``on_letter`` where it is `ConfirmResult.DONE`.
    """
    config, now = request.config, request.config.clock()
    if lifecycle.foresee(session, target, now, hours=config.link_hours) is ConfirmResult.LATE:
        return ConfirmResult.LATE
    result = lifecycle.confirm(session, target, request.evidence("page"), config.hashes, now)
    if result is ConfirmResult.DONE:
        subscriber_id, newsletter = target.subscriber_id, target.newsletter
        reader = store.find_by_id(session, subscriber_id)
        language = (reader and reader.language) or request.language
        letter_queue.enqueue(
            session, subscriber_id, newsletter, LetterKind.WELCOME, now, language=language
        )
    return result


def confirming_lasts(request: EndpointRequest) -> str:
    """Return for how long a link to confirm may be used, in words."""
    hours = request.config.link_hours
    return request.words.ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours}


def _result_page(request: EndpointRequest, target: DatedTarget, result: ConfirmResult) -> Response:
    name = request.newsletter_name(target.newsletter)
    page = request.make_page(CONFIRMED[result], newsletter=name, hours=confirming_lasts(request))
    info = request.config.newsletter(target.newsletter)
    links = []
    if result in (ConfirmResult.LEFT, ConfirmResult.GONE, ConfirmResult.LATE):
        links = request.sign_up_links(request.gettext("Sign up again"), target.newsletter)
    elif info and info.latest and result is not ConfirmResult.BARRED:
        links = [(request.gettext("Read the latest issue"), info.latest)]
    shown = replace(page, newsletter=target.newsletter, links=links)
    return request.show(shown, status=410 if result is ConfirmResult.LATE else 200)


def _foresee(request: EndpointRequest, target: DatedTarget) -> ConfirmResult:
    config = request.config
    with config.sessions.read() as session:
        return lifecycle.foresee(session, target, config.clock(), hours=config.link_hours)
