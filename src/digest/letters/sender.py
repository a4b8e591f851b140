"""Decides how a letter is composed and sent, with the reader's links put in for placeholders."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlmodel import Session

from digest.delivery.sending import unsubscribe_headers
from digest.errors import NotFound, TemplateBroken
from digest.issues import store
from digest.issues.calendar import rhythm
from digest.issues.identity import MailIdentity
from digest.issues.newsletters import logo_of
from digest.letters.letter_texts import (
    FIRST_ISSUE,
    LETTERS,
    VERDICTS_CHANGED,
    VOTE_AND_JOIN,
    LetterWords,
)
from digest.letters.letter_view import LetterView
from digest.mail.mailing import Content, Mailing, Recipient, personalise
from digest.mail.transport import Transport
from digest.render.accent import accent_of
from digest.render.brand import Font, LogoView, fonts_of
from digest.render.rendered import Rendered
from subscribers.locale import Translations, long_date, translations
from subscribers.models import LetterKind, SendOutcome
from subscribers.reader_letter import Letter
from subscribers.sql import UnitOfWork

log = logging.getLogger(__name__)

_LINKS = ("action_url", "unsubscribe_url", "preferences_url", "decline_url")
#: Base of placeholder URLs: a letter is rendered with them once, for all readers of its kind.
_PLACEHOLDER_URL = "https://letter.invalid/-digest"
#: Kinds whose URL is written out too, so that it works in every mail program.
_WRITTEN_OUT = (LetterKind.CONFIRM, LetterKind.CHANGE, LetterKind.VOTE)
#: Kinds the reader has just requested: these bypass the provider's old bounces.
_REQUESTED = _WRITTEN_OUT
_AUTOMATIC = {"Auto-Submitted": "auto-generated"}  # RFC 3834: suppresses out-of-office replies


@dataclass(frozen=True, kw_only=True)
class LatestIssue:
    """The latest issue in a newsletter's archive."""

    number: int
    day: date
    subject: str
    url: str


@dataclass(frozen=True, kw_only=True)
class LetterContext:
    """What a letter says of its newsletter."""

    name: str
    identity: MailIdentity = field(default_factory=MailIdentity)  #: who the letter is from
    accent: str = ""  #: as a newsletter stores it
    font: Font = Font.CLASSIC
    logo: LogoView | None = None
    comes: str = ""  #: how often, such as "every Tuesday"
    latest: LatestIssue | None = None


@dataclass(frozen=True, kw_only=True)
class LetterTransport:
    """Sends letters without tracking; implements `subscribers.letter_queue.LetterCarrier`."""

    store: UnitOfWork
    transport: Transport
    identity: MailIdentity  #: where a newsletter has none of its own
    base_url: str
    hours: int  #: how long a confirmation link is valid
    days: int = 7  #: how long a link to vote is valid, at least
    templates: Path | None = None  #: folder of an installation's own templates
    mailto: str = ""  #: address for unsubscription by mail
    key: Callable[[], str] = field(default=lambda: uuid4().hex)
    #: Rendered letters by what their text depends on: letters of one kind differ only in links.
    _rendered_letters: dict[tuple[object, ...], tuple[Rendered, MailIdentity]] = field(
        default_factory=dict, init=False, repr=False
    )

    def send(self, letter: Letter) -> SendOutcome:
        """Send one letter, once; return the outcome, and raise nothing for network or provider."""
        try:
            mailing = self._mailing(letter)
        except TemplateBroken as fault:  # the letter can be sent once the template is repaired
            log.error("no %s letter in %s can be composed: %s", letter.kind, letter.language, fault)
            return SendOutcome.UNMADE
        answer = self.transport.hand_over(self.transport.prepare(mailing))
        if answer.outcome is not SendOutcome.ACCEPTED:  # its text may contain the address
            log.warning("a %s letter: %s (%s)", letter.kind, answer.outcome, answer.status)
        return answer.outcome

    def _mailing(self, letter: Letter) -> Mailing:
        mail, identity = self._rendered(letter)
        links = {f"{_PLACEHOLDER_URL}/{name}": getattr(letter, name) for name in _LINKS}
        content = Content(
            subject=mail.subject,
            html=personalise(mail.html, links),
            text=personalise(mail.text, links),
            sender=identity.sender_mailbox,
            reply_to=identity.reply_mailbox,
            headers=_AUTOMATIC,
            category="letters",
            requested=letter.kind in _REQUESTED,
        )
        name = f"{letter.kind}-{self.key()}"  # returned in events; it identifies no reader
        return Mailing(
            content=content,
            recipients=[Recipient(name, letter.address, {}, _headers(letter, self.mailto))],
        )

    def _rendered(self, letter: Letter) -> tuple[Rendered, MailIdentity]:
        """Render a letter of this kind once, with placeholder URLs; return who it is from, too."""
        from digest.render.engine import render

        kind = (
            letter.kind,
            letter.newsletter,
            letter.language,
            letter.about,
            letter.joins,
            letter.said,
            letter.items,
        )
        if kind not in self._rendered_letters:
            with self.store.read() as session:
                context = letter_context(session, letter, self.base_url, self.identity)
            view = write_letter(
                _with_placeholder_urls(letter), context, hours=self.hours, days=self.days
            )
            mail = render(
                "letter", {"letter": view, "language": view.language}, folder=self.templates
            )
            self._rendered_letters[kind] = mail, context.identity
        return self._rendered_letters[kind]


