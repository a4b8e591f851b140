"""How a letter leaves: put into words, handed over once, its answer told in the list's words."""

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
from digest.delivery.unit_of_work import UnitOfWork
from digest.errors import NotFound, TemplateBroken
from digest.issues import store
from digest.issues import store as published
from digest.issues.calendar import rhythm
from digest.letters.letter_texts import letter_catalogue
from digest.letters.letter_view import LetterView
from digest.mail.mailing import Content, Mailbox, Mailing, Recipient, personalise
from digest.mail.transport import Accepted, Answer, Halted, InDoubt, NotSent, Transport
from digest.render.engine import Rendered, render
from subscribers.dates import long_date
from subscribers.letter_queue import Letter, LetterOutcome
from subscribers.models import LetterKind

log = logging.getLogger(__name__)

_LINKS = ("action_url", "unsubscribe_url", "preferences_url", "decline_url")
#: Stands where a reader's own links go while a letter is rendered for all of its kind.
_ANYONE = "https://letter.invalid/-digest"
#: Letters whose link has to work in every mail program, so it is written out too.
_SPELLED = (LetterKind.CONFIRM, LetterKind.CHANGE)
#: Letters without which nothing happens: a mailbox that bounced long ago may work again.
_ASKED_FOR = _SPELLED
_AUTOMATIC = {"Auto-Submitted": "auto-generated"}  # RFC 3834: keeps out-of-office replies away


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The newest issue there is to read."""

    number: int
    day: date
    subject: str
    url: str


@dataclass(frozen=True, kw_only=True)
class LetterContext:
    """What letters say of a newsletter."""

    name: str
    comes: str = ""  #: how often, as it reads after "comes": "every Tuesday"
    latest: Latest | None = None


@dataclass(frozen=True, kw_only=True)
class LetterTransport:
    """Sends letters by a transport, untracked: a `subscribers.letter_queue.LetterCarrier`."""

    store: UnitOfWork
    transport: Transport
    sender: Mailbox
    base_url: str
    postal_address: str
    hours: int  #: how long a link to confirm lasts
    templates: Path | None = None  #: an installation's own
    mailto: str = ""  #: where one may write to in order to leave
    key: Callable[[], str] = field(default=lambda: uuid4().hex)
    #: What was rendered by this post: letters of a kind differ in their links alone.
    _made: dict[tuple[LetterKind, str, str], Rendered] = field(
        default_factory=dict, init=False, repr=False
    )

    def send(self, letter: Letter) -> LetterOutcome:
        """Hand one letter over, once; raises nothing for what network or provider do."""
        try:
            mailing = self._mailing(letter)
        except TemplateBroken as fault:  # a person mends it, and then the letter can go
            log.error("no %s letter in %s can be made: %s", letter.kind, letter.language, fault)
            return LetterOutcome.UNMADE
        answer = self.transport.hand_over(self.transport.prepare(mailing))
        if not isinstance(answer, Accepted):
            log.warning("a %s letter: %s", letter.kind, _reason(answer))
        return _handed(answer)

    def _mailing(self, letter: Letter) -> Mailing:
        mail = self._rendered(letter)
        links = {f"{_ANYONE}/{name}": getattr(letter, name) for name in _LINKS}
        content = Content(
            subject=mail.subject,
            html=personalise(mail.html, links),
            text=personalise(mail.text, links),
            sender=self.sender,
            headers=_AUTOMATIC,
            category="letters",
            requested=letter.kind in _ASKED_FOR,
        )
        name = f"{letter.kind}-{self.key()}"  # comes back in events, and tells nobody's name
        return Mailing(
            content=content,
            recipients=[Recipient(name, letter.address, {}, _headers(letter, self.mailto))],
        )

    def _rendered(self, letter: Letter) -> Rendered:
        """Render a letter of this kind with places where the links go, once."""
        kind = (letter.kind, letter.newsletter, letter.language)
        if kind not in self._made:
            with self.store.read() as session:
                told = letter_context(session, letter.newsletter, letter.language, self.base_url)
            view = write_letter(
                _for_anyone(letter),
                told,
                postal_address=self.postal_address,
                hours=self.hours,
            )
            self._made[kind] = render("letter", {"letter": view}, folder=self.templates)
        return self._made[kind]


def letter_context(session: Session, slug: str, language: str, base_url: str) -> LetterContext:
    """Look up what a letter says of a newsletter; one that was given up keeps its slug."""
    try:
        newsletter = store.newsletter(session, slug)
    except NotFound:
        return LetterContext(name=slug)
    last = published.latest(session, newsletter)
    comes = rhythm(newsletter.cadence(), language) if newsletter.scheduled else ""
    return LetterContext(
        name=newsletter.name,
        comes=comes,
        latest=Latest(
            number=last.number,
            day=last.day,
            subject=last.subject,
            url=f"{base_url}/issues/{slug}/{last.number}",
        )
        if last
        else None,
    )


def write_letter(
    letter: Letter, told: LetterContext, *, postal_address: str, hours: int
) -> LetterView:
    """Put a letter into words; pure, and nothing in it comes from whoever asked for it."""
    speech = letter_catalogue(letter.language)
    welcome = letter.kind is LetterKind.WELCOME
    words = speech.first_issue if welcome and not told.latest else speech.letters[letter.kind]
    gaps = _gaps(told, letter.language, hours)
    links = [
        (speech.preferences, letter.preferences_url),
        (speech.unsubscribe, letter.unsubscribe_url),
        (speech.decline, letter.decline_url),
    ]
    latest = told.latest.url if told.latest else ""
    return LetterView(
        newsletter=told.name,
        language=letter.language,
        subject=words.subject.format(**gaps),
        preview=words.preview.format(**gaps),
        title=words.title.format(**gaps),
        paragraphs=[text.format(**gaps) for text in words.paragraphs],
        button=words.button,
        action_url=latest if welcome else letter.action_url,
        spelled=speech.spelled if letter.kind in _SPELLED else "",
        after=[text.format(**gaps) for text in words.after],
        why=words.why.format(**gaps),
        links=[link for link in links if link[1]],
        postal_address=postal_address,
    )


def _for_anyone(letter: Letter) -> Letter:
    """Put places where a letter has links of its reader's own."""
    places: dict[str, Any] = {name: f"{_ANYONE}/{name}" for name in _LINKS if getattr(letter, name)}
    return replace(letter, **places)


