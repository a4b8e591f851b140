"""How editors' decisions change the pick and the words of an issue; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal, cast

from digest.errors import DigestError
from digest.issues.content import IssueView, QuoteChoice, SponsorView
from digest.issues.picking.blocks import Block, BlockPlace, Blocks, shown
from digest.issues.picking.pick_result import (
    Candidate,
    Exclusion,
    ExclusionReason,
    PastIssueContent,
    Pick,
    PickedComparison,
    PickRule,
    Score,
)
from digest.issues.picking.rule import note, pick
from digest.render.escaping import one_line
from digest.render.filters import is_web_link
from digest.render.rich_text import as_written, rich_text, tidy

Line = Literal["subject", "preheader", "opening"]


MOST = 12  #: comparisons an editor may ask for; the check `html-size` stops most mails before that


class BadText(DigestError):
    """These words can't be put into a mail."""


class BadCount(DigestError):
    """An issue can't carry this number of comparisons."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The editors' decisions about one issue; an empty text keeps the generated one."""

    pinned: tuple[str, ...] = ()  #: slugs that are carried whatever the rule says
    dropped: tuple[str, ...] = ()  #: slugs that are left out
    emptied: tuple[str, ...] = ()  #: those of *dropped* whose place stays empty
    count: int = 0  #: comparisons wanted in this issue; 0 leaves it to the rule
    order: tuple[str, ...] = ()  #: slugs in the order wanted; others follow by points
    subject: str = ""
    preheader: str = ""
    opening: str = ""  #: Markdown, as `digest.render.rich_text` reads it
    notes: Mapping[str, str] = field(default_factory=dict)  #: Markdown, by slug
    quotes: Mapping[str, QuoteChoice] = field(default_factory=dict)  #: by slug
    blocks: Blocks = ()  #: those before the comparisons first
    sponsor: SponsorView = field(default_factory=SponsorView)

    def to_dict(self) -> dict[str, Any]:
        """Return the decisions as JSON types; undecided fields are left out."""
        kept = {name: value for name, value in asdict(self).items() if value != _UNDECIDED[name]}
        return {**kept, **({_FORMAT: _MARKDOWN} if self.opening else {})}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> Decisions:
        """Return the decisions of a dictionary made by `to_dict`; unknown keys are ignored.

        An opening kept by a version without Markdown is shown as it reads, whatever marks it has.
        """
        opening = kept.get("opening", "")
        return cls(
            pinned=tuple(kept.get("pinned", ())),
            dropped=tuple(kept.get("dropped", ())),
            emptied=tuple(kept.get("emptied", ())),
            count=kept.get("count", 0),
            order=tuple(kept.get("order", ())),
            subject=kept.get("subject", ""),
            preheader=kept.get("preheader", ""),
            opening=opening if kept.get(_FORMAT) == _MARKDOWN else as_written(opening),
            notes=kept.get("notes", {}),
            quotes={slug: QuoteChoice(**choice) for slug, choice in kept.get("quotes", {}).items()},
            blocks=tuple(map(Block.from_dict, kept.get("blocks", ()))),
            sponsor=SponsorView(**kept.get("sponsor", {})),
        )


_FORMAT, _MARKDOWN = "opening_format", "markdown"
_UNDECIDED = asdict(Decisions())


def pin(decisions: Decisions, slug: str) -> Decisions:
    """Return the decisions with a comparison pinned."""
    free = release(decisions, slug)
    return replace(free, pinned=(*free.pinned, slug))


def drop(decisions: Decisions, slug: str, *, refill: bool = True) -> Decisions:
    """Return the decisions with a comparison dropped; without *refill* its place stays empty."""
    free = release(decisions, slug)
    return replace(
        free,
        dropped=(*free.dropped, slug),
        emptied=free.emptied if refill else (*free.emptied, slug),
        order=_without(free.order, slug),
    )


def release(decisions: Decisions, slug: str) -> Decisions:
    """Return the decisions with a comparison neither pinned nor dropped."""
    return replace(
        decisions,
        pinned=_without(decisions.pinned, slug),
        dropped=_without(decisions.dropped, slug),
        emptied=_without(decisions.emptied, slug),
    )


