"""Answer a confirmation letter's link: GET shows a button, POST confirms.

This module hides what an old or repeated confirmation does.
"""

from __future__ import annotations

from datetime import timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import letter_queue, lifecycle, store
from subscribers.lifecycle import ConfirmResult
from subscribers.models import JOINED, LetterKind, Standing
from subscribers.tokens import DatedTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Form, Page


async def show(visit: EndpointRequest) -> Response:
    """Show the button that confirms; GET changes nothing, so that link scanners confirm nobody."""
    target = visit.front.links.read_confirm(visit.token)
    if _is_expired(visit, target):
        return await _expired_page(visit, target)
    row = await run_sync(_find_standing, visit, target)
    if row is None:
        return _result_page(visit, target, ConfirmResult.GONE)
    if row.standing in JOINED:
        return _result_page(visit, target, ConfirmResult.ALREADY)
    if row.standing is Standing.UNSUBSCRIBED and target.at <= row.since:
        return _result_page(visit, target, ConfirmResult.LEFT)
    page = visit.say(visit.words.confirm, newsletter=visit.newsletter(target.newsletter))
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            form=Form(
                action=f"/c/{visit.token}",
                button=visit.words.confirm_button,
                hidden=(("lang", visit.language),),
            ),
        )
    )


async def act(visit: EndpointRequest) -> Response:
    """Confirm a subscription and enqueue the welcome letter; repeating it changes nothing."""
    target = visit.front.links.read_confirm(visit.token)
    if _is_expired(visit, target):
        return await _expired_page(visit, target)

    def confirm(session: Session) -> ConfirmResult:
        now = visit.front.clock()
        result = lifecycle.confirm(session, target, visit.evidence("page"), visit.front.hashes, now)
        if result is ConfirmResult.DONE:
            subscriber_id, newsletter = target.subscriber_id, target.newsletter
            reader = store.find_by_id(session, subscriber_id)
            language = (reader and reader.language) or visit.language
            letter_queue.enqueue(
                session, subscriber_id, newsletter, LetterKind.WELCOME, now, language=language
            )
        return result

    result = await visit.front.writer.alone(confirm)
    if result is ConfirmResult.DONE:
        visit.front.on_letter()
    return _result_page(visit, target, result)


def _result_page(visit: EndpointRequest, target: DatedTarget, result: ConfirmResult) -> Response:
    page = visit.say(visit.words.confirmed[result], newsletter=visit.newsletter(target.newsletter))
    about = visit.front.about(target.newsletter)
    links = []
    if result in (ConfirmResult.LEFT, ConfirmResult.GONE):
        links = [(visit.words.ask_again, visit.sign_up_path(target.newsletter))]
    elif about and about.latest and result is not ConfirmResult.BARRED:
        links = [(visit.words.read_latest, about.latest)]
    return visit.show(
        Page(language=page.language, title=page.title, paragraphs=page.paragraphs, links=links)
    )


def _is_expired(visit: EndpointRequest, target: DatedTarget) -> bool:
    return visit.front.clock() - target.at > timedelta(hours=visit.front.link_hours)


async def _expired_page(visit: EndpointRequest, target: DatedTarget) -> Response:
    """Return 410 with a link to the sign-up, or the usual page for a confirmed reader."""
    row = await run_sync(_find_standing, visit, target)
    if row and row.standing in JOINED:
        return _result_page(visit, target, ConfirmResult.ALREADY)
    page = visit.say(visit.words.confirm_late, hours=visit.front.link_hours)
    links = [(visit.words.ask_again, visit.sign_up_path(target.newsletter))]
    late = Page(language=page.language, title=page.title, paragraphs=page.paragraphs, links=links)
    return visit.show(late, status=410)


def _find_standing(visit: EndpointRequest, target: DatedTarget) -> store.NewsletterStanding | None:
    with visit.front.sessions.read() as session:
        return store.standing_with(session, target.subscriber_id, target.newsletter)
