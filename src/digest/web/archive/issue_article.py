"""What the page of an issue shows of its content: the frozen view, less what was withdrawn since.

This module hides that the view of an edition never changes, so that it is composed once.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session

from digest.errors import NotFound
from digest.issues import provenance, store
from digest.issues.content import ComparisonView, IssueView
from digest.issues.models import Edition, Issue

_MOST_KEPT = 128  # views of an issue take some 20 kB each


@dataclass(frozen=True, kw_only=True)
class IssueArticle:
    """An issue for its page; of a comparison in *withdrawn* only the title is shown."""

    view: IssueView
    withdrawn: Collection[str] = ()  #: slugs

    @property
    def lead(self) -> ComparisonView | None:
        """Return the first comparison that stands; ``None`` where all were withdrawn."""
        standing = (each for each in self.view.comparisons if each.slug not in self.withdrawn)
        return next(standing, None)

    @property
    def voting(self) -> list[str]:
        """Return the path of where any visitor votes, for each comparison."""
        return [f"/comparisons/{each.slug}#vote" for each in self.view.comparisons]


class IssueArticles:
    """The articles of editions, whose views are kept."""

    def __init__(self) -> None:
        self._views: dict[int, IssueView] = {}
        self._changing = threading.Lock()

    def article(self, session: Session, issue_id: int) -> IssueArticle | None:
        """Return the article of an issue; ``None`` where no recipe of its edition was kept."""
        issue = session.get_one(Issue, issue_id)
        edition = store.edition_of(session, issue)
        view = self._view(session, issue, edition)
        if view is None:
            return None
        return IssueArticle(view=view, withdrawn=store.withdrawals_in(session, issue_id))

    def _view(self, session: Session, issue: Issue, edition: Edition) -> IssueView | None:
        number = edition.id or 0
        kept = self._views.get(number)
        if kept is not None:
            return kept
        try:
            view = provenance.frozen_view(session, issue, edition, as_mailed=False)
        except NotFound:
            return None
        with self._changing:
            if len(self._views) >= _MOST_KEPT:
                self._views.pop(next(iter(self._views)))
            self._views[number] = view
        return view
