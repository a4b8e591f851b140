"""What the templates of the vote pages may read, in words of the visitor's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from digest.comparisons.models import Call
from digest.issues.content import ContenderView
from digest.votes import HeldReason, ScanSign, VoteCount
from digest.web.comparison_page import comparison_path
from digest.web.voting.ballot_box import CastVote
from digest.web.voting.ballot_papers import BallotPaper
from subscribers.locale import N_, listed, percentage, translations

FIELD = "tool-"  #: what the form's fields are called, before the slug of their tool
_SO_FAR = {
    Call.SHIP: N_("Your vote so far: ship."),
    Call.SKIP: N_("Your vote so far: skip."),
}


@dataclass(frozen=True, kw_only=True)
class VoteQuestion:
    """One tool to vote on."""

    field: str  #: the name of its radio buttons
    tool: str
    chosen: str  #: "ship", "skip", or empty
    so_far: str  #: a sentence on the reader's vote as it stands, or empty


@dataclass(frozen=True, kw_only=True)
class VoteForm:
    """The page of a vote link: the form, with what the link has chosen."""

    title: str
    path: str  #: that the form posts to
    questions: tuple[VoteQuestion, ...]
    comparison: str  #: path of the comparison's page
    language: str  #: to be kept when the form is sent; empty where none was asked for
    fault: str = ""  #: why the form was refused
    notice: str = ""
    joins: str = ""  #: the newsletter that the button subscribes to as well, or empty


def vote_form(
    paper: BallotPaper,
    path: str,
    *,
    chosen: Mapping[str, Call | None],
    standing: Mapping[str, Call],
    language: str,
    kept_language: str = "",
    fault: str = "",
    notice: str = "",
) -> VoteForm:
    """Return the form of a reader; *chosen* and *standing*, by slug, are a link's and their own."""
    return VoteForm(
        title=paper.title,
        path=path,
        questions=tuple(
            _question(side, slug, chosen.get(slug), standing.get(slug), language)
            for slug, side in zip(paper.tool_ids, paper.sides, strict=True)
        ),
        comparison=comparison_path(paper.slug),
        language=kept_language,
        fault=fault,
        notice=notice,
    )


def _question(
    side: ContenderView, slug: str, chosen: Call | None, standing: Call | None, language: str
) -> VoteQuestion:
    preset = chosen or standing
    return VoteQuestion(
        field=f"{FIELD}{slug}",
        tool=side.short_name,
        chosen=preset.value if preset else "",
        so_far=translations(language).gettext(_SO_FAR[standing]) if standing else "",
    )


@dataclass(frozen=True, kw_only=True)
class VoteResult:
    """One tool after the vote: what the reader, all readers and the panel say."""

    slug: str
    tool: str
    name: str
    own: str  #: "ship", "skip", or empty
    readers: str  #: "71% would ship · 612 votes"
    interval: str  #: "67–74%", or empty
    panel: str  #: "75% · 3 ship · 1 skip", or empty


@dataclass(frozen=True, kw_only=True)
class VoteAnswer:
    """The page after a press of a button."""

    title: str
    told: str  #: what the reader has voted, in a sentence
    notes: tuple[str, ...]  #: what else there is to know
    results: tuple[VoteResult, ...]
    path: str  #: that forms post to
    change: str  #: path of the page to change the vote on
    again: tuple[tuple[str, str], ...]  #: the fields of a button that votes once more, or none
    comparison: str  #: path of the comparison's page
    language: str  #: to be kept in forms; empty where none was asked for
    joins: bool = False  #: the button that votes once more subscribes as well
    onward: tuple[tuple[str, str], ...] = ()  #: links, as (label, path)


#: What becomes of a vote that isn't counted, in words that help a reader and teach no cheat.
_HELD = {
    HeldReason.SCANNER: N_(
        "This doesn’t count yet: it came right after the email, or along with many of its links, as"
        " if a program had done it. Please wait a minute, then press the button again."
    ),
    HeldReason.UNDELIVERED: N_(
        "It counts as soon as we know that the email reached you, usually within minutes."
    ),
    HeldReason.SUPPRESSED: N_("We don’t count it, because we can’t send email to your address."),
    HeldReason.DISPOSABLE: N_("We don’t count it, because your address is a throwaway address."),
    HeldReason.MAILBOX: N_(
        "We don’t count it, because another address of the same mailbox has voted."
    ),
    HeldReason.NETWORK: N_(
        "We don’t count it, because many new addresses voted from the same network."
    ),
}

