"""Hold the texts of status pages in each language, and choose the visitor's."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from starlette.requests import Request

from subscribers.web import Page
from subscribers.web.wording import choose


class StatusMessage(StrEnum):
    """The status pages."""

    MISSING = "missing"  #: nothing is at this address
    WITHDRAWN = "withdrawn"  #: the editors took back what was here
    AWAY = "away"  #: the store can't be reached
    BROKEN = "broken"  #: the page couldn't be made
    OWN_LINKS = "own links"  #: links that are different in every reader's mail


_FRONT = {"en": ("To the front page", "/"), "de": ("Zur Startseite", "/")}
_ISSUES = {"en": ("Every issue so far", "/issues"), "de": ("Alle bisherigen Ausgaben", "/issues")}
_LINKS = {
    StatusMessage.MISSING: (_FRONT, _ISSUES),
    StatusMessage.WITHDRAWN: (_FRONT, _ISSUES),
    StatusMessage.BROKEN: (_FRONT,),
    StatusMessage.OWN_LINKS: (_FRONT, _ISSUES),
}
_WORDS: Mapping[str, Mapping[StatusMessage, tuple[str, str]]] = {
    "en": {
        StatusMessage.MISSING: (
            "There is nothing here",
            "The address is mistyped, or what was here is gone.",
        ),
        StatusMessage.WITHDRAWN: (
            "This comparison has been withdrawn",
            "The editors have taken it back. It stays in the issues that were sent with it.",
        ),
        StatusMessage.AWAY: (
            "We can’t look that up just now",
            "Something on our side is out of order. Please try again in a minute.",
        ),
        StatusMessage.BROKEN: (
            "That didn’t work",
            "The fault is ours, and we have taken note of it. Please try again later.",
        ),
        StatusMessage.OWN_LINKS: (
            "That link is in your own mail",
            "This is the copy of the mail that everybody may read. The links to leave and to your"
            " preferences are different in each reader’s mail: please use those in the mail you"
            " got.",
        ),
    },
    "de": {
        StatusMessage.MISSING: (
            "Hier ist nichts",
            "Die Adresse ist vertippt, oder was hier war, gibt es nicht mehr.",
        ),
        StatusMessage.WITHDRAWN: (
            "Dieser Vergleich wurde zurückgezogen",
            "Die Redaktion hat ihn zurückgenommen. In den Ausgaben, die ihn schon enthielten,"
            " bleibt er stehen.",
        ),
        StatusMessage.AWAY: (
            "Das können wir gerade nicht nachsehen",
            "Bei uns ist etwas gestört. Bitte versuchen Sie es in einer Minute noch einmal.",
        ),
        StatusMessage.BROKEN: (
            "Das hat nicht geklappt",
            "Der Fehler liegt bei uns, und wir haben ihn notiert. Bitte versuchen Sie es später.",
        ),
        StatusMessage.OWN_LINKS: (
            "Dieser Link steht in Ihrer eigenen Mail",
            "Dies ist die Fassung der Mail, die alle lesen dürfen. Die Links zum Abbestellen und zu"
            " den Einstellungen sind in jeder Mail andere: Bitte nehmen Sie die in Ihrer.",
        ),
    },
}


def status_page(message: StatusMessage, request: Request) -> Page:
    """Return a status page in the language of ``?lang=`` or Accept-Language."""
    language = choose(
        request.query_params.get("lang", ""), request.headers.get("accept-language", "")
    )
    title, text = _WORDS[language][message]
    links = [link[language] for link in _LINKS.get(message, ())]
    return Page(language=language, title=title, paragraphs=[text], links=links)
