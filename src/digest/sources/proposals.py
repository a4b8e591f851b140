"""What sources want to change, and how each proposal is decided.

Hides that nothing of a proposal touches a comparison before it is accepted: its draft is kept in
its own row, and accepting it is storing that draft, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, delete, select

from digest.comparisons import editorial, store
from digest.comparisons.editing import Change, changes, content_of, draft_of_revision
from digest.comparisons.models import Comparison
from digest.comparisons.schema import ComparisonDraft, draft_of, fingerprint
from digest.comparisons.score import draft_oddities
from digest.comparisons.store import ImportOutcome, ImportResult
from digest.errors import DigestError, NotFound, WrongState
from digest.sources.models import (
    AcceptRule,
    PageOutcome,
    Proposal,
    ProposalDecision,
    ProposalKind,
    Source,
    SourcePage,
)
from digest.sources.store import hold_source, waits

#: Under this name a source's newsletter is kept beside a comparison, among what editors have set.
NEWSLETTER = "newsletter"


@dataclass(frozen=True, kw_only=True)
class AcceptedProposal:
    """What accepting a proposal did; *result* is ``None`` for a withdrawal."""

    kind: ProposalKind
    slug: str
    result: ImportResult | None = None


def waiting(
    session: Session,
    *,
    source_id: int | None = None,
    after: int = 0,
    at_most: int | None = None,
) -> list[Proposal]:
    """Return the proposals that wait for an editor, the oldest first: of one source, or of all.

    *after* is the number that they come after.
    """
    chosen = select(Proposal).where(col(Proposal.decided_at).is_(None), col(Proposal.id) > after)
    if source_id is not None:
        chosen = chosen.where(Proposal.source_id == source_id)
    return list(session.exec(chosen.order_by(col(Proposal.id)).limit(at_most)))


def waiting_one(session: Session, proposal_id: int) -> Proposal:
    """Return a proposal that waits for an editor; raises `NotFound`."""
    proposal = session.get(Proposal, proposal_id)
    if proposal is None or proposal.decided_at is not None:
        raise _decided(proposal_id, proposal)
    return proposal


def count_waiting(session: Session, source_id: int | None = None) -> int:
    """Return how many proposals wait: of one source, or of all."""
    chosen = select(func.count()).where(col(Proposal.decided_at).is_(None))
    if source_id is not None:
        chosen = chosen.where(col(Proposal.source_id) == source_id)
    return session.exec(chosen).one()


def proposed_draft(proposal: Proposal) -> ComparisonDraft:
    """Return what a new comparison or a revision would hold; raises `WrongState` for others."""
    if proposal.form is None or not proposal.draft:
        raise WrongState(f"proposal {proposal.id} has no content")
    try:
        return draft_of(proposal.draft, form=proposal.form, source=proposal.source_text)
    except ValidationError:  # another version of Digest has written it
        raise WrongState(
            f"proposal {proposal.id} can't be read by this version of Digest",
            next_step=f"digest sources dismiss {proposal.id}; its page proposes it again when it"
            " changes",
        ) from None


def difference(session: Session, proposal: Proposal) -> list[Change]:
    """Return every field in which a proposed revision differs from the newest one, in order.

    Empty for a new comparison and for a withdrawal.
    """
    if proposal.kind is not ProposalKind.REVISION or proposal.comparison_id is None:
        return []
    comparison = session.get_one(Comparison, proposal.comparison_id)
    draft = store.with_values(proposed_draft(proposal), comparison.set_by_editors)
    newest = draft_of_revision(store.latest(session, comparison))
    return changes(
        newest.model_copy(update={"slug": None}), draft.model_copy(update={"slug": None})
    )


def accept(session: Session, proposal_id: int, by: str, now: datetime) -> AcceptedProposal:
    """Do what a proposal proposes, and record who let it; the caller commits.

    Raises `NotFound` where no such proposal waits, as when a newer one took its place.
    """
    proposal = _decide(session, proposal_id, ProposalDecision.ACCEPTED, by, "", now)
    return _carry_out(session, proposal, now)


def dismiss(session: Session, proposal_id: int, by: str, why: str, now: datetime) -> Proposal:
    """Leave everything as it is; the same content isn't proposed again. The caller commits.

    Raises `NotFound` where no such proposal waits.
    """
    proposal = _decide(session, proposal_id, ProposalDecision.DISMISSED, by, why, now)
    _forget_content(proposal)
    return proposal


def propose(
    session: Session, source: Source, page: SourcePage, draft: ComparisonDraft, now: datetime
) -> PageOutcome:
    """Take down what a page says now; accept it at once where the source's rule allows it.

    It takes the place of a proposal that waits. Content that is stored, that was proposed before,
    or that waits already from another address of the same page, is no change. The caller commits.
    """
    content = fingerprint(draft)
    if content == page.fingerprint:
        return PageOutcome.UNCHANGED
    end(session, page)
    page.fingerprint = content
    if _waits_elsewhere(session, page):
        return PageOutcome.UNCHANGED
    comparison = _known_comparison(session, page, draft)
    if comparison is not None and _is_stored(session, draft, comparison):
        page.comparison_id = comparison.id
        return PageOutcome.UNCHANGED
    proposal = _proposal(source, page, draft, comparison, now)
    session.add(proposal)
    session.flush()
    if _rule_accepts(source, page, proposal):
        by = f"the rule {source.accept} of source {source.id}"
        accept(session, proposal.id or 0, by, now)
        proposal.by_rule = True
    return PageOutcome.NEW if proposal.kind is ProposalKind.NEW else PageOutcome.CHANGED


def propose_withdrawal(session: Session, source: Source, page: SourcePage, now: datetime) -> None:
    """Propose to withdraw the comparison of a page that is gone; never accepted by a rule.

    What the page proposed before ends, and is proposed again should the page come back. A
    comparison that stands at another address of the source isn't gone. The caller commits.
    """
    end(session, page)
    page.fingerprint = page.body_hash = page.etag = page.last_modified = ""
    comparison = session.get(Comparison, page.comparison_id or 0)
    if comparison is None or comparison.withdrawn_at is not None:
        return
    if _stands_elsewhere(session, page):
        return
    session.add(
        Proposal(
            source_id=source.id or 0,
            page_id=page.id or 0,
            kind=ProposalKind.WITHDRAWAL,
            title=store.latest(session, comparison).title,
            found_at=now,
            comparison_id=comparison.id,
        )
    )


def lock(session: Session, page_id: int) -> None:
    """Lock what a page proposes until the caller commits, before the page's row is changed.

    Accepting changes both in this order: the other way round, each could wait for the other.
    """
    waits = select(Proposal.id).where(
        col(Proposal.page_id) == page_id, col(Proposal.decided_at).is_(None)
    )
    session.exec(waits.with_for_update()).all()


def end(session: Session, page: SourcePage) -> None:
    """Delete what a page proposes, and nobody has decided on.

    Other addresses with the same content are read anew: they proposed nothing, since this one did.
    """
    ended = session.exec(
        delete(Proposal).where(col(Proposal.page_id) == page.id, col(Proposal.decided_at).is_(None))
    )
    if ended.rowcount and page.fingerprint:
        unread = dict.fromkeys(("fingerprint", "body_hash", "etag", "last_modified"), "")
        session.exec(update(SourcePage).where(*_same_content(page)).values(unread))


def forget_decided(session: Session, before: datetime) -> int:
    """Delete the record of proposals decided before a moment; return how many there were."""
    return session.exec(delete(Proposal).where(col(Proposal.decided_at) < before)).rowcount


def _same_content(page: SourcePage) -> tuple[ColumnElement[bool], ...]:
    """Return the condition of the source's other pages that say what this one says."""
    return (
        col(SourcePage.source_id) == page.source_id,
        col(SourcePage.fingerprint) == page.fingerprint,
        col(SourcePage.id) != page.id,
    )


