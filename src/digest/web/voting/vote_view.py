"""What the templates of the vote pages may read, in words of the visitor's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.comparisons.models import Call
from digest.issues.content import ContenderView
from digest.web.comparison_page import comparison_path
from digest.web.voting.ballot_papers import BallotPaper
from subscribers.locale import N_, translations

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
    questions: Sequence[VoteQuestion]
    comparison: str  #: path of the comparison's page
    language: str  #: to be kept when the form is sent; empty where none was asked for
    fault: str = ""  #: why the form was refused
    notice: str = ""


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
        questions=[
            _question(side, slug, chosen.get(slug), standing.get(slug), language)
            for slug, side in zip(paper.tool_ids, paper.sides, strict=True)
        ],
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