def letter_context(
    session: Session, letter: Letter, base_url: str, usual: MailIdentity
) -> LetterContext:
    """Return what a letter says of a newsletter; one that no longer exists is named by its slug.

    *usual* is who mail is from where a newsletter has no identity of its own.
    """
    slug, language = letter.newsletter, letter.language
    try:
        newsletter = store.newsletter(session, slug)
    except NotFound:
        return LetterContext(name=slug, identity=usual)
    last = store.latest(session, newsletter) if newsletter.public else None
    cadence = rhythm(newsletter.cadence(), language) if newsletter.running else ""
    return LetterContext(
        name=newsletter.name,
        identity=usual.of(newsletter),
        accent=newsletter.accent,
        font=newsletter.font,
        logo=logo_of(session, newsletter, base_url),
        comes=cadence,
        latest=LatestIssue(
            number=last.number,
            day=last.day,
            subject=last.subject,
            url=f"{base_url}/issues/{slug}/{last.number}",
        )
        if last
        else None,
    )


def write_letter(
    letter: Letter, context: LetterContext, *, hours: int, days: int = 7
) -> LetterView:
    """Compose a letter; pure, and without any input of the person who requested the letter."""
    words = translations(letter.language)
    values = _placeholder_values(context, words, letter.language, hours) | {
        "about": letter.about,
        "num": len(letter.items),
        "days": words.ngettext("%(num)s day", "%(num)s days", days) % {"num": days},
    }
    welcome = letter.kind is LetterKind.WELCOME
    texts = _texts(letter, context)

    def say(text: str) -> str:
        return _without_gaps(words.gettext(text) % values) if text else ""

    latest = context.latest.url if context.latest else ""
    return LetterView(
        newsletter=context.name,
        language=letter.language,
        subject=say(texts.subject),
        preview=_preview(letter) or say(texts.preview),
        title=say(texts.title),
        paragraphs=[*(say(text) for text in texts.paragraphs), *letter.said],
        items=[item for item in letter.items if item.said],
        items_too=[item for item in letter.items if not item.said],
        button=say(texts.button),
        action_url=latest if welcome else letter.action_url,
        spelled=_spelled(words) if letter.kind in _WRITTEN_OUT else "",
        after=[say(text) for text in texts.after],
        why=say(texts.why),
        links=_footer_links(letter, words),
        postal_address=context.identity.postal_address,
        accent=accent_of(context.accent),
        fonts=fonts_of(context.font),
        logo=context.logo,
    )


def _texts(letter: Letter, context: LetterContext) -> LetterWords:
    if letter.kind is LetterKind.WELCOME and not context.latest:
        return FIRST_ISSUE
    if letter.items:
        return VERDICTS_CHANGED
    return VOTE_AND_JOIN if letter.joins else LETTERS[letter.kind]


def _preview(letter: Letter) -> str:
    """Return the preheader of a letter with words of the application's own: how they begin."""
    return letter.said[0] if letter.said else ", ".join(each.title for each in letter.items[:3])


def _without_gaps(text: str) -> str:
    """Return *text* without the double space that an empty sentence leaves."""
    return " ".join(filter(None, text.split(" ")))


def _spelled(words: Translations) -> str:
    return words.gettext("If the button doesn’t work, copy this link into your browser:")


def _footer_links(letter: Letter, words: Translations) -> list[tuple[str, str]]:
    links = [
        (words.gettext("Preferences"), letter.preferences_url),
        (words.gettext("Unsubscribe"), letter.unsubscribe_url),
        (words.gettext("This wasn’t me"), letter.decline_url),
    ]
    return [link for link in links if link[1]]


def _with_placeholder_urls(letter: Letter) -> Letter:
    """Replace a letter's links by placeholder URLs."""
    urls: dict[str, Any] = {
        name: f"{_PLACEHOLDER_URL}/{name}" for name in _LINKS if getattr(letter, name)
    }
    return replace(letter, **urls)


def _placeholder_values(
    context: LetterContext, words: Translations, language: str, hours: int
) -> dict[str, object]:
    latest = context.latest
    rhythm = words.gettext("New issues come out %(rhythm)s.") % {"rhythm": context.comes}
    return {
        "newsletter": context.name,
        "rhythm": rhythm if context.comes else "",
        "hours": words.ngettext("%(num)s hour", "%(num)s hours", hours) % {"num": hours},
        "number": latest.number if latest else "",
        "date": long_date(latest.day, language) if latest else "",
        "latest": latest.subject if latest else "",
    }


def _headers(letter: Letter, mailto: str) -> dict[str, str]:
    if letter.decline_url:  # a person at *mailto* can't process this token
        return unsubscribe_headers(_without_query(letter.decline_url), "")
    return (
        unsubscribe_headers(_without_query(letter.unsubscribe_url), mailto)
        if letter.unsubscribe_url
        else {}
    )


def _without_query(url: str) -> str:
    """Return a URL without its query, the page's language: one-click requests show no page."""
    return url.partition("?")[0]
