"""The page behind a confirmation letter's link: GET shows a button, POST confirms."""

from __future__ import annotations

from datetime import timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session
from starlette.responses import Response

from subscribers import letter_queue, lifecycle, store
from subscribers.lifecycle import Confirmed
from subscribers.models import JOINED, LetterKind, Standing
from subscribers.tokens import DatedTarget
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Form, Page


async def show(visit: EndpointRequest) -> Response:
    """Ask for the one press of a button; changes nothing, so that scanners confirm nobody."""
    asked = visit.front.links.read_confirm(visit.token)
    if _is_late(visit, asked):
        return await _late(visit, asked)
    place = await run_sync(_place, visit, asked)
    if place is None:
        return _told(visit, asked, Confirmed.GONE)
    if place.standing in JOINED:
        return _told(visit, asked, Confirmed.ALREADY)
    if place.standing is Standing.UNSUBSCRIBED and asked.at <= place.since:
        return _told(visit, asked, Confirmed.LEFT)
    page = visit.say(visit.words.confirm, newsletter=visit.newsletter(asked.newsletter))
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
    """Confirm. Twice is fine; an old letter brings nobody back."""
    asked = visit.front.links.read_confirm(visit.token)
    if _is_late(visit, asked):
        return await _late(visit, asked)

    def confirm(session: Session) -> Confirmed:
        now = visit.front.clock()
        done = lifecycle.confirm(session, asked, visit.evidence("page"), visit.front.hashes, now)
        if done is Confirmed.DONE:
            number, newsletter = asked.subscriber_id, asked.newsletter
            reader = store.find_by_id(session, number)
            language = (reader and reader.language) or visit.language
            letter_queue.enqueue(
                session, number, newsletter, LetterKind.WELCOME, now, language=language
            )
        return done

    done = await visit.front.writer.alone(confirm)
    if done is Confirmed.DONE:
        visit.front.on_letter()
    return _told(visit, asked, done)


def _told(visit: EndpointRequest, asked: DatedTarget, done: Confirmed) -> Response:
    page = visit.say(visit.words.confirmed[done], newsletter=visit.newsletter(asked.newsletter))
    about = visit.front.about(asked.newsletter)
    links = []
    if done in (Confirmed.LEFT, Confirmed.GONE):
        links = [(visit.words.ask_again, visit.sign_up_path(asked.newsletter))]
    elif about and about.latest and done is not Confirmed.BARRED:
        links = [(visit.words.read_latest, about.latest)]
    return visit.show(
        Page(language=page.language, title=page.title, paragraphs=page.paragraphs, links=links)
    )


def _is_late(visit: EndpointRequest, asked: DatedTarget) -> bool:
    return visit.front.clock() - asked.at > timedelta(hours=visit.front.link_hours)


async def _late(visit: EndpointRequest, asked: DatedTarget) -> Response:
    """Say that the link has run out, and the way on; or that nothing more is to do."""
    place = await run_sync(_place, visit, asked)
    if place and place.standing in JOINED:
        return _told(visit, asked, Confirmed.ALREADY)
    page = visit.say(visit.words.confirm_late, hours=visit.front.link_hours)
    links = [(visit.words.ask_again, visit.sign_up_path(asked.newsletter))]
    late = Page(language=page.language, title=page.title, paragraphs=page.paragraphs, links=links)
    return visit.show(late, status=410)


def _place(visit: EndpointRequest, asked: DatedTarget) -> store.NewsletterStanding | None:
    with visit.front.sessions.read() as session:
        return store.standing_with(session, asked.subscriber_id, asked.newsletter)
