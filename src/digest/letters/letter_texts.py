"""Holds the words of every letter to a reader, in English; the catalogues have them in others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from subscribers.locale import N_
from subscribers.models import LetterKind


@dataclass(frozen=True, kw_only=True)
class LetterWords:
    """The words of one letter, with placeholders such as ``%(newsletter)s``.

    ``%(rhythm)s`` is a sentence on how often issues come out, or empty; ``%(about)s`` is what a
    link opens that was asked for; ``%(num)s`` is how many things the letter tells of.
    """

    subject: str
    preview: str
    title: str
    paragraphs: tuple[str, ...]
    button: str = ""
    after: tuple[str, ...] = ()
    why: str


LETTERS: Mapping[LetterKind, LetterWords] = {
    LetterKind.CONFIRM: LetterWords(
        subject=N_("Confirm your subscription to %(newsletter)s"),
        preview=N_("Open the link and press the button to get the next issue."),
        title=N_("Please confirm your subscription"),
        paragraphs=(
            N_(
                "Someone entered this address to subscribe to %(newsletter)s. %(rhythm)s If that"
                " was you, please confirm."
            ),
        ),
        button=N_("Confirm subscription"),
        after=(
            N_(
                "If it wasn’t you, ignore this email: you won’t be subscribed, and the link expires"
                " after %(hours)s. To get no more emails like this one, use “This wasn’t me” below."
            ),
        ),
        why=N_(
            "You’re receiving this because someone entered this address in our sign-up form. It"
            " isn’t on our list yet."
        ),
    ),
    LetterKind.ALREADY: LetterWords(
        subject=N_("You’re already subscribed to %(newsletter)s"),
        preview=N_("Someone entered your address again. Nothing has changed."),
        title=N_("You’re already subscribed"),
        paragraphs=(
            N_(
                "Someone entered this address in our sign-up form again. You’ll keep getting"
                " %(newsletter)s as before, and there’s nothing you need to do. %(rhythm)s"
            ),
        ),
        button=N_("See your preferences"),
        after=(
            N_(
                "If it wasn’t you, someone probably mistyped their own address. You can ignore this"
                " email."
            ),
        ),
        why=N_("You’re receiving this because you subscribed to %(newsletter)s."),
    ),
    LetterKind.WELCOME: LetterWords(
        subject=N_("Welcome to %(newsletter)s"),
        preview=N_("You’re subscribed. Here’s the latest issue to start with."),
        title=N_("You’re subscribed"),
        paragraphs=(
            N_(
                "Thanks for subscribing to %(newsletter)s. %(rhythm)s To unsubscribe at any time,"
                " use the link in any issue."
            ),
            N_(
                "To start with, here’s the latest issue: No.\u00a0%(number)s, %(date)s,"
                " “%(latest)s”."
            ),
        ),
        button=N_("Read the latest issue"),
        why=N_("You’re receiving this because you confirmed your subscription to %(newsletter)s."),
    ),
    LetterKind.CHANGE: LetterWords(
        subject=N_("Confirm your new address for %(newsletter)s"),
        preview=N_("Open the link and press the button to get your issues here."),
        title=N_("Please confirm your new address"),
        paragraphs=(
            N_(
                "A reader of %(newsletter)s asked us to send it to this address instead of their"
                " old one. If that was you, please confirm."
            ),
        ),
        button=N_("Confirm this address"),
        after=(
            N_(
                "If it wasn’t you, ignore this email: nothing will change, and the link expires"
                " after %(hours)s. To get no more emails like this one, use “This wasn’t me” below."
            ),
        ),
        why=N_(
            "You’re receiving this because a reader gave this as their new address. We won’t send"
            " anything else to it unless you confirm."
        ),
    ),
    LetterKind.MOVED: LetterWords(
        subject=N_("Your subscription to %(newsletter)s has moved"),
        preview=N_("No more issues will come to this address."),
        title=N_("Your subscription has moved to another address"),
        paragraphs=(
            N_(
                "Someone used the preferences link in an email to this address to move your"
                " subscription to %(newsletter)s. The other address has confirmed, so we won’t"
                " send any more issues here. If that was you, there’s nothing you need to do."
            ),
            N_(
                "If it wasn’t you, someone can read your mail, or has an email that you forwarded."
                " You can have %(newsletter)s sent here again:"
            ),
        ),
        button=N_("Subscribe again"),
        why=N_(
            "You’re receiving this one last email because %(newsletter)s used to come to this"
            " address."
        ),
    ),
    LetterKind.VOTE: LetterWords(
        subject=N_("Your vote on %(about)s"),
        preview=N_("Open the link and press the button. Your vote counts from then on."),
        title=N_("Cast your vote on %(about)s"),
        paragraphs=(
            N_(
                "Someone entered this address on our site to vote on %(about)s. If that was you,"
                " open the link and press the button there."
            ),
        ),
        button=N_("Cast your vote"),
        after=(
            N_("You can use the link for %(days)s, also to change your vote."),
            N_(
                "If it wasn’t you, ignore this email: no vote is counted. To get no more emails"
                " like this one, use “This wasn’t me” below."
            ),
        ),
        why=N_("You’re receiving this because someone entered this address on our site to vote."),
    ),
    LetterKind.VERDICT_CHANGED: LetterWords(
        subject=N_("The verdict changed: %(about)s"),
        preview=N_("Here’s what’s different now."),
        title=N_("The verdict changed"),
        paragraphs=(N_("Here’s what’s different in %(about)s since you last saw it:"),),
        button=N_("Read the comparison"),
        after=(N_("To stop these emails and keep %(newsletter)s, open “Preferences” below."),),
        why=N_(
            "You’re receiving this because you asked for an email when a verdict changes on tools"
            " that you voted on or read about in an issue."
        ),
    ),
}

#: The letter on changed verdicts of several comparisons.
VERDICTS_CHANGED = replace(
    LETTERS[LetterKind.VERDICT_CHANGED],
    subject=N_("%(num)s verdicts have changed"),
    title=N_("%(num)s verdicts have changed"),
    paragraphs=(N_("Here’s what’s different in these comparisons since you last saw them:"),),
    button=N_("See all comparisons"),
)

#: The letter to vote, for who asked for the newsletter as well.
VOTE_AND_JOIN = replace(
    LETTERS[LetterKind.VOTE],
    preview=N_("Open the link and press the button to vote and to get the next issue."),
    paragraphs=(
        N_(
            "Someone entered this address on our site to vote on %(about)s and to subscribe to"
            " %(newsletter)s. %(rhythm)s If that was you, open the link and press the button there,"
            " which does both."
        ),
    ),
    button=N_("Vote and subscribe"),
    after=(
        N_(
            "You can use the link for %(days)s, also to change your vote. It subscribes you only in"
            " the first %(hours)s."
        ),
        N_(
            "If it wasn’t you, ignore this email: no vote is counted, and you won’t be subscribed."
            " To get no more emails like this one, use “This wasn’t me” below."
        ),
    ),
)

#: The welcome to a newsletter that has no issue yet.
FIRST_ISSUE = replace(
    LETTERS[LetterKind.WELCOME],
    preview=N_("You’re subscribed. The first issue isn’t out yet."),
    paragraphs=(
        LETTERS[LetterKind.WELCOME].paragraphs[0],
        N_("The first issue isn’t out yet. We’ll email it to you as soon as it is."),
    ),
    button="",
)
