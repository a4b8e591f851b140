"""What the page of proposals shows of each: its words, and what differs from what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from digest import sources
from digest.comparisons import store
from digest.comparisons.models import Comparison
from digest.comparisons.schema import ComparisonDraft, ContenderDraft
from digest.errors import WrongState
from digest.issues.models import Newsletter
from digest.preview.diff import DiffRow, diff_rows
from digest.sources import ProposalKind
from digest.sources.models import Proposal, SourcePage
from subscribers.locale import percentage

#: The most that are shown at once. The next ones follow when these are decided.
MOST_SHOWN = 50

KINDS = {
    ProposalKind.NEW: "New",
    ProposalKind.REVISION: "Changed",
    ProposalKind.WITHDRAWAL: "Gone",
}


@dataclass(frozen=True, kw_only=True)
class ProposalView:
    """One proposal in words; a new one has a draft, a changed one its changes."""

    number: int
    kind: str  #: "new", "revision" or "withdrawal"
    label: str
    title: str
    slug: str  #: of the stored comparison; empty for a new one
    page: str  #: address of the page
    source: str  #: address of the source that lists it
    found: str
    warnings: Sequence[str]
    draft: ComparisonDraft | None
    figures: Sequence[str]  #: of each side of a new one, in a line
    changes: Sequence[tuple[str, Sequence[DiffRow]]]  #: field and lines
    fault: str  #: why it can't be accepted


@dataclass(frozen=True, kw_only=True)
class WaitingProposals:
    """The proposals that are shown, the oldest first, and how many wait in all."""

    shown: Sequence[ProposalView]
    waiting: int

    @property
    def together(self) -> list[int]:
        """Return the numbers that may be accepted together: no withdrawal, and nothing unread."""
        withdrawal = ProposalKind.WITHDRAWAL.value
        return [each.number for each in self.shown if each.kind != withdrawal and not each.fault]


def waiting_proposals(session: Session, newsletter: Newsletter | None) -> WaitingProposals:
    """Return what waits for an editor; moments are in the newsletter's time zone."""
    shown = sources.waiting(session, at_most=MOST_SHOWN)
    origins = sources.sources_of(session, shown)
    views = [_view(session, row, origins[row.source_id].url, newsletter) for row in shown]
    return WaitingProposals(shown=views, waiting=sources.count_waiting(session))


def _view(
    session: Session, row: Proposal, source: str, newsletter: Newsletter | None
) -> ProposalView:
    comparison = session.get(Comparison, row.comparison_id) if row.comparison_id else None
    draft, changes, fault = None, list[tuple[str, Sequence[DiffRow]]](), ""
    try:
        if row.kind is ProposalKind.NEW:
            draft = sources.proposed_draft(row)
        changes = [
            (change.field, diff_rows(change.before, change.after))
            for change in sources.difference(session, row)
        ]
    except WrongState as error:
        fault = str(error)
    return ProposalView(
        number=row.id or 0,
        kind=row.kind.value,
        label=KINDS[row.kind],
        title=row.title,
        slug=comparison.slug if comparison else "",
        page=session.get_one(SourcePage, row.page_id).url,
        source=source,
        found=_moment(row.found_at, newsletter),
        warnings=[*row.warnings, *_replaced(session, row, comparison)],
        draft=draft,
        figures=[_figures(side) for side in draft.contenders] if draft else (),
        changes=changes,
        fault=fault,
    )


def _replaced(session: Session, row: Proposal, comparison: Comparison | None) -> list[str]:
    """Return what accepting would put in place of an editor's words."""
    if row.kind is not ProposalKind.REVISION or comparison is None:
        return []
    known = store.known_contents(session, [comparison.id or 0])[comparison.id or 0]
    if not known.edited:
        return []
    return [
        f"{known.editor} edited it: the page’s words would replace those, and you can restore them"
    ]


def _figures(side: ContenderDraft) -> str:
    """Return a side's shares and its entry: "75% of the panel, community 60%, Free"."""
    panel = (
        "no panel share" if side.panel_share is None else f"{_share(side.panel_share)} of the panel"
    )
    told = [panel]
    if side.community_share is not None:
        told.append(f"community {_share(side.community_share)}")
    return ", ".join([*told, *filter(None, [side.entry_text])])


def _share(share: float) -> str:
    return percentage(share, "en")


def _moment(moment: datetime, newsletter: Newsletter | None) -> str:
    at = newsletter.cadence().local(moment) if newsletter else moment
    return f"{at.day} {at:%B %Y, %H:%M}"
