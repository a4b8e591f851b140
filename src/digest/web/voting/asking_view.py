"""What the template of the form for a link to vote may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.comparisons.models import Call
from digest.web.comparison_page import comparison_path
from digest.web.voting.ballot_papers import BallotPaper
from digest.web.voting.vote_view import FIELD, VoteQuestion
from subscribers.locale import translations
from subscribers.web import Form, NewsletterInfo, kept_link, wording

JOINS = "joins"  #: what the box is called that subscribes as well
_CALLS = {call.value: call for call in Call}


@dataclass(frozen=True, kw_only=True)
class AskingForm:
    """The form by which a visitor asks for a link to vote."""

    title: str
    form: Form  #: the sign-up's: its hidden fields, address, button and proof of work
    questions: Sequence[VoteQuestion]
    newsletter: str  #: what the box subscribes to, and how often it comes; empty for no box
    agreed: str  #: the consent given by ticking it
    joins: bool  #: it is ticked
    kept: tuple[str, str]  #: text and path of the link to the privacy page
    comparison: str  #: path of the comparison's page
    fault: str = ""  #: why the address was refused
    notice: str = ""  #: why the form is to be sent once more


def asking_form(
    paper: BallotPaper,
    form: Form,
    info: NewsletterInfo,
    *,
    chosen: Mapping[str, Call],
    joins: bool,
    language: str,
    fault: str = "",
    notice: str = "",
) -> AskingForm:
    """Return the form; *chosen* is by the tool's slug. Only an open newsletter has a box."""
    return AskingForm(
        title=paper.title,
        form=form,
        questions=[
            VoteQuestion(
                field=f"{FIELD}{slug}",
                tool=side.short_name,
                chosen=chosen[slug].value if slug in chosen else "",
                so_far="",
            )
            for slug, side in zip(paper.tool_ids, paper.sides, strict=True)
        ],
        newsletter=_newsletter(info, language) if info.open else "",
        agreed=wording(info, language),
        joins=joins,
        kept=kept_link(info, language),
        comparison=comparison_path(paper.slug),
        fault=fault,
        notice=notice,
    )


def _newsletter(info: NewsletterInfo, language: str) -> str:
    words, rhythm = translations(language), info.comes.get(language, "")
    if not rhythm:
        return words.gettext("Do you want %(newsletter)s, too?") % {"newsletter": info.name}
    text = words.gettext("Do you want %(newsletter)s %(rhythm)s, too?")
    return text % {"newsletter": info.name, "rhythm": rhythm}


def choices_in(paper: BallotPaper, fields: Mapping[str, str]) -> dict[str, Call]:
    """Return the calls that fields hold on a comparison's tools, by the tool's slug."""
    values = {slug: fields.get(f"{FIELD}{slug}", "") for slug in paper.tool_ids}
    return {slug: _CALLS[value] for slug, value in values.items() if value in _CALLS}
