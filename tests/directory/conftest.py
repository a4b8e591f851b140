"""Fixtures for the directory: comparisons as an import stores them, and issues that carry them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol

import pytest
from sqlmodel import Session

from digest.comparisons import store
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.directory import PublicTerms
from digest.issues.models import Issue, IssueState, Newsletter, Placement

Carry = Callable[..., None]


class Publish(Protocol):
    def __call__(
        self, session: Session, left: str = "Lathe", right: str = "Mortar", **fields: Any
    ) -> str:
        """Store a comparison and return its slug.

        *category*, *tagline*, *description*, *quote* and *shares* are those of both sides, the
        rest its fields.
        """


@pytest.fixture
def terms(now: datetime) -> PublicTerms:
    return PublicTerms(now=now)


@pytest.fixture
def publish(now: datetime) -> Publish:
    def make(session: Session, left: str = "Lathe", right: str = "Mortar", **fields: Any) -> str:
        draft = make_draft(left, right, **fields)
        return store.store_draft(session, draft, now=now).slug

    return make


def make_draft(left: str, right: str, **fields: Any) -> ComparisonDraft:
    shares = fields.pop("shares", (75.0, 100.0))
    category = fields.pop("category", "Tools")
    categories = category if isinstance(category, tuple) else (category, category)
    quote = fields.pop("quote", "It holds.")
    words = {name: fields.pop(name, "") for name in ("tagline", "description")}
    sides = [
        ContenderDraft(
            name=name,
            category=shelf,
            panel_share=share,
            verdicts=tuple(VerdictDraft(seat=seat, quote=quote) for seat in (1, 2, 3, 4)),
            **words,
        )
        for name, shelf, share in zip((left, right), categories, shares, strict=True)
    ]
    fields.setdefault("title", f"{left} vs {right}")
    fields.setdefault("published_on", date(2026, 11, 20))
    return ComparisonDraft(contenders=(sides[0], sides[1]), **fields)


@pytest.fixture
def carry(now: datetime) -> Carry:
    def carry_in_issue(session: Session, slug: str, *, frozen: bool = True) -> None:
        """Put a comparison into an issue of its own, whose audience is frozen or isn't."""
        newsletter = Newsletter(slug=f"of-{slug}", name="Weekly")
        session.add(newsletter)
        session.flush()
        issue = Issue(
            newsletter_id=newsletter.id or 0,
            number=1,
            period="2026-W48",
            state=IssueState.PREPARED if frozen else IssueState.BUILT,
            built_at=now,
            prepared_at=now if frozen else None,
        )
        session.add(issue)
        session.flush()
        comparison = store.by_slug(session, slug)
        session.add(
            Placement(
                issue_id=issue.id or 0,
                position=1,
                comparison_id=comparison.id or 0,
                revision_id=store.latest(session, comparison).id or 0,
            )
        )
        session.flush()

    return carry_in_issue
