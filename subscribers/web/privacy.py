"""Show the privacy notice (GDPR, Art. 13), made from the settings that are in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.responses import Response

from subscribers.locale import N_, Translations
from subscribers.web.config import NetworkPrecision
from subscribers.web.endpoint import EndpointRequest
from subscribers.web.page_model import PageText

_YEAR = 365
_KEPT = PageText(
    title=N_("Privacy"),
    body=(
        "%(responsible)s",
        N_(
            "We keep your email address, your language, and what you choose for %(newsletter)s,"
            " such as topics or a break. We use them for one purpose: to send you what you asked"
            " for, for as long as you want it."
        ),
        N_(
            "We keep when and through which form you agreed, and when you left, as the proof that"
            " the law requires. We delete it %(evidence)s after you leave, and your address with"
            " it."
        ),
        "%(network)s",
        N_(
            "We keep which issues we sent you, whether they arrived, and what your mail server"
            " replied if they didn’t. %(tracking)s"
        ),
        N_(
            "A sign-up that nobody confirms is deleted after %(pending)s. If you tell us that it"
            " wasn’t yours, our forms won’t email you for a year: we keep a hash of your address"
            " for that."
        ),
        "%(votes)s",
        "%(carrier)s",
        N_("This site sets no cookies and loads nothing from other sites."),
        N_(
            "The preferences link in every email lets you download all of this as a file, change it"
            " or have it deleted. After that, two things remain: a record that you agreed and left,"
            " under a number; and a hash of your address, so that an imported list can’t add you"
            " again. %(left_votes)s %(copies)s %(files)s"
        ),
        N_(
            "We keep all of this because you agreed to it. You can withdraw your consent at any"
            " time, and you can complain to a data protection authority."
        ),
        "%(contact)s",
    ),
)
_NETWORK: Mapping[NetworkPrecision, str] = {
    NetworkPrecision.NONE: N_("We don’t keep a record of the network you connect from."),
    NetworkPrecision.PREFIX: N_(
        "We keep the network you were on when you agreed, changed something or left, without the"
        " last part of its address, for %(networks)s."
    ),
    NetworkPrecision.FULL: N_(
        "We keep the network address you had when you agreed, changed something or left, for"
        " %(networks)s."
    ),
}
_TRACKING: Mapping[str, str] = {
    "off": N_("We don’t track opens or clicks."),
    "anonymous": N_(
        "We count how often issues are opened and which links are clicked, without a lasting"
        " connection to you."
    ),
    "reader": N_("We also keep when you opened them and which of their links you clicked."),
}
_VOTES = N_(
    "We keep how you vote on comparisons, for %(networks)s a hash of the network you voted from,"
    " and for a few days which links to vote were opened: that shows us programs and people who"
    " vote twice. Others see counts only. If you only ask for a link to vote, we delete your"
    " address after %(pending)s; your votes stay without it, with a hash of the mailbox."
)
#: What becomes of an erased reader's votes, by `SiteConfig.votes_of_erased`.
LEFT_VOTES: Mapping[str, str] = {
    "keep": N_("Your votes stay in the counts without your name, with a hash of the mailbox."),
    "remove": N_("Your votes are deleted, too."),
}


async def show(request: EndpointRequest) -> Response:
    """Show what data is kept, why and for how long, and how to exercise each right."""
    info, config = request.named_newsletter(), request.config
    if info is None:
        return request.no_newsletter()
    responsible = info.responsible or config.responsible
    networks = _lasting(config.retention.networks, request.words)
    page = request.make_page(
        _KEPT,
        newsletter=info.name,
        network=request.gettext(_NETWORK[config.keep_network], networks=networks),
        pending=_lasting(config.retention.pending, request.words),
        votes=_votes(request),
        left_votes=_left_votes(request),
        evidence=_lasting(config.retention.evidence, request.words),
        tracking=request.gettext(_TRACKING[info.tracking]),
        responsible=request.gettext("Responsible for your data: %(who)s.", who=responsible)
        if responsible
        else "",
        carrier=_carrier(request),
        copies=_copies(request),
        files=_files(request),
        contact=request.leaving_by_mail,
    )
    links = request.sign_up_links(request.gettext("Go to the sign-up page"), info.slug)
    return request.show(replace(page, newsletter=info.slug, links=links))


def _votes(request: EndpointRequest) -> str:
    keep = request.config.retention
    if not request.config.votes_of_erased:
        return ""
    return request.gettext(
        _VOTES,
        networks=_lasting(keep.networks, request.words),
        pending=_lasting(keep.pending, request.words),
    )


def _left_votes(request: EndpointRequest) -> str:
    choice = request.config.votes_of_erased
    return request.gettext(LEFT_VOTES[choice]) if choice else ""


def _carrier(request: EndpointRequest) -> str:
    if not request.config.carrier:
        return ""
    return request.gettext(
        "To deliver our emails, we pass your address and their text to %(carrier)s, and to nobody"
        " else.",
        carrier=request.config.carrier,
    )


def _copies(request: EndpointRequest) -> str:
    days = request.config.copies_kept
    if days is None:
        return request.gettext(
            "Backups of the database keep deleted data until they are deleted too."
        )
    if not days:
        return ""
    return request.gettext(
        "Daily backups of the database keep deleted data for another %(copies)s.",
        copies=_lasting(days, request.words),
    )


def _files(request: EndpointRequest) -> str:
    if not request.config.files_kept:
        return ""
    return request.gettext(
        "A file of each email, with its address, is also kept here until someone deletes it."
    )


def _lasting(days: int, words: Translations) -> str:
    """Return how long a number of days is, in years where it comes out even."""
    years, odd_days = divmod(days, _YEAR)
    if years and not odd_days:
        return words.ngettext("%(num)s year", "%(num)s years", years) % {"num": years}
    return words.ngettext("%(num)s day", "%(num)s days", days) % {"num": days}
