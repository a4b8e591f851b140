"""What readers voted on the last issue, told at the top of the next one: one sentence, and a link.

It tells of the tool on which readers and the panel differ most. A share is of the votes on that
tool; where not everyone who voted had a word on it, the sentence says how many had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from digest.comparisons.models import Revision
from digest.issues.content.standing import share_of
from digest.issues.content.view import EchoView, contender_view
from digest.votes import VoteCount, VoteCounts
from subscribers.locale import N_, SOURCE, percentage, translations, whole_number

_FEWEST = 2  # votes; the only one isn't what "you" think, and tells what one reader thinks


class EchoForm(StrEnum):
    """How the sentence begins; no two issues running begin alike."""

    TURNOUT = "turnout"  #: with how many voted
    ISSUE = "issue"  #: with the issue that they voted on


@dataclass(frozen=True, kw_only=True)
class EchoFacts:
    """What the sentence tells, as it stood when the issue was built."""

    turnout: int  #: readers who voted on the last issue
    comparison: str  #: slug
    tool: str  #: its short name
    votes: VoteCount  #: on this tool
    panel_share: float | None  #: percent of the panel who would ship it, where that is known
    form: EchoForm = EchoForm.TURNOUT

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON types, which `from_dict` reads."""
        return {**asdict(self), "votes": list(self.votes)}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> EchoFacts:
        """Return the facts that were kept."""
        votes, form = VoteCount(*kept["votes"]), EchoForm(kept["form"])
        return cls(**{**kept, "votes": votes, "form": form})


def echo_facts(
    carried: Sequence[Revision],
    counts: VoteCounts,
    turnout: int,
    *,
    shown_from: int,
    before: EchoFacts | None = None,
) -> EchoFacts | None:
    """Return what to tell of the votes on an issue; ``None`` where too few voted on each tool.

    *carried* is what it carried, *turnout* how many readers voted on any of that, and *before* what
    was told at the last occasion.
    """
    told = list(_tools(carried, counts, turnout, max(shown_from, _FEWEST)))
    if not told:
        return None
    form = EchoForm.ISSUE if before and before.form is EchoForm.TURNOUT else EchoForm.TURNOUT
    return EchoFacts(**{**vars(max(told, key=_gap)), "form": form})


def _tools(
    carried: Sequence[Revision], counts: VoteCounts, turnout: int, fewest: int
) -> Iterator[EchoFacts]:
    for revision in carried:
        for side in revision.contenders:
            votes = counts.get(revision.comparison_id, {}).get(side.tool_id, VoteCount())
            if votes.votes >= fewest:
                view = contender_view(side, seats=revision.seats, language=SOURCE)
                yield EchoFacts(
                    turnout=max(turnout, votes.votes),
                    comparison=revision.comparison.slug,
                    tool=view.short_name,
                    votes=votes,
                    panel_share=share_of(view),
                )


def _gap(facts: EchoFacts) -> tuple[float, int]:
    """Return a sort key: the points between readers and panel, then the votes."""
    share, panel = facts.votes.share, facts.panel_share
    apart = -1.0 if share is None or panel is None else abs(share - panel)
    return apart, facts.votes.votes


def echo_view(facts: EchoFacts, language: str, *, base_url: str) -> EchoView:
    """Return the sentence, with a link to the comparison."""
    values = {
        "turnout": whole_number(facts.turnout, language),
        "votes": whole_number(facts.votes.votes, language),
        "tool": facts.tool,
        "share": percentage(facts.votes.share or 0.0, language, decimals=0),
    }
    panel = facts.panel_share
    if panel is not None:
        values["panel"] = percentage(panel, language)  # as the mail shows it
    whole = facts.form is EchoForm.ISSUE or facts.votes.votes == facts.turnout
    unlike, alike, unknown = _WORDS[facts.form, whole]
    words = unknown if panel is None else alike if values["panel"] == values["share"] else unlike
    return EchoView(
        text=translations(language).gettext(words) % values,
        slug=facts.comparison,
        url=f"{base_url}/comparisons/{facts.comparison}",
    )


#: By form, and by whether all who voted did on this tool: where the panel said something else,
#: where it said the same, and where its share isn't known.
_WORDS = {
    (EchoForm.TURNOUT, True): (
        N_(
            "Last time, %(turnout)s of you voted: %(share)s would ship %(tool)s, the panel said"
            " %(panel)s."
        ),
        N_(
            "Last time, %(turnout)s of you voted: %(share)s would ship %(tool)s, and the panel"
            " said the same."
        ),
        N_("Last time, %(turnout)s of you voted: %(share)s would ship %(tool)s."),
    ),
    (EchoForm.TURNOUT, False): (
        N_(
            "Last time, %(turnout)s of you voted, %(votes)s on %(tool)s: %(share)s would ship it,"
            " the panel said %(panel)s."
        ),
        N_(
            "Last time, %(turnout)s of you voted, %(votes)s on %(tool)s: %(share)s would ship it,"
            " and the panel said the same."
        ),
        N_("Last time, %(turnout)s of you voted, %(votes)s on %(tool)s: %(share)s would ship it."),
    ),
    (EchoForm.ISSUE, True): (
        N_(
            "From our last issue: %(share)s of your %(votes)s votes on %(tool)s say ship, the"
            " panel said %(panel)s."
        ),
        N_(
            "From our last issue: %(share)s of your %(votes)s votes on %(tool)s say ship, and the"
            " panel said the same."
        ),
        N_("From our last issue: %(share)s of your %(votes)s votes on %(tool)s say ship."),
    ),
}
