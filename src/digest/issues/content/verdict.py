"""How the panel's verdict on one comparison is worded: the line in its block, and its story.

The line has a lead in a few words and a rest with the reviewers behind it. The story is a title
without a full stop, in forms from the fullest to the shortest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from digest.issues.content.number_words import (
    all_reviewers,
    number,
    number_first,
    reviewers,
    votes,
)
from digest.issues.content.standing import PairStanding, Support, share_of, standing, support
from digest.issues.content.view import ContenderView
from subscribers.locale import percentage, translations


class VerdictLine(NamedTuple):
    """The verdict on a comparison: "Ship Modal.", "All four reviewers would; …", or no rest."""

    lead: str
    rest: str


def verdict_line(contenders: Sequence[ContenderView], language: str) -> VerdictLine:
    """Return the verdict on two contenders, or on the one that is left."""
    stands = standing(contenders)
    if stands is None:
        lead, rest = _of_one(contenders, language)
    elif stands.tie:
        lead, rest = _tie_lead(stands, language), _tie_rest(stands, language)
    else:
        lead, rest = _lead(stands, language), _rest(stands, language)
    return VerdictLine(_ended_once(lead), _ended_once(rest))


def _ended_once(sentence: str) -> str:
    """Return a sentence without the full stop behind a name that is cut short: its "…" ends it."""
    return sentence.replace("….", "…")


def _lead(stands: PairStanding, language: str) -> str:
    words, name = translations(language), {"tool": stands.ahead.short_name}
    if stands.support in (Support.ALL, Support.MOST):
        return words.gettext("Ship %(tool)s.") % name
    if stands.support is Support.HALF:
        return words.gettext("%(tool)s, if either.") % name
    return words.gettext("Skip both.")


def _rest(stands: PairStanding, language: str) -> str:
    words, ahead, behind = translations(language), stands.ahead, stands.behind
    if not stands.in_seats or ahead.ships is None or behind.ships is None:
        return _rest_without_seats(stands, language)
    values = {
        "all": all_reviewers(ahead.seats, language),
        "ships": number_first(ahead.ships, language),
        "seats": number(ahead.seats, language),
        "others": reviewers(behind.ships, language),
        "tool": ahead.short_name,
        "other": behind.short_name,
    }
    skips = behind.seats - behind.ships
    if stands.support is Support.ALL and skips <= behind.ships:
        text = words.ngettext(
            "%(all)s would; one would skip %(other)s.",
            "%(all)s would; %(skips)s would skip %(other)s.",
            skips,
        )
        return text % {**values, "skips": number(skips, language)}
    if stands.support is Support.ALL:
        return words.gettext("%(all)s would; %(others)s would ship %(other)s.") % values
    if stands.support is Support.MOST:
        text = words.gettext(
            "%(ships)s of %(seats)s reviewers would; %(others)s would ship %(other)s."
        )
        return text % values
    text = words.ngettext(
        "One of %(seats)s reviewers would ship %(tool)s; %(others)s would ship %(other)s.",
        "%(ships)s of %(seats)s reviewers would ship %(tool)s; %(others)s would ship %(other)s.",
        ahead.ships,
    )
    return text % values


def _rest_without_seats(stands: PairStanding, language: str) -> str:
    words, other = translations(language), {"other": stands.behind.short_name}
    if stands.support is Support.FEW:
        return words.gettext("Most of the panel would ship neither.")
    return words.gettext("The panel rates it above %(other)s.") % other


def _tie_lead(stands: PairStanding, language: str) -> str:
    words = translations(language)
    if stands.support in (Support.ALL, Support.MOST):
        return words.gettext("Ship either.")
    return (
        words.gettext("A tie.") if stands.support is Support.HALF else words.gettext("Skip both.")
    )


def _tie_rest(stands: PairStanding, language: str) -> str:
    words, ahead = translations(language), stands.ahead
    if not stands.in_seats or ahead.ships is None:
        return words.gettext("The panel rates them alike.")
    values = {
        "all": all_reviewers(ahead.seats, language),
        "ships": number(ahead.ships, language),
        "seats": number(ahead.seats, language),
    }
    if stands.support is Support.ALL:
        return words.gettext("%(all)s would ship both.") % values
    if stands.support is Support.NONE:
        return words.gettext("Not one of the %(seats)s reviewers would ship either.") % values
    text = words.ngettext(
        "Each has one of %(seats)s reviewers behind it.",
        "Each has %(ships)s of %(seats)s reviewers behind it.",
        ahead.ships,
    )
    return text % values


def _of_one(contenders: Sequence[ContenderView], language: str) -> tuple[str, str]:
    words = translations(language)
    known = [each for each in contenders if share_of(each) is not None]
    others = [each for each in contenders if share_of(each) is None]
    if not known:
        return words.gettext("No verdict yet."), words.gettext(
            "The panel’s vote hasn’t been published."
        )
    tool = {"tool": known[0].short_name}
    lead = {
        Support.HALF: words.gettext("Split on %(tool)s."),
        Support.FEW: words.gettext("Skip %(tool)s."),
        Support.NONE: words.gettext("Skip %(tool)s."),
    }.get(support(share_of(known[0]) or 0), words.gettext("Ship %(tool)s."))
    rest = words.gettext("The panel’s vote on %(other)s hasn’t been published.")
    return lead % tool, rest % {"other": others[0].short_name} if others else ""


def stories(contenders: Sequence[ContenderView], language: str) -> list[str]:
    """Return the story of a comparison, from the fullest form to the shortest; none of no share."""
    stands = standing(contenders)
    if stands is None:
        return _story_of_one(contenders, language)
    if stands.support is Support.NONE or (stands.support is Support.FEW and not stands.tie):
        return _story_of_neither(contenders, language)
    return _story_of_tie(stands, language) if stands.tie else _story_of_win(stands, language)


def _story_of_win(stands: PairStanding, language: str) -> list[str]:
    words, ahead, behind = translations(language), stands.ahead, stands.behind
    names = {"ahead": ahead.short_name, "behind": behind.short_name}
    brief = words.gettext("%(ahead)s beats %(behind)s") % names
    if not stands.in_seats or ahead.ships is None or behind.ships is None:
        text = words.gettext("%(ahead)s beats %(behind)s, %(share)s to %(other_share)s")
        shares = (
            percentage(share, language) for share in (stands.ahead_share, stands.behind_share)
        )
        return [text % {**names, **dict(zip(("share", "other_share"), shares, strict=True))}, brief]
    text = words.ngettext(
        "%(ahead)s beats %(behind)s, one ship to %(others)s",
        "%(ahead)s beats %(behind)s, %(ships)s ships to %(others)s",
        ahead.ships,
    )
    counts = {"ships": votes(ahead.ships, language), "others": votes(behind.ships, language)}
    return [text % {**names, **counts}, brief]


def _story_of_tie(stands: PairStanding, language: str) -> list[str]:
    words, ahead = translations(language), stands.ahead
    names = {"left": ahead.short_name, "right": stands.behind.short_name}
    if stands.support is Support.ALL:
        return [
            words.gettext("%(left)s or %(right)s? The panel would ship both") % names,
            words.gettext("%(left)s or %(right)s? Both") % names,
        ]
    brief = words.gettext("%(left)s and %(right)s tie") % names
    if not stands.in_seats or ahead.ships is None:
        share = percentage(stands.ahead_share, language)
        text = words.gettext("%(left)s and %(right)s tie at %(share)s")
        return [text % {**names, "share": share}, brief]
    text = words.ngettext(
        "%(left)s and %(right)s tie, one ship each",
        "%(left)s and %(right)s tie, %(ships)s ships each",
        ahead.ships,
    )
    return [text % {**names, "ships": votes(ahead.ships, language)}, brief]


def _story_of_neither(contenders: Sequence[ContenderView], language: str) -> list[str]:
    words, (left, right) = translations(language), contenders
    names = {"left": left.short_name, "right": right.short_name}
    return [
        words.gettext("%(left)s or %(right)s? The panel would ship neither") % names,
        words.gettext("%(left)s or %(right)s? Neither") % names,
    ]


def _story_of_one(contenders: Sequence[ContenderView], language: str) -> list[str]:
    known = [each for each in contenders if share_of(each) is not None]
    if not known:
        return []
    share = percentage(share_of(known[0]) or 0, language)
    text = translations(language).gettext("%(tool)s: %(share)s of the panel would ship it")
    return [text % {"tool": known[0].short_name, "share": share}]