def set_count(decisions: Decisions, count: int) -> Decisions:
    """Return the decisions with *count* comparisons wanted; 0 leaves the number to the rule.

    The number is the whole issue's, so no dropped comparison keeps a place empty any more. Raises
    `BadCount` outside of 1 to `MOST`, and for fewer than are pinned.
    """
    if not 0 <= count <= MOST:
        raise BadCount(f"an issue carries 1 to {MOST} comparisons, not {count}")
    if 0 < count < len(decisions.pinned):
        raise BadCount(f"{len(decisions.pinned)} comparisons are pinned; release one of them first")
    return replace(decisions, count=count, emptied=())


def move(decisions: Decisions, shown: Sequence[str], slug: str, to: int) -> Decisions:
    """Return the decisions with *slug* at position *to*, from 1, among the slugs *shown*."""
    others = [other for other in shown if other != slug]
    at = min(max(to, 1), len(others) + 1) - 1
    return replace(decisions, order=(*others[:at], slug, *others[at:]))


def set_text(decisions: Decisions, line: Line, text: str) -> Decisions:
    """Return the decisions with one line set; an empty text restores the generated one.

    The opening is Markdown; raises `BadRichText` where it can't be put into a mail.
    """
    kept = tidy(text) if line == "opening" else one_line(text)
    return replace(decisions, **cast(Any, {line: kept}))


def set_note(decisions: Decisions, slug: str, text: str) -> Decisions:
    """Return the decisions with a note on a comparison, in Markdown; an empty one removes it.

    Raises `BadRichText`.
    """
    notes = {other: words for other, words in decisions.notes.items() if other != slug}
    words = tidy(text)
    return replace(decisions, notes={**notes, slug: words} if words else notes)


def quote(decisions: Decisions, slug: str, choice: QuoteChoice | None) -> Decisions:
    """Return the decisions with the verdict to quote of a comparison; ``None`` leaves it open."""
    quotes = {other: chosen for other, chosen in decisions.quotes.items() if other != slug}
    return replace(decisions, quotes={**quotes, slug: choice} if choice else quotes)


def about_comparisons(decisions: Decisions) -> Decisions:
    """Return what of the decisions is about single comparisons, which a correction keeps."""
    return Decisions(notes=decisions.notes, quotes=decisions.quotes)


def sponsor(decisions: Decisions, words: SponsorView) -> Decisions:
    """Return the decisions with a sponsor block; raises `BadText` for a bad link."""
    tidy = SponsorView(**{name: one_line(value) for name, value in asdict(words).items()})
    if tidy.url and not is_web_link(tidy.url):
        raise BadText("the sponsor's link isn't a web address; write https://…")
    return replace(decisions, sponsor=tidy)


def choose(
    candidates: Iterable[Candidate],
    history: Iterable[PastIssueContent],
    rule: PickRule,
    decisions: Decisions,
    *,
    period: str,
    day: date,
) -> Pick:
    """Return the pick of `digest.issues.picking.rule.pick` with the decisions applied.

    A pin is carried whatever the rule says, unless it was withdrawn; a slug without a candidate is
    ignored. Where an editor has pinned or dropped something, the issue may be as short as that
    makes it.
    """
    known = {candidate.slug: candidate for candidate in candidates}
    pinned = [slug for slug in decisions.pinned if slug in known and not known[slug].withdrawn]
    pins = [known.pop(slug) for slug in pinned]
    dropped = [known.pop(slug) for slug in decisions.dropped if slug in known]
    empty = frozenset(decisions.emptied) & {candidate.slug for candidate in dropped}
    places = (decisions.count or rule.max_per_issue) - len(empty)
    taken = {tool: candidate for candidate in pins for tool in candidate.tools}
    barred = [candidate for candidate in known.values() if candidate.tools & taken.keys()]
    asked = pins or dropped or decisions.count
    picked = pick(
        [candidate for candidate in known.values() if not candidate.tools & taken.keys()],
        history,
        replace(
            rule,
            max_per_issue=max(0, places - len(pins)),
            min_per_issue=1 if asked else rule.min_per_issue,
        ),
        period=period,
        day=day,
    )
    carried = [_pinned(candidate, rule, period=period, day=day) for candidate in pins]
    chosen = _in_order([*picked.chosen, *carried], decisions.order)
    size = (
        f"{len(chosen)}" if places == rule.max_per_issue else f"{len(chosen)}, as an editor asked"
    )
    left_out = [
        *(_with_size(entry, len(picked.chosen), size) for entry in picked.left_out),
        *(_dropped(candidate, candidate.slug in empty) for candidate in dropped),
        *(_barred(candidate, taken) for candidate in barred),
    ]
    left_out.sort(key=lambda entry: entry.candidate.slug)
    return replace(
        picked,
        rule=rule,
        count=decisions.count or None,
        chosen=chosen,
        left_out=tuple(left_out),
        note=note(chosen, left_out) + _numbers(decisions.count, len(empty)),
    )


