"""Show what the application adds to a reader's own page, and take what the reader chooses there.

This module decides who sees it: readers who get the newsletter, and may be mailed.
"""

from __future__ import annotations

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session

from subscribers.models import JOINED
from subscribers.store import NewsletterStanding
from subscribers.tokens import LinkTarget
from subscribers.web.config import OwnPageSection, SectionText
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Form, PageSection

NAME, SWITCH = "choice", "on"  # of the form's fields


async def sections(
    request: EndpointRequest, row: NewsletterStanding | None, *, held: str | None
) -> list[PageSection]:
    """Return the sections for a reader; none for one who doesn't get the newsletter."""
    own = request.config.own_sections
    if row is None or row.standing not in JOINED or held or not own:
        return []

    def read() -> list[tuple[OwnPageSection, SectionText | None]]:
        with request.config.sessions.read() as session:
            return [(one, one.show(session, row.subscriber_id, request.language)) for one in own]

    return [_section(request, one, text) for one, text in await run_sync(read) if text]


async def take(request: EndpointRequest, target: LinkTarget) -> bool:
    """Switch the named choice on or off; return whether there is such a choice."""
    name, switch = request.fields.get(NAME, ""), request.fields.get(SWITCH, "")
    chosen = next((one for one in request.config.own_sections if one.name == name), None)
    if chosen is None or switch not in {"0", "1"}:
        return False
    now = request.config.clock()

    def keep(session: Session) -> None:
        chosen.switch(session, target.subscriber_id, switch == "1", now)

    await request.config.group_commit.alone(keep)
    return True


def _section(request: EndpointRequest, one: OwnPageSection, text: SectionText) -> PageSection:
    form = Form(
        action=f"/p/{request.token}/choice",
        button=text.button,
        hidden=(
            ("lang", request.language),
            (NAME, one.name),
            (SWITCH, "0" if text.on else "1"),
        ),
        quiet=True,
    )
    return PageSection(text=text.text, form=form if text.button else None)
