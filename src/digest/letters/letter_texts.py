"""Holds the texts of all letters, in every language the software ships with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from subscribers.models import LetterKind


@dataclass(frozen=True, kw_only=True)
class LetterWords:
    """The texts of one letter, with placeholders such as ``{newsletter}`` and ``{comes}``."""

    subject: str
    preview: str
    title: str
    paragraphs: tuple[str, ...]
    button: str = ""
    after: tuple[str, ...] = ()
    why: str


@dataclass(frozen=True, kw_only=True)
class LetterCatalogue:
    """All letters in one language."""

    letters: Mapping[LetterKind, LetterWords]
    first_issue: LetterWords  #: the welcome letter of a newsletter without an issue
    spelled: str  #: text before the written-out URL of the button
    preferences: str
    unsubscribe: str
    decline: str  #: label of the link for a person who didn't request the letter


EN = LetterCatalogue(
    letters={
        LetterKind.CONFIRM: LetterWords(
            subject="Confirm your subscription to {newsletter}",
            preview="Open the link and press the button there, and the next issue comes to you.",
            title="Is this you?",
            paragraphs=(
                "Somebody gave this address to get {newsletter}{comes}. If that was you, say so"
                " here.",
            ),
            button="Yes, send it to me",
            after=(
                "If it wasn’t you, you need do nothing: the newsletter doesn’t come, and the link"
                " ends after {hours} hours. If you press “This wasn’t me” below, no further letter"
                " like this one comes either.",
            ),
            why=(
                "You get this because this address was entered in our form. It isn’t on any list"
                " yet."
            ),
        ),
        LetterKind.ALREADY: LetterWords(
            subject="You get {newsletter} already",
            preview="Somebody signed this address up again. Nothing has changed.",
            title="You’re on the list already.",
            paragraphs=(
                "This address was entered in our form once more. {newsletter} comes to it{comes} as"
                " before: nothing has changed, and there is nothing to do.",
            ),
            button="See your preferences",
            after=("If it wasn’t you, somebody gave your address, perhaps by a slip. Do nothing.",),
            why="You get this because you are subscribed to {newsletter}.",
        ),
        LetterKind.WELCOME: LetterWords(
            subject="Welcome to {newsletter}",
            preview="You are on the list. Here is the latest issue, to begin with.",
            title="You’re on the list.",
            paragraphs=(
                "{newsletter} comes to you{comes}, and you can leave by one click in every mail.",
                "To begin with, here is the latest issue, No.\u00a0{number} of {date}: “{latest}”.",
            ),
            button="Read the latest issue",
            why="You get this because you confirmed that you want {newsletter}.",
        ),
        LetterKind.CHANGE: LetterWords(
            subject="Shall {newsletter} come to this address?",
            preview="Open the link and press the button there, and it comes here from now on.",
            title="Use this address?",
            paragraphs=(
                "A reader of {newsletter} wants it sent to this address instead of the one they"
                " had. If that was you, say so here.",
            ),
            button="Yes, use this address",
            after=(
                "If it wasn’t you, you need do nothing: nothing changes, and the link ends after"
                " {hours} hours. If you press “This wasn’t me” below, no further letter like this"
                " one comes either.",
            ),
            why=(
                "You get this because a reader gave this as their new address. Nothing else is sent"
                " to it until you say yes."
            ),
        ),
        LetterKind.MOVED: LetterWords(
            subject="{newsletter} goes to another address now",
            preview="It was asked for by a link in your mail. Nothing more comes here.",
            title="It goes elsewhere now.",
            paragraphs=(
                "By the link to the preferences in a mail to this address, somebody asked that"
                " {newsletter} go to another one. That other address has agreed, and nothing more"
                " comes here. If that was you, there is nothing to do.",
                "If it wasn’t you, somebody has your mail, or one that you passed on. You can have"
                " {newsletter} come here again:",
            ),
            button="Sign up again",
            why="You get this once, because {newsletter} came to this address until now.",
        ),
    },
    first_issue=LetterWords(
        subject="Welcome to {newsletter}",
        preview="You are on the list. The first issue is still being written.",
        title="You’re on the list.",
        paragraphs=(
            "{newsletter} comes to you{comes}, and you can leave by one click in every mail.",
            "The first issue is still being written. It will come to you by itself.",
        ),
        why="You get this because you confirmed that you want {newsletter}.",
    ),
    spelled="If the button doesn’t work, open this address:",
    preferences="Preferences",
    unsubscribe="Unsubscribe",
    decline="This wasn’t me",
)

DE = LetterCatalogue(
    letters={
        LetterKind.CONFIRM: LetterWords(
            subject="Bitte bestätigen: {newsletter}",
            preview="Öffnen Sie den Link und drücken Sie dort auf den Knopf.",
            title="Sind Sie das?",
            paragraphs=(
                "Jemand hat diese Adresse angegeben, um {newsletter}{comes} zu bekommen. Wenn Sie"
                " das waren, bestätigen Sie es hier.",
            ),
            button="Ja, bitte schicken",
            after=(
                "Wenn Sie das nicht waren, müssen Sie nichts tun: Der Newsletter kommt nicht, und"
                " der Link gilt nur {hours} Stunden. Wenn Sie unten auf „Das war ich nicht“"
                " drücken, kommt auch keine weitere Mail wie diese.",
            ),
            why=(
                "Sie bekommen diese Mail, weil diese Adresse in unser Formular eingetragen wurde."
                " Sie steht noch auf keiner Liste."
            ),
        ),
        LetterKind.ALREADY: LetterWords(
            subject="Sie bekommen {newsletter} schon",
            preview="Jemand hat diese Adresse noch einmal angemeldet. Es hat sich nichts geändert.",
            title="Sie stehen schon auf der Liste.",
            paragraphs=(
                "Diese Adresse wurde noch einmal in unser Formular eingetragen. {newsletter}"
                " kommt{comes} weiter wie bisher: Es hat sich nichts geändert, und es ist nichts zu"
                " tun.",
            ),
            button="Zu Ihren Einstellungen",
            after=("Wenn Sie das nicht waren, hat sich wohl jemand vertippt: Tun Sie nichts.",),
            why="Sie bekommen diese Mail, weil Sie {newsletter} abonniert haben.",
        ),
        LetterKind.WELCOME: LetterWords(
            subject="Willkommen bei {newsletter}",
            preview="Sie stehen auf der Liste. Zum Anfang: die letzte Ausgabe.",
            title="Sie stehen auf der Liste.",
            paragraphs=(
                "Sie bekommen {newsletter}{comes} und können sich in jeder Mail mit einem Klick"
                " abmelden.",
                "Zum Anfang ist hier die letzte Ausgabe, Nr.\u00a0{number} vom {date}: „{latest}“.",
            ),
            button="Die letzte Ausgabe lesen",
            why="Sie bekommen diese Mail, weil Sie bestätigt haben, dass Sie {newsletter} möchten.",
        ),
        LetterKind.CHANGE: LetterWords(
            subject="{newsletter} künftig an diese Adresse?",
            preview="Öffnen Sie den Link und drücken Sie dort auf den Knopf.",
            title="Künftig an diese Adresse?",
            paragraphs=(
                "Jemand, der {newsletter} liest, möchte es künftig an diese Adresse statt an die"
                " bisherige bekommen. Wenn Sie das waren, bestätigen Sie es hier.",
            ),
            button="Ja, diese Adresse",
            after=(
                "Wenn Sie das nicht waren, müssen Sie nichts tun: Es ändert sich nichts, und der"
                " Link gilt nur {hours} Stunden. Wenn Sie unten auf „Das war ich nicht“ drücken,"
                " kommt auch keine weitere Mail wie diese.",
            ),
            why=(
                "Sie bekommen diese Mail, weil jemand diese Adresse als neue angegeben hat. Bis Sie"
                " zustimmen, kommt sonst nichts."
            ),
        ),
        LetterKind.MOVED: LetterWords(
            subject="{newsletter} geht jetzt an eine andere Adresse",
            preview="So wurde es über einen Link in Ihrer Mail gewünscht. Hierher kommt nichts.",
            title="Es geht jetzt woandershin.",
            paragraphs=(
                "Über den Link zu den Einstellungen in einer Mail an diese Adresse hat jemand"
                " gewünscht, dass {newsletter} an eine andere geht. Die andere Adresse hat"
                " zugestimmt, und hierher kommt nichts mehr. Wenn Sie das waren, ist nichts zu"
                " tun.",
                "Wenn Sie das nicht waren, hat jemand Ihre Mail oder eine, die Sie weitergegeben"
                " haben. Sie können sich {newsletter} wieder hierher schicken lassen:",
            ),
            button="Wieder anmelden",
            why="Sie bekommen diese Mail einmal, weil {newsletter} bisher an diese Adresse kam.",
        ),
    },
    first_issue=LetterWords(
        subject="Willkommen bei {newsletter}",
        preview="Sie stehen auf der Liste. Die erste Ausgabe wird noch geschrieben.",
        title="Sie stehen auf der Liste.",
        paragraphs=(
            "Sie bekommen {newsletter}{comes} und können sich in jeder Mail mit einem Klick"
            " abmelden.",
            "Die erste Ausgabe wird noch geschrieben. Sie kommt von selbst.",
        ),
        why="Sie bekommen diese Mail, weil Sie bestätigt haben, dass Sie {newsletter} möchten.",
    ),
    spelled="Falls der Knopf nicht geht, öffnen Sie diese Adresse:",
    preferences="Einstellungen",
    unsubscribe="Abbestellen",
    decline="Das war ich nicht",
)

CATALOGUES: Mapping[str, LetterCatalogue] = {"en": EN, "de": DE}


def letter_catalogue(language: str) -> LetterCatalogue:
    """Return the texts for a BCP 47 tag by its first part ("de" of "de-AT"), else English."""
    return CATALOGUES.get(language.partition("-")[0].lower(), EN)
