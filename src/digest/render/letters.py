"""What the templates of letters may know: one-off mails that belong to no issue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LetterView:
    """A letter in words of ours: nothing in it was typed by who asked for it.

    Render it with ``render("confirm", {"letter": letter})`` or ``"welcome"``.
    """

    newsletter: str
    postal_address: str  #: line by line
    action_url: str  #: what the button opens; may end in a token or a reader's tag
    language: str = "en"
    cadence: str = ""  #: how often it comes, as it reads after "comes": "every Tuesday"
    hours: int = 0  #: how long the link lasts; 0 for as long as the mail does
    unsubscribe_url: str = ""
    preferences_url: str = ""
