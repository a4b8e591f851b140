"""Which JSON fields a source, a page of it and a proposal have, for commands and programs alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison
from digest.sources import proposals, store
from digest.sources.models import PageOutcome, Proposal, Source, SourcePage

if TYPE_CHECKING:  # what asks other servers takes long to import
    from digest.sources.polling import PollResult


def source_facts(session: Session, source: Source) -> dict[str, Any]:
    """Return a source as JSON types, with how many pages and proposals it has."""
    return {
        "id": source.id,
        "url": source.url,
        "kind": source.kind,
        "match": source.match or None,
        "newsletter": source.newsletter or None,
        "accept": source.accept,
        "paused": source.paused_at is not None,
        "added_at": source.added_at,
        "last_poll_at": source.last_poll_at,
        "next_poll_at": None if source.paused_at else source.next_poll_at,
        "under_way": source.poll_began_at is not None,
        "ok": source.ok,
        "result": source.result,
        "pages": store.count_pages(session, source.id or 0),
        "refused": store.outcomes(session, source.id or 0).get(PageOutcome.REFUSED, 0),
        "waiting": proposals.count_waiting(session, source.id),
    }


def page_facts(session: Session, pages: Sequence[SourcePage]) -> list[dict[str, Any]]:
    """Return pages of a source as JSON types: what was found when, and why one was refused."""
    slugs = _slugs(session, [page.comparison_id for page in pages])
    return [
        {
            "url": page.url,
            "outcome": page.outcome,
            "reason": page.refusal or None,
            "line": page.line,
            "checked_at": page.checked_at,
            "comparison": slugs.get(page.comparison_id or 0),
        }
        for page in pages
    ]


def proposal_facts(session: Session, proposal: Proposal) -> dict[str, Any]:
    """Return a proposal as JSON types; a revision with every field that differs."""
    slugs = _slugs(session, [proposal.comparison_id])
    return {
        "id": proposal.id,
        "source": proposal.source_id,
        "url": session.get_one(SourcePage, proposal.page_id).url,
        "kind": proposal.kind,
        "title": proposal.title,
        "comparison": slugs.get(proposal.comparison_id or 0),
        "found_at": proposal.found_at,
        "warnings": proposal.warnings,
        "changes": [asdict(change) for change in proposals.difference(session, proposal)],
    }


def accepted_facts(proposal_id: int, accepted: proposals.AcceptedProposal) -> dict[str, Any]:
    """Return what accepting a proposal did as JSON types."""
    result = accepted.result
    return {
        "proposal": proposal_id,
        "kind": accepted.kind,
        "comparison": accepted.slug,
        "revision": result.revision if result else None,
        "warnings": result.warnings if result else (),
    }


def poll_facts(result: PollResult) -> dict[str, Any]:
    """Return what a poll did as JSON types."""
    return {
        "source": result.source_id,
        "url": result.url,
        "done": result.done,
        "pages": {kind.value: result.pages.get(kind, 0) for kind in PageOutcome},
        "requests": result.requests,
        "bodies": result.bodies,
        "waiting": result.waiting,
        "problem": result.problem or None,
    }


def _slugs(session: Session, ids: Sequence[int | None]) -> dict[int, str]:
    known = [id_ for id_ in ids if id_ is not None]
    rows = session.exec(select(Comparison.id, Comparison.slug).where(col(Comparison.id).in_(known)))
    return {id_: slug for id_, slug in rows if id_ is not None}


def all_facts(session: Session) -> list[dict[str, Any]]:
    """Return every source as JSON types, the oldest first."""
    return [source_facts(session, source) for source in store.all_sources(session)]
