"""How the votes on one tool read: in words, and how sure the share is.

Shares of readers are whole percents; a share from too few votes isn't said at all.
"""

from __future__ import annotations

from digest.votes.counting import VoteCount
from subscribers.locale import percentage, translations, whole_number


def votes_in_words(count: VoteCount, language: str, *, shown_from: int) -> str:
    """Return "71% would ship · 612 votes", below *shown_from* "3 votes so far", "No votes yet"."""
    words, number = translations(language), {"num": whole_number(count.votes, language)}
    if count.share is None:
        return words.gettext("No votes yet")
    if count.votes < shown_from:
        return words.ngettext("%(num)s vote so far", "%(num)s votes so far", count.votes) % number
    share = percentage(count.share, language, decimals=0)
    told = words.gettext("%(share)s would ship") % {"share": share}
    of_all = words.ngettext("%(num)s vote", "%(num)s votes", count.votes) % number
    return f"{told} · {of_all}"


def interval_in_words(count: VoteCount, language: str, *, shown_from: int) -> str:
    """Return the 95 % interval of the share, "67–74%".

    It is empty where no share is shown, and where so many voted that both ends are the share.
    """
    low, high = map(round, count.interval)
    if count.votes < max(shown_from, 1) or low == high:
        return ""
    return f"{low}\N{EN DASH}{percentage(high, language)}"