def _waits_elsewhere(session: Session, page: SourcePage) -> bool:
    """Return whether what a page says waits already, proposed by another page of its source."""
    others = session.exec(select(SourcePage.id).where(*_same_content(page))).all()
    return any(waits(session, other) for other in others if other)


def _stands_elsewhere(session: Session, page: SourcePage) -> bool:
    """Return whether another page of the source is that of the same comparison, and isn't gone."""
    chosen = select(SourcePage.id).where(
        SourcePage.source_id == page.source_id,
        SourcePage.comparison_id == page.comparison_id,
        col(SourcePage.id) != page.id,
        col(SourcePage.outcome).is_distinct_from(PageOutcome.GONE),
    )
    return session.exec(chosen).first() is not None


def _known_comparison(
    session: Session, page: SourcePage, draft: ComparisonDraft
) -> Comparison | None:
    """Return the comparison that a page's content belongs to; ``None`` for a new one.

    A page stays that of its comparison, whatever its title or its tools are called now.
    """
    if page.comparison_id is not None:
        return session.get_one(Comparison, page.comparison_id)
    return store.locate(session, draft)[1]


def _is_stored(session: Session, draft: ComparisonDraft, comparison: Comparison) -> bool:
    known = store.known_contents(session, [comparison.id or 0])[comparison.id or 0]
    told = store.with_values(
        store.under_slug(session, draft, comparison.slug), comparison.set_by_editors
    )
    return fingerprint(told) in known.fingerprints


