"""Show the privacy notice (GDPR, Art. 13), made from the settings that are in force."""

from __future__ import annotations

from starlette.responses import Response

from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import Page
from subscribers.web.signup_checks import about_of


async def show(visit: EndpointRequest) -> Response:
    """Show what data is kept, why and for how long, and how to exercise each right."""
    about, words, front = about_of(visit), visit.words, visit.front
    if about is None:
        return visit.no_newsletter()
    times = {
        "pending": words.days(front.retention.pending),
        "networks": words.days(front.retention.networks),
        "evidence": words.days(front.retention.evidence),
    }
    page = visit.say(
        words.kept,
        newsletter=about.name,
        network=words.kept_network[front.keep_network.value].format(**times),
        **times,
        tracking=words.kept_tracking[about.tracking],
        responsible=words.kept_responsible.format(who=front.responsible)
        if front.responsible
        else "",
        carrier=words.kept_carrier.format(carrier=front.carrier) if front.carrier else "",
        copies=_copies(visit),
        files=words.kept_files if front.files_kept else "",
        contact=words.unreachable_mail.format(mailto=front.mailto) if front.mailto else "",
    )
    return visit.show(
        Page(
            language=page.language,
            title=page.title,
            paragraphs=page.paragraphs,
            links=[(words.to_sign_up, visit.sign_up_path(about.slug))],
        )
    )


def _copies(visit: EndpointRequest) -> str:
    days, words = visit.front.copies_kept, visit.words
    if days is None:
        return words.kept_copies_elsewhere
    return words.kept_copies.format(copies=words.days(days)) if days else ""
