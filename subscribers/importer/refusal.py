"""Why a line of a list isn't imported, and how its reader stood at the former service.

The values are the words of the report and of the file of refused lines.
"""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """Why a line isn't imported; an unreadable address has an `AddressFault` instead."""

    LEFT_THERE = "left at the former service"
    BOUNCED_THERE = "bounced at the former service"
    COMPLAINED_THERE = "complained at the former service"
    UNCONFIRMED_THERE = "had not confirmed at the former service"
    NO_CONSENT_THERE = "had not agreed at the former service, or it doesn't say when"
    UNKNOWN_THERE = "the former service's word for the standing isn't known here"
    PAUSED_THERE = "takes a break at the former service, and wants no mail now"
    SUPPRESSED_THERE = "must not be mailed, the former service says"
    LEFT_ELSEWHERE = "another line of the list says, or may say, that this address left"
    TWICE = "stands in the list twice"
    ALREADY = "is subscribed already"
    PENDING = "has signed up here and not confirmed yet"
    LEFT = "left here"
    MOVED = "has another address here since"
    ERASED = "asked to be forgotten here"
    BOUNCED = "bounced here"
    COMPLAINED = "complained here"
    SUPPRESSED = "must not be mailed, an operator or the provider says"


NOT_SAID = "not said"  #: the list has no column that tells how its readers stand
NOT_UNDERSTOOD = "not understood"  #: the list has one, with a word that isn't known here

_STANDINGS: dict[Refusal | None, str] = {
    None: "subscribed",
    Refusal.LEFT_THERE: "unsubscribed",
    Refusal.BOUNCED_THERE: "bounced",
    Refusal.COMPLAINED_THERE: "complained",
    Refusal.UNCONFIRMED_THERE: "pending",
    Refusal.NO_CONSENT_THERE: "no consent",
    Refusal.UNKNOWN_THERE: NOT_UNDERSTOOD,
    Refusal.PAUSED_THERE: "paused",
    Refusal.SUPPRESSED_THERE: "suppressed",
}


def standing_there(refusal: Refusal | None) -> str:
    """Return the word for how a reader stood at the former service, by what its columns say."""
    return _STANDINGS[refusal]
