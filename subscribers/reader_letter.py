"""Decides whether a letter to a reader is still to be sent, and which links it brings.

A letter may have been queued for hours, and its reader may have left or declined since. What a
letter is asked for beyond the list, such as a link to vote with, only the application can make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from subscribers import suppression
from subscribers.address import wire
from subscribers.models import JOINED, LetterKind, Standing
from subscribers.tokens import DatedTarget, LetterCause, Links, LinkTarget

#: Letters to an address that hasn't agreed to anything yet; then all that a form can cause.
_TO_STRANGERS = (LetterKind.CONFIRM, LetterKind.CHANGE, LetterKind.VOTE)
_BY_FORM = (*_TO_STRANGERS, LetterKind.ALREADY)


class LetterItem(NamedTuple):
    """One of several things that a letter tells of."""

    title: str
    url: str
    said: str = ""  #: what the letter says of it; empty where it only names it


@dataclass(frozen=True, kw_only=True)
class Letter:
    """All that a letter's text is composed from; nothing in it was typed into a form."""

    kind: LetterKind
    address: str = field(repr=False)  #: with the domain in ASCII
    newsletter: str  #: the slug
    language: str
    action_url: str = field(repr=False)  #: opened by the one button; "" for a welcome
    about: str = ""  #: what its link opens, in the application's words; empty where its kind says
    joins: bool = False  #: the page behind such a link subscribes to the newsletter as well
    said: tuple[str, ...] = ()  #: paragraphs of the application's own
    items: tuple[LetterItem, ...] = ()  #: several things that it tells of, instead of paragraphs
    unsubscribe_url: str = field(default="", repr=False)
    preferences_url: str = field(default="", repr=False)
    decline_url: str = field(default="", repr=False)  #: to say that one didn't ask for it


class AskedLetter(NamedTuple):
    """A letter whose link the application makes."""

    kind: LetterKind
    subscriber_id: int
    newsletter: str
    asks_for: str  #: what the link is to open, in the application's words
    at: datetime  #: when it was asked for
    language: str = "en"
    row_id: int = 0


class AskedLink(NamedTuple):
    """What the application says that a letter brings."""

    url: str
    about: str  #: what it opens, for the letter's text
    joins: bool = False  #: the page behind it subscribes to the newsletter as well
    said: tuple[str, ...] = ()  #: paragraphs of the letter, in its language
    items: tuple[LetterItem, ...] = ()  #: several things that it tells of


#: Returns the link of a letter, or ``None`` where what was asked for is gone.
FindAskedLink = Callable[[AskedLetter], AskedLink | None]


def no_asked_link(_letter: AskedLetter) -> AskedLink | None:
    """Return nothing, for a caller whose letters are all about the list."""
    return None


LetterSort = tuple[LetterKind, str, str]


class ClaimedLetter(NamedTuple):
    """A claimed letter, with what decides whether it is still sent."""

    id: int
    subscriber_id: int
    newsletter: str
    kind: LetterKind
    language: str
    change_id: int | None
    asked_at: datetime
    asks_for: str
    address: str  #: the recipient; empty where a later change replaced this one
    mailbox: str  #: the keyed hash of its mailbox
    declined: bool  #: whether the mailbox's owner disowned an earlier one
    held: str | None  #: the reason the address is suppressed
    standing: Standing | None
    since: datetime | None  #: when the reader came into that standing

    @property
    def sort(self) -> LetterSort:
        """What its text depends on."""
        return (self.kind, self.newsletter, self.language)

    def __repr__(self) -> str:
        """Return a text without the address, since it may end up in a log."""
        return f"ClaimedLetter({self.id}, {self.kind})"


def letter_of(claimed: ClaimedLetter, links: Links, asked: FindAskedLink) -> Letter | None:
    """Return the letter to send; ``None`` where none is to be sent any more."""
    if not _is_wanted(claimed):
        return None
    if not claimed.asks_for:
        return _letter(claimed, links, AskedLink(_action(claimed, links), ""))
    link = asked(
        AskedLetter(
            claimed.kind,
            claimed.subscriber_id,
            claimed.newsletter,
            claimed.asks_for,
            claimed.asked_at,
            claimed.language,
            claimed.id,
        )
    )
    return _letter(claimed, links, link) if link else None


def _is_wanted(claimed: ClaimedLetter) -> bool:
    if claimed.declined and claimed.kind in _BY_FORM:
        return False
    # A suppressed address may get the one letter whose answer lifts the suppression.
    may_be_asked = claimed.held in (None, *suppression.REJOINABLE)
    if claimed.kind is LetterKind.CONFIRM:
        return may_be_asked and _has_effect(claimed)
    if claimed.kind is LetterKind.VOTE:
        return may_be_asked
    if claimed.kind is LetterKind.CHANGE:
        return bool(claimed.address) and claimed.held is None
    if claimed.kind is LetterKind.MOVED:
        return bool(claimed.address)
    return claimed.standing in JOINED and claimed.held is None


def _has_effect(claimed: ClaimedLetter) -> bool:
    """Return whether the letter's link would have an effect: the reader may have left since."""
    if claimed.standing is not Standing.UNSUBSCRIBED or claimed.since is None:
        return claimed.standing is Standing.PENDING
    return claimed.asked_at > claimed.since


def _action(claimed: ClaimedLetter, links: Links) -> str:
    target = LinkTarget(claimed.subscriber_id, claimed.newsletter)
    if claimed.kind is LetterKind.CONFIRM:
        return links.confirm(DatedTarget(*target, claimed.asked_at))
    if claimed.kind is LetterKind.CHANGE and claimed.change_id is not None:
        return links.change(claimed.change_id, claimed.asked_at)
    if claimed.kind is LetterKind.ALREADY:
        return links.preferences(target, claimed.address)
    if claimed.kind is LetterKind.MOVED:
        return links.sign_up(claimed.newsletter)
    return ""


def _letter(claimed: ClaimedLetter, links: Links, opens: AskedLink) -> Letter:
    target = LinkTarget(claimed.subscriber_id, claimed.newsletter)
    own = claimed.kind in (LetterKind.WELCOME, LetterKind.ALREADY, LetterKind.VERDICT_CHANGED)
    stranger = claimed.kind in _TO_STRANGERS
    localized = partial(_in_language, claimed.language)
    return Letter(
        kind=claimed.kind,
        address=wire(claimed.address),
        newsletter=claimed.newsletter,
        language=claimed.language,
        action_url=localized(opens.url),
        about=opens.about,
        joins=opens.joins,
        said=opens.said,
        items=tuple(item._replace(url=localized(item.url)) for item in opens.items),
        unsubscribe_url=localized(links.unsubscribe(target)) if own else "",
        preferences_url=localized(links.preferences(target, claimed.address)) if own else "",
        decline_url=localized(links.decline(_cause(claimed))) if stranger else "",
    )


def _cause(claimed: ClaimedLetter) -> LetterCause:
    """Return what disowning the letter undoes: never a subscription that stood before it."""
    number = 0 if claimed.change_id or claimed.standing in JOINED else claimed.subscriber_id
    return LetterCause(
        claimed.mailbox,
        claimed.newsletter,
        subscriber_id=number,
        change_id=claimed.change_id or 0,
    )


def _in_language(language: str, url: str) -> str:
    """Return a link that opens its page in the letter's language, not the browser's."""
    if not url:
        return ""
    return f"{url}{'&' if '?' in url else '?'}lang={language}"
