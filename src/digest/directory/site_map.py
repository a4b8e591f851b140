"""Which addresses the directory has on the site, and when what stands there last changed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col

from digest.comparisons.models import Comparison, Contender, DirectoryEntry, Revision, Tool
from digest.comparisons.store import is_newest_revision
from digest.directory.publication import PublicTerms, public_comparisons


class DirectoryMap(NamedTuple):
    """The slugs of everything public, each with the moment of its newest revision."""

    comparisons: dict[str, datetime]
    tools: dict[str, datetime]
    categories: dict[str, datetime]


def directory_map(session: Session, terms: PublicTerms) -> DirectoryMap:
    """Return the slugs of the public comparisons, and of the tools and categories in them."""
    rows = session.connection().execute(
        public_comparisons(terms)
        .join(Revision, is_newest_revision())
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .with_only_columns(
            col(Comparison.slug),
            col(Revision.imported_at),
            col(Tool.slug),
            col(DirectoryEntry.left_category),
            col(DirectoryEntry.right_category),
        )
        .order_by(col(Revision.imported_at), col(Comparison.id))
    )
    found = DirectoryMap({}, {}, {})
    for slug, at, tool, left, right in rows:  # the newest last, so that its moment is kept
        found.comparisons[slug] = at
        found.tools[tool] = at
        found.categories.update(dict.fromkeys({left, right} - {""}, at))
    return found
