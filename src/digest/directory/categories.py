"""Which categories the public comparisons stand in, each under its most used spelling."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col

from digest.comparisons.directory_entry import category_slug
from digest.comparisons.models import Contender, DirectoryEntry, Revision
from digest.comparisons.store import is_newest_revision
from digest.directory.publication import PublicTerms, public_comparisons


class CategoryCount(NamedTuple):
    """A category, and how many public comparisons have a tool in it."""

    slug: str
    name: str
    comparisons: int


def category_list(session: Session, terms: PublicTerms) -> list[CategoryCount]:
    """Return every category of the public comparisons, by name."""
    sides = (col(DirectoryEntry.left_category), col(DirectoryEntry.right_category))
    pairs = session.connection().execute(
        public_comparisons(terms).with_only_columns(*sides, func.count()).group_by(*sides)
    )
    uses: Counter[str] = Counter()
    for left, right, number in pairs:
        for slug in {left, right} - {""}:
            uses[slug] += number
    names = _spellings(session, terms)
    return [CategoryCount(slug, names[slug], uses[slug]) for slug in sorted(uses)]


def _spellings(session: Session, terms: PublicTerms) -> dict[str, str]:
    """Return the most used spelling of each category, by its slug."""
    rows = session.connection().execute(
        public_comparisons(terms)
        .join(Revision, is_newest_revision())
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .with_only_columns(col(Contender.category))
        .group_by(col(Contender.category))
        .order_by(func.count(), col(Contender.category).desc())
    )
    return {category_slug(category): category for category in rows.scalars()}
