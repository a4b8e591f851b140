"""What the templates of letters may know: one-off mails that belong to no issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LetterView:
    """A letter in words of ours: nothing in it was typed by who asked for it.

    Render it with ``render("letter", {"letter": letter})``.
    """

    newsletter: str
    language: str = "en"
    subject: str
    preview: str  #: what mailboxes show after the subject
    title: str
    paragraphs: Sequence[str]
    button: str = ""  #: none where there is nothing to do
    action_url: str = ""  #: what the button opens
    spelled: str = ""  #: words before the button's address, where it has to be written out
    after: Sequence[str] = ()  #: what stands below the button
    why: str  #: why the reader gets this
    links: Sequence[tuple[str, str]] = ()  #: (words, URL), for the foot
    postal_address: str  #: line by line
