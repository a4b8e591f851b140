"""Show the privacy notice (GDPR, Art. 13), made from the settings that are in force."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from subscribers.web.endpoint import EndpointRequest


async def show(request: EndpointRequest) -> Response:
    """Show what data is kept, why and for how long, and how to exercise each right."""
    info, words, config = request.named_newsletter(), request.words, request.config
    if info is None:
        return request.no_newsletter()
    responsible = info.responsible or config.responsible
    times = {
        "pending": words.days(config.retention.pending),
        "networks": words.days(config.retention.networks),
        "evidence": words.days(config.retention.evidence),
    }
    page = request.make_page(
        words.kept,
        newsletter=info.name,
        network=words.kept_network[config.keep_network.value].format(**times),
        **times,
        tracking=words.kept_tracking[info.tracking],
        responsible=words.kept_responsible.format(who=responsible) if responsible else "",
        carrier=words.kept_carrier.format(carrier=config.carrier) if config.carrier else "",
        copies=_copies(request),
        files=words.kept_files if config.files_kept else "",
        contact=words.unreachable_mail.format(mailto=config.mailto) if config.mailto else "",
    )
    return request.show(
        replace(
            page,
            newsletter=info.slug,
            links=request.sign_up_links(words.to_sign_up, info.slug),
        )
    )


def _copies(request: EndpointRequest) -> str:
    days, words = request.config.copies_kept, request.words
    if days is None:
        return words.kept_copies_elsewhere
    return words.kept_copies.format(copies=words.days(days)) if days else ""