def _gaps(told: LetterContext, language: str, hours: int) -> dict[str, object]:
    latest = told.latest
    return {
        "newsletter": told.name,
        "comes": f" {told.comes}" if told.comes else "",
        "hours": hours,
        "number": latest.number if latest else "",
        "date": long_date(latest.day, language) if latest else "",
        "latest": latest.subject if latest else "",
    }


def _headers(letter: Letter, mailto: str) -> dict[str, str]:
    if letter.decline_url:  # who reads what is written to *mailto* can't act on such a token
        return unsubscribe_headers(_bare(letter.decline_url), "")
    return (
        unsubscribe_headers(_bare(letter.unsubscribe_url), mailto) if letter.unsubscribe_url else {}
    )


def _bare(url: str) -> str:
    """Return a link without the language its page is to be in: programs get no page."""
    return url.partition("?")[0]


def _handed(answer: Answer) -> LetterOutcome:
    if isinstance(answer, Accepted):
        return LetterOutcome.SENT
    if isinstance(answer, InDoubt):
        return LetterOutcome.IN_DOUBT
    return LetterOutcome.LATER if isinstance(answer, (NotSent, Halted)) else LetterOutcome.FAILED


def _reason(answer: Answer) -> str:
    """Say what came of it, without the provider's words: they may hold the address."""
    return f"{type(answer).__name__} ({answer.status})"