def _proposal(
    source: Source,
    page: SourcePage,
    draft: ComparisonDraft,
    comparison: Comparison | None,
    now: datetime,
) -> Proposal:
    return Proposal(
        source_id=source.id or 0,
        page_id=page.id or 0,
        kind=ProposalKind.REVISION if comparison else ProposalKind.NEW,
        title=draft.title,
        found_at=now,
        comparison_id=comparison.id if comparison else None,
        form=draft.form,
        draft=content_of(draft),
        source_text=draft.source,
        warnings=list(draft_oddities(draft)),
    )


def _rule_accepts(source: Source, page: SourcePage, proposal: Proposal) -> bool:
    """Return whether a source's rule accepts this without a person.

    A comparison that came another way is changed by an editor only, though a page names its slug.
    """
    if proposal.kind is ProposalKind.NEW:
        return source.accept is AcceptRule.ALL
    return source.accept is not AcceptRule.NONE and page.comparison_id is not None


def _decide(
    session: Session,
    proposal_id: int,
    decision: ProposalDecision,
    by: str,
    why: str,
    now: datetime,
) -> Proposal:
    """Record a decision, which one process can win; return the proposal."""
    if not by.strip():
        raise DigestError("say who you are: a decision has a name")
    hold_source(
        session, session.exec(select(Proposal.source_id).where(Proposal.id == proposal_id)).first()
    )
    won = session.connection().execute(
        update(Proposal)
        .where(col(Proposal.id) == proposal_id, col(Proposal.decided_at).is_(None))
        .values(decision=decision, decided_at=now, by=by.strip()[:200], why=why.strip())
    )
    proposal = session.get(Proposal, proposal_id, populate_existing=True)
    if proposal is not None and won.rowcount:
        return proposal
    raise _decided(proposal_id, proposal)


def _decided(proposal_id: int, proposal: Proposal | None) -> NotFound:
    became = f"was {proposal.decision} by {proposal.by}" if proposal else "isn't there any more"
    return NotFound(
        f"proposal {proposal_id} {became}; a newer one may have taken its place",
        next_step="digest sources proposals",
    )


def _carry_out(session: Session, proposal: Proposal, now: datetime) -> AcceptedProposal:
    page = session.get_one(SourcePage, proposal.page_id)
    if proposal.kind is ProposalKind.WITHDRAWAL:
        return _withdraw(session, proposal, page, now)
    draft = proposed_draft(proposal)
    if proposal.comparison_id is not None:
        slug = session.get_one(Comparison, proposal.comparison_id).slug
        draft = store.under_slug(session, draft, slug)
    result = store.store_draft(session, draft, now=now)
    comparison = store.by_slug(session, result.slug)
    page.comparison_id = proposal.comparison_id = comparison.id
    if page.fingerprint:
        own = update(SourcePage).where(*_same_content(page))
        session.exec(own.values(comparison_id=comparison.id))
    newsletter = session.get_one(Source, proposal.source_id).newsletter
    if newsletter and result.outcome is ImportOutcome.NEW:
        comparison.set_by_editors = {**comparison.set_by_editors, NEWSLETTER: newsletter}
    _forget_content(proposal)
    session.add_all([page, proposal, comparison])
    told = (*result.warnings, *_surprises(proposal, comparison, result))
    return AcceptedProposal(
        kind=proposal.kind, slug=result.slug, result=replace(result, warnings=told)
    )


def _surprises(proposal: Proposal, comparison: Comparison, result: ImportResult) -> Iterator[str]:
    """Yield what accepting did that the proposal didn't say."""
    if proposal.kind is ProposalKind.NEW and result.outcome is ImportOutcome.REVISED:
        yield (
            "it was added from another page meanwhile, and these words took the place of those:"
            f" digest comparisons show {result.slug} --revision {result.revision - 1}"
        )
    if comparison.withdrawn_at is not None:
        yield f"it's withdrawn, and stays so until: digest comparisons restore {result.slug}"


def _withdraw(
    session: Session, proposal: Proposal, page: SourcePage, now: datetime
) -> AcceptedProposal:
    comparison = session.get_one(Comparison, proposal.comparison_id)
    if comparison.withdrawn_at is None:
        editorial.withdraw(session, comparison.slug, f"its page is gone: {page.url}", now)
    return AcceptedProposal(kind=proposal.kind, slug=comparison.slug)


def _forget_content(proposal: Proposal) -> None:
    """Leave the record of a decision small: what was accepted is kept by its revision."""
    proposal.draft, proposal.source_text, proposal.warnings = {}, "", []


def sources_of(session: Session, proposals: Sequence[Proposal]) -> dict[int, Source]:
    """Return the sources of proposals, by id."""
    ids = {proposal.source_id for proposal in proposals}
    rows = session.exec(select(Source).where(col(Source.id).in_(ids)))
    return {source.id: source for source in rows if source.id is not None}
