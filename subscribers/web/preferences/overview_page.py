"""Show a reader's own page: how they stand, what else they get, and what they may do about it.

This module hides which of the preference pages a reader's standing allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from anyio.to_thread import run_sync
from starlette.responses import Response

from subscribers import address_change, store
from subscribers.errors import OldLink
from subscribers.locale import N_, long_date
from subscribers.models import JOINED, Standing
from subscribers.store import NewsletterStanding, Reader
from subscribers.suppression import REJOINABLE
from subscribers.tokens import LinkTarget, address_mark
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Choice, Field, Form, Page, PageText
from subscribers.web.preferences import newsletter_switches, own_sections

MOST_TOPICS = 28  # checkboxes; `request_body` refuses a form of more than 30 fields
#: The titles of the pages that the overview links to.
TOPICS, PAUSE = N_("Topics"), N_("Take a break")
MOVE, ERASE = N_("Change your email address"), N_("Delete my data")
_STANDINGS: Mapping[str, str] = {
    "confirmed": N_("You’re subscribed to %(newsletter)s."),
    "paused": N_("%(newsletter)s is paused until %(until)s."),
    "pending": N_("You haven’t confirmed your subscription to %(newsletter)s yet."),
    "unsubscribed": N_("You’ve unsubscribed from %(newsletter)s."),
    "suppressed": N_(
        "We no longer send email to this address: emails bounced or were reported as spam, or we"
        " took it off our list."
    ),
    "gone": N_("We don’t hold any data about you."),
}


async def target_of(request: EndpointRequest) -> LinkTarget:
    """Return the reader and the newsletter that the link names.

    Raises `BadToken`, or `OldLink` once the reader's address has changed.
    """
    target, mark = request.config.links.read_preferences(request.token)
    reader = await run_sync(_reader, request, target)
    if reader is not None and address_mark(reader.address) != mark:
        raise OldLink
    return target


def _reader(request: EndpointRequest, target: LinkTarget) -> Reader | None:
    with request.config.sessions.read() as session:
        return store.find_by_id(session, target.subscriber_id)


async def joined(request: EndpointRequest, target: LinkTarget) -> NewsletterStanding | None:
    """Return the standing of a confirmed or paused reader; ``None`` for any other."""
    row = await run_sync(find_standing, request, target)
    return row if row and row.standing in JOINED else None


def _all_standings(request: EndpointRequest, target: LinkTarget) -> list[NewsletterStanding]:
    with request.config.sessions.read() as session:
        return store.all_standings(session, target.subscriber_id)


def find_standing(request: EndpointRequest, target: LinkTarget) -> NewsletterStanding | None:
    """Return a reader's standing with the newsletter of their link, or ``None``."""
    with request.config.sessions.read() as session:
        return store.standing_with(session, *target)


async def overview(
    request: EndpointRequest, target: LinkTarget, *, saved: bool = False
) -> Response:
    """Show a reader's standing, and links to what it allows; *saved* confirms a change."""
    rows, reader = (
        await run_sync(_all_standings, request, target),
        await run_sync(_reader, request, target),
    )
    row = next((row for row in rows if row.newsletter == target.newsletter), None)
    held = reader.suppressed if reader else None
    switches = [] if held else newsletter_switches.switches_of(request, rows)
    standing = request.gettext(
        _STANDINGS[_standing(row, reader, request.config.clock())],
        newsletter=request.newsletter_name(target.newsletter),
        until=long_date(row.paused_until, request.language) if row and row.paused_until else "",
    )
    paragraphs = [request.gettext("Saved."), standing] if saved else [standing]
    paragraphs += [*_chosen(request, row), *_address_of(request, reader)]
    return request.show(
        Page(
            language=request.language,
            title=request.gettext("Your preferences"),
            newsletter=target.newsletter,
            paragraphs=paragraphs,
            form=newsletter_switches.form(request, switches),
            sections=await own_sections.sections(request, row, held=held),
            links=[
                *_links(request, target, row, held=held, alone=not switches),
                *newsletter_switches.links(request, switches, reader),
            ],
        )
    )