def apply_words(view: IssueView, decisions: Decisions) -> IssueView:
    """Return the view with the editors' words in place of the generated ones."""
    mark = view.accent.light
    opening = rich_text(decisions.opening, mark=mark) if decisions.opening else None
    return replace(
        view,
        subject=decisions.subject or view.subject,
        preheader=decisions.preheader or view.preheader,
        opening=one_line(opening.plain) if opening else view.opening,
        opening_text=opening,
        comparisons=tuple(
            replace(one, words_of_editor=rich_text(decisions.notes[one.slug], mark=mark))
            if one.slug in decisions.notes
            else one
            for one in view.comparisons
        ),
        before=shown(decisions.blocks, BlockPlace.BEFORE, base_url=view.base_url, mark=mark),
        after=shown(decisions.blocks, BlockPlace.AFTER, base_url=view.base_url, mark=mark),
        sponsor=decisions.sponsor if decisions.sponsor.text else None,
    )


def _without(slugs: tuple[str, ...], slug: str) -> tuple[str, ...]:
    return tuple(other for other in slugs if other != slug)


def _pinned(candidate: Candidate, rule: PickRule, *, period: str, day: date) -> PickedComparison:
    """Return a pin with the score it has by itself; one that isn't published yet scores 0."""
    by_itself = PickRule(max_per_issue=1, no_repeat=0, points=rule.points)
    alone = pick([candidate], [], by_itself, period=period, day=day)
    score = alone.chosen[0].score if alone.chosen else Score(weight=0, freshness=0, split=0)
    reason = alone.chosen[0].reason if alone.chosen else alone.left_out[0].reason
    return PickedComparison(
        position=1, candidate=candidate, score=score, reason=f"pinned by an editor; {reason}"
    )


def _in_order(
    chosen: Sequence[PickedComparison], order: Sequence[str]
) -> tuple[PickedComparison, ...]:
    """Return the comparisons in the editors' order; those not moved follow by points."""
    wanted = {slug: index for index, slug in enumerate(order)}
    by_points = sorted(chosen, key=lambda choice: -choice.score.total)
    placed = sorted(by_points, key=lambda choice: wanted.get(choice.candidate.slug, len(wanted)))
    return tuple(replace(choice, position=index) for index, choice in enumerate(placed, 1))


def _dropped(candidate: Candidate, empty: bool) -> Exclusion:
    reason = "an editor took it out" + ("; its place stays empty" if empty else "")
    return Exclusion(candidate=candidate, why=ExclusionReason.DROPPED, reason=reason)


def _barred(candidate: Candidate, taken: Mapping[str, Candidate]) -> Exclusion:
    tool = sorted(candidate.tools & taken.keys())[0]
    reason = f"{tool} is in this issue already, pinned: {taken[tool].title}"
    return Exclusion(candidate=candidate, why=ExclusionReason.TOOL_TAKEN, reason=reason)


def _with_size(entry: Exclusion, by_rule: int, size: str) -> Exclusion:
    """Return *entry* with the *size* of the issue; the rule counts only its own choices."""
    reason = entry.reason.replace(f"is full with {by_rule};", f"is full with {size};", 1)
    return replace(entry, reason=reason) if entry.why is ExclusionReason.FULL else entry


def _numbers(count: int, empty: int) -> str:
    """Return what an editor decided about the number of comparisons, as the end of the note."""
    asked = f"; an editor asked for {count}" if count else ""
    places = "1 place" if empty == 1 else f"{empty} places"
    return f"{asked}; {places} kept empty" if empty else asked