#: What of a scanner's press another minute doesn't change, in the same way.
_NOT_FROM_HERE = {
    ScanSign.MACHINE: N_(
        "This doesn’t count, because your browser looks like a program to us. Please open the link"
        " in another browser."
    ),
    ScanSign.NETWORK: N_(
        "This doesn’t count, because it came through a network where programs check emails. Please"
        " open the link in another network, such as your phone’s."
    ),
}


def vote_answer(
    cast: CastVote,
    paper: BallotPaper,
    path: str,
    *,
    shown_from: int,
    taken_back: str = "",
    language: str,
    kept_language: str = "",
) -> VoteAnswer:
    """Return the page after a press; *taken_back* is the slug of the tool it took back."""
    refused = cast.held is HeldReason.SCANNER
    again = refused and cast.sign not in _NOT_FROM_HERE
    names = {slug: side.short_name for slug, side in zip(paper.tool_ids, paper.sides, strict=True)}
    pressed = [(slug, call) for slug in names if (call := cast.pressed.get(slug))]
    return VoteAnswer(
        title=_title(cast, language, taken_back=bool(taken_back)),
        told=_told_taken_back(names[taken_back], language, refused=refused)
        if taken_back
        else _told(pressed, names, language),
        notes=_notes(cast, language),
        results=_results(cast, paper, shown_from, language),
        path=path,
        change=f"{path}?lang={kept_language}" if kept_language else path,
        again=tuple((f"{FIELD}{slug}", call.value) for slug, call in pressed if again),
        comparison=comparison_path(paper.slug),
        language=kept_language,
    )


def _title(cast: CastVote, language: str, *, taken_back: bool) -> str:
    words = translations(language)
    if cast.sign in _NOT_FROM_HERE:
        return words.gettext("Please open the link elsewhere")
    if cast.held is HeldReason.SCANNER:
        return words.gettext("Please press the button again")
    if taken_back:
        return words.gettext("Vote taken back")
    if cast.held is None or cast.held is HeldReason.UNDELIVERED:
        return words.gettext("Thank you for your vote")
    return words.gettext("Your vote isn’t counted")


def _notes(cast: CastVote, language: str) -> tuple[str, ...]:
    if cast.held is None:
        return ()
    held = _HELD[cast.held]
    text = _NOT_FROM_HERE.get(cast.sign, held) if cast.sign else held
    return (translations(language).gettext(text),)


def _told_taken_back(tool: str, language: str, *, refused: bool) -> str:
    words = translations(language)
    text = (
        words.gettext("Your vote on %(tool)s hasn’t been taken back yet.")
        if refused
        else words.gettext("Your vote on %(tool)s no longer counts.")
    )
    return text % {"tool": tool}


def _told(calls: Sequence[tuple[str, Call]], names: Mapping[str, str], language: str) -> str:
    """Return votes in a sentence: "You’d ship Modal and skip Code Llama 4."."""
    words = translations(language)
    ships = listed([names[slug] for slug, call in calls if call is Call.SHIP], language)
    skips = listed([names[slug] for slug, call in calls if call is Call.SKIP], language)
    if ships and skips:
        text = words.gettext("You’d ship %(ships)s and skip %(skips)s.")
        return text % {"ships": ships, "skips": skips}
    if ships:
        return words.gettext("You’d ship %(tools)s.") % {"tools": ships}
    return words.gettext("You’d skip %(tools)s.") % {"tools": skips}


def _results(
    cast: CastVote, paper: BallotPaper, shown_from: int, language: str
) -> tuple[VoteResult, ...]:
    return tuple(
        _result(
            replace(
                side,
                votes=cast.counts.get(tool_id, VoteCount()),
                votes_shown_from=shown_from,
            ),
            slug,
            cast.standing.get(slug),
            language,
        )
        for (slug, tool_id), side in zip(paper.tool_ids.items(), paper.sides, strict=True)
    )


def _result(side: ContenderView, slug: str, own: Call | None, language: str) -> VoteResult:
    return VoteResult(
        slug=slug,
        tool=side.short_name,
        name=side.name,
        own=own.value if own else "",
        readers=side.readers,
        interval=side.readers_interval,
        panel=_panel(side, language),
    )


def _panel(side: ContenderView, language: str) -> str:
    if side.panel_share is None:
        return side.split
    share = percentage(side.panel_share, language)
    if side.split:
        return f"{share} · {side.split}"
    return translations(language).gettext("%(share)s would ship") % {"share": share}
