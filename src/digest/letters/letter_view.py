"""Decides what the template of a letter sees; a letter is a mail that belongs to no issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digest.render.accent import OWN, Accent
from digest.render.brand import OWN_FONTS, FontStack, LogoView
from subscribers.reader_letter import LetterItem


@dataclass(frozen=True, kw_only=True)
class LetterView:
    """A letter's text and links; it contains no input of the person who requested the letter.

    Render it with ``render("letter", {"letter": letter})``.
    """

    newsletter: str
    language: str = "en"
    subject: str
    preview: str  #: the preheader, which mail programs show after the subject
    title: str
    paragraphs: Sequence[str]
    items: Sequence[LetterItem] = ()  #: what it tells of, below the paragraphs
    items_too: Sequence[LetterItem] = ()  #: what it only names
    button: str = ""  #: the button's label; empty for a letter without a button
    action_url: str = ""  #: URL the button opens
    spelled: str = ""  #: text before the written-out URL; empty where it isn't written out
    after: Sequence[str] = ()  #: paragraphs below the button
    why: str  #: why the reader gets this letter
    links: Sequence[tuple[str, str]] = ()  #: pairs of label and URL, for the footer
    postal_address: str  #: with line breaks
    accent: Accent = OWN
    fonts: FontStack = OWN_FONTS
    logo: LogoView | None = None
