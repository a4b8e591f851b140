"""Which words a comparison is found by, and how its entry follows its newest revision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlmodel import Session

from digest.comparisons.models import DirectoryEntry, Revision
from digest.comparisons.search_words import words
from digest.comparisons.slug import slugify


class EntrySide(NamedTuple):
    """One tool of a comparison, in the texts that a search looks at."""

    name: str
    category: str
    tagline: str
    description: str
    quotes: Sequence[str]


def keep_entry(session: Session, revision: Revision) -> None:
    """Make a comparison's entry that of *revision*, its newest one; the caller commits."""
    comparison = revision.comparison
    values = entry_values(
        day=revision.published_on or comparison.first_imported_at.date(),
        title=revision.title,
        labels=revision.labels,
        sides=[
            EntrySide(
                name=side.name,
                category=side.category,
                tagline=side.tagline,
                description=side.description,
                quotes=[verdict.quote for verdict in side.verdicts],
            )
            for side in revision.contenders
        ],
    )
    session.merge(DirectoryEntry(comparison_id=comparison.id or 0, **values))
    session.flush()


def entry_values(
    *, day: date, title: str, labels: Sequence[str], sides: Sequence[EntrySide]
) -> dict[str, Any]:
    """Return the columns of an entry but for its comparison; *sides* are left and right.

    Revision 0017 fills the table with them too: other columns need a revision that fills it anew.
    """
    names = [title, *(side.name for side in sides)]
    shelf = [*names, *labels, *(t for side in sides for t in (side.category, side.tagline))]
    prose = [text for side in sides for text in (side.description, *side.quotes)]
    left, right = [category_slug(side.category) for side in sides[:2]] + [""] * (2 - len(sides[:2]))
    return {
        "day": day,
        "left_category": left,
        "right_category": right,
        "names": " ".join(words(names)),
        "shelf": " ".join(words(shelf)),
        "words": " ".join(words([*shelf, *prose])),
    }


def category_slug(category: str) -> str:
    """Return the slug of a category, under which all its spellings stand; empty for none."""
    return slugify(category) if category else ""
