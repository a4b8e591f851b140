"""What editors decide on a stored comparison beside its words: withdraw it, set some of its values.

Hides that a value set by an editor outlives imports: it is kept beside the comparison, and laid
over each draft before that is compared with the newest revision.
"""

from __future__ import annotations

from datetime import date, datetime

from pydantic import ValidationError
from sqlmodel import Session

from digest.comparisons import store
from digest.comparisons.comparison_announcements import announce_change
from digest.comparisons.content_faults import errors_of, in_words, message_of
from digest.comparisons.editing import draft_of_revision
from digest.comparisons.models import Comparison, Revision
from digest.errors import ComparisonUnreadable, WrongState


def withdraw(session: Session, slug: str, why: str, now: datetime) -> Comparison:
    """Withdraw a comparison: no issue picks it, and its page is gone; the caller commits.

    Raises `NotFound`, and `WrongState` for one that is withdrawn.
    """
    comparison = store.by_slug(session, slug)
    if comparison.withdrawn_at is not None:
        raise WrongState(
            f"{slug} is withdrawn already: {comparison.withdrawn_why}",
            next_step=f"digest comparisons restore {slug}",
        )
    comparison.withdrawn_at, comparison.withdrawn_why = now, why
    session.add(comparison)
    announce_change(session, comparison, store.latest(session, comparison), now)
    return comparison


def restore(session: Session, slug: str, now: datetime) -> Comparison:
    """Bring a withdrawn comparison back; the caller commits.

    Raises `NotFound`, and `WrongState` for one that isn't withdrawn.
    """
    comparison = store.by_slug(session, slug)
    if comparison.withdrawn_at is None:
        raise WrongState(f"{slug} isn't withdrawn, so there is nothing to bring back")
    comparison.withdrawn_at, comparison.withdrawn_why = None, ""
    session.add(comparison)
    announce_change(session, comparison, store.latest(session, comparison), now)
    return comparison


def set_values(
    session: Session,
    slug: str,
    *,
    weight: float | None = None,
    published_on: date | None = None,
    category: str | None = None,
    now: datetime,
) -> Revision:
    """Set values of a comparison that later imports leave alone; the caller commits.

    Return the newest revision, a new one unless it had these values; ``None`` leaves a value as it
    is. Raises `NotFound`, `WrongState` for content of an older version, and `ComparisonUnreadable`
    for a value that no comparison may have.
    """
    comparison = store.by_slug(session, slug)
    day = published_on.isoformat() if published_on else None
    chosen = {"weight": weight, "published_on": day, "category": category}
    values = {name: value for name, value in chosen.items() if value is not None}
    comparison.set_by_editors = {**comparison.set_by_editors, **values}
    session.add(comparison)
    newest = store.latest(session, comparison)
    # What was imported takes the values as well: else the same page would undo an editor's words.
    bases = [store.newest_import(session, comparison), newest] if newest.editor else [newest]
    before = [draft_of_revision(base) for base in bases]
    try:
        drafts = [store.with_values(draft, comparison.set_by_editors) for draft in before]
    except ValidationError as fault:
        problem = errors_of(fault)[0]
        words = f"{in_words(problem['loc'])}: {message_of(problem)}".removeprefix(": ")
        raise ComparisonUnreadable(words, source=slug) from None
    for base, draft in zip(bases, drafts, strict=True) if drafts != before else ():
        newest = store.add_revision(session, comparison, draft, editor=base.editor, now=now)
    return newest