def topics_of(request: EndpointRequest, row: NewsletterStanding | None) -> list[tuple[str, str]]:
    """Return the topics to choose among: earlier choices no longer offered, then those offered."""
    if row is None:
        return []
    info = request.config.newsletter(row.newsletter)
    offered = dict(info.topics) if info else {}
    before = [(topic, topic) for topic in row.topics or () if topic not in offered]
    return [*before, *offered.items()][:MOST_TOPICS]


def _chosen(request: EndpointRequest, row: NewsletterStanding | None) -> list[str]:
    """Return the paragraph that names the chosen topics; empty for every topic."""
    if row is None or row.standing not in JOINED or not row.topics:
        return []
    named = dict(topics_of(request, row))
    topics = ", ".join(named.get(topic, topic) for topic in row.topics)
    return [request.gettext("You get issues that cover: %(topics)s.", topics=topics)]


def _standing(row: NewsletterStanding | None, reader: Reader | None, now: datetime) -> str:
    if row is None or reader is None:
        return "gone"
    if reader.suppressed and row.standing in JOINED:
        return "suppressed"
    over = row.standing is Standing.PAUSED and row.paused_until and row.paused_until <= now
    return "confirmed" if over else row.standing.value


def _links(
    request: EndpointRequest,
    target: LinkTarget,
    row: NewsletterStanding | None,
    *,
    held: str | None,
    alone: bool,
) -> list[tuple[str, str]]:
    again = request.sign_up_links(request.gettext("Go to the sign-up page"), target.newsletter)
    if row is None:
        return again
    joined = row.standing in JOINED
    leave = request.config.links.unsubscribe(target).removeprefix(request.config.base_url)
    offered = [
        (
            joined and bool(topics_of(request, row)),
            request.gettext(TOPICS),
            _own(request, "/topics"),
        ),
        (joined, request.gettext(PAUSE), _own(request, "/pause")),
        (
            joined and held not in address_change.BARRED,
            request.gettext(MOVE),
            _own(request, "/address"),
        ),
        # A confirmed sign-up lifts this suppression.
        *((not joined or held in REJOINABLE, *link) for link in again),
        (True, request.gettext("Download all the data we hold about you"), _own(request, "/data")),
        (joined and alone, request.gettext("Unsubscribe"), request.onward(leave)),
        (True, request.gettext(ERASE), _own(request, "/erase")),
    ]
    return [(text, path) for offer, text, path in offered if offer]


def _own(request: EndpointRequest, page: str = "") -> str:
    return request.onward(f"/p/{request.token}{page}")


async def action_form(
    request: EndpointRequest,
    action: str,
    page_text: PageText,
    button: str,
    *,
    fields: tuple[Field, ...] = (),
    choices: list[Choice] | None = None,
    fault: str = "",
    quiet: bool = False,
) -> Response:
    """Show the form of one action; *fault* says why it was refused, with status 422."""
    target, _ = request.config.links.read_preferences(request.token)
    page, reader = request.make_page(page_text), await run_sync(_reader, request, target)
    return request.show(
        Page(
            language=page.language,
            title=page.title,
            newsletter=target.newsletter,
            paragraphs=[*page.paragraphs, *_address_of(request, reader)],
            fault=fault,
            form=Form(
                action=f"/p/{request.token}/{action}",
                button=button,
                hidden=(("lang", request.language),),
                fields=fields,
                choices=choices or (),
                quiet=quiet,
            ),
            links=[(request.gettext("Back to your preferences"), _own(request))],
        ),
        status=422 if fault else 200,
    )


def _address_of(request: EndpointRequest, reader: Reader | None) -> list[str]:
    """Return the address shortened to a letter and its domain, since a mail may be forwarded."""
    if reader is None:
        return []
    local, _, domain = reader.address.rpartition("@")
    short = f"{local[0]}…@{domain}"
    return [request.gettext("Your address: %(address)s", address=short)]
