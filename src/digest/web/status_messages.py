"""Say what a visitor reads where a page is missing or fails, in the visitor's language."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from starlette.requests import Request

from subscribers.locale import N_, choose, translations
from subscribers.web import Page, PageText


class StatusMessage(StrEnum):
    """The status pages."""

    MISSING = "missing"  #: nothing is at this address
    WITHDRAWN = "withdrawn"  #: the editors took back what was here
    AWAY = "away"  #: the store can't be reached
    BROKEN = "broken"  #: the page couldn't be made
    OWN_LINKS = "own links"  #: links that are different in every reader's mail


_FRONT, _ISSUES = (N_("Front page"), "/"), (N_("All issues"), "/issues")
_COMPARISONS = (N_("All comparisons"), "/comparisons")
_LINKS: Mapping[StatusMessage, tuple[tuple[str, str], ...]] = {
    StatusMessage.MISSING: (_FRONT, _COMPARISONS, _ISSUES),
    StatusMessage.WITHDRAWN: (_FRONT, _COMPARISONS, _ISSUES),
    StatusMessage.BROKEN: (_FRONT,),
    StatusMessage.OWN_LINKS: (_FRONT, _ISSUES),
}
_TEXTS: Mapping[StatusMessage, PageText] = {
    StatusMessage.MISSING: PageText(
        title=N_("Page not found"),
        body=(N_("The address may be mistyped, or the page no longer exists."),),
    ),
    StatusMessage.WITHDRAWN: PageText(
        title=N_("This comparison has been withdrawn"),
        body=(N_("Our editors have withdrawn it. The issues that carried it now say so."),),
    ),
    StatusMessage.AWAY: PageText(
        title=N_("We can’t show that just now"),
        body=(N_("There’s a problem at our end. Please try again in a minute."),),
    ),
    StatusMessage.BROKEN: PageText(
        title=N_("Something went wrong"),
        body=(N_("It’s our fault, and it has been recorded. Please try again later."),),
    ),
    StatusMessage.OWN_LINKS: PageText(
        title=N_("This link only works in your own email"),
        body=(
            N_(
                "This is the public copy of the email. The links to unsubscribe and to your"
                " preferences differ from reader to reader: please use those in the email you got."
            ),
        ),
    ),
}


def status_page(message: StatusMessage, request: Request) -> Page:
    """Return a status page in the language of ``?lang=`` or Accept-Language."""
    asked, accepted = request.query_params.get("lang", ""), request.headers.get("accept-language")
    language, text = choose(asked, accepted or ""), _TEXTS[message]
    words = translations(language)
    return Page(
        language=language,
        title=words.gettext(text.title),
        paragraphs=[words.gettext(paragraph) for paragraph in text.body],
        links=[(words.gettext(label), path) for label, path in _LINKS.get(message, ())],
    )
