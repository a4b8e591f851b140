"""Which verdict on a comparison readers were told last, and how the newest one differs from it.

An issue tells the verdicts of what it carries, and those that its block of changes tells of. So
only the net change counts, and what a correction has told isn't told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement
from sqlalchemy import select as columns
from sqlmodel import Session, col, or_, select

from digest.comparisons import store as comparisons
from digest.comparisons.models import Comparison, Revision
from digest.issues import provenance, store
from digest.issues.content import VerdictChange, comparison_view, difference, flips
from digest.issues.models import Edition, Issue, Newsletter, Placement, Recipe
from digest.render.rich_text import rich_text
from subscribers.sql import chunks

MOST = 12  #: comparisons that one issue tells of; the others wait for the next one


class ToldVerdict(NamedTuple):
    """An edition, and the revision of a comparison whose verdict it tells."""

    edition_id: int
    newsletter_id: int
    comparison_id: int
    revision_id: int
    carried: bool = True  #: the edition carries the comparison; else it tells of a change


def changed_since_told(
    session: Session,
    newsletter: Newsletter,
    number: int,
    *,
    carried: Collection[int],
    day: date,
) -> tuple[VerdictChange, ...]:
    """Return what issue *number* tells its readers of comparisons that earlier issues carried.

    The latest change comes first. *carried* has the ids of the comparisons in the issue itself,
    which are left out, as are withdrawn ones and those dated after its *day*.
    """
    earlier = col(Issue.number) < number
    corrected = col(Issue.corrects_issue_id).is_not(None) & col(Issue.prepared_at).is_not(None)
    told = newest_told(
        told_verdicts(
            session,
            col(Issue.newsletter_id) == newsletter.id,
            col(Issue.state).in_(store.CARRYING_STATES),
            or_(earlier, corrected),
        )
    )
    for comparison_id in carried:
        told.pop(comparison_id, None)
    newest = [
        revision for revision in _newest(session, told) if (revision.published_on or day) <= day
    ]
    newest.sort(key=lambda revision: revision.id or 0, reverse=True)
    was = comparisons.revisions(session, [told[each.comparison_id] for each in newest])
    changes = (
        verdict_change(session, was[told[each.comparison_id]], each, language=newsletter.language)
        for each in newest
    )
    return tuple(change for change in changes if change is not None)[:MOST]


def differs(was: Revision, now: Revision) -> bool:
    """Return whether the verdict of one revision differs from another's."""
    return bool(flips(difference([was], [now])))


def verdict_change(
    session: Session, was: Revision, now: Revision, *, language: str
) -> VerdictChange | None:
    """Return how the verdict of one revision differs from another's; ``None`` where it doesn't.

    An editor's words stand with it if they were written for readers of this *language*.
    """
    changes = flips(difference([was], [now]))
    if not changes:
        return None
    comparison = now.comparison
    between = [
        revision.id or 0
        for revision in comparisons.history(session, comparison)
        if was.number < revision.number <= now.number
    ]
    whys = reasons(session, comparison.slug, between, language=language)
    return VerdictChange(
        comparison_id=now.comparison_id,
        slug=comparison.slug,
        title=comparison_view(now, base_url="", web_url="").title,
        was=was.id or 0,
        now=now.id or 0,
        changes=changes,
        why=next((whys[number] for number in between if number in whys), ""),
    )


def told_verdicts(session: Session, *which: ColumnElement[bool]) -> Iterator[ToldVerdict]:
    """Yield each verdict that the newest editions of some issues tell."""
    editions = (
        columns(col(Edition.id), col(Issue.newsletter_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(store.is_newest_edition(), *which)
    )
    carried = editions.add_columns(col(Placement.comparison_id), col(Placement.revision_id)).join(
        Placement, col(Placement.issue_id) == col(Issue.id)
    )
    run = session.connection().execute
    yield from (ToldVerdict(*row) for row in run(carried))
    of_blocks = editions.add_columns(col(Recipe.made_from)["background", "changes"]).join(
        Recipe, col(Recipe.edition_id) == col(Edition.id)
    )
    for edition_id, newsletter_id, blocks in run(of_blocks):
        for block in blocks or ():
            yield ToldVerdict(
                edition_id, newsletter_id, block["comparison_id"], block["now"], False
            )


def newest_told(told: Iterable[ToldVerdict]) -> dict[int, int]:
    """Return the newest revision told of each comparison, both by id."""
    newest: dict[int, int] = {}
    for each in told:
        newest[each.comparison_id] = max(each.revision_id, newest.get(each.comparison_id, 0))
    return newest


def reasons(
    session: Session, slug: str, revision_ids: Collection[int], *, language: str | None = None
) -> dict[int, str]:
    """Return what editors said of a comparison in the issues that carry it, by revision id.

    With *language* only what they said in that language.
    """
    whys: dict[int, str] = {}
    for revision_id, edition in store.editions_carrying(session, revision_ids, language=language):
        correction, decisions = (
            provenance.correction_of(edition),
            provenance.decisions_of(edition),
        )
        note = decisions.notes.get(slug, "") if decisions else ""
        why = correction.why if correction else rich_text(note).plain if note else ""
        if why:
            whys.setdefault(revision_id, why)
    return whys


def _newest(session: Session, told: dict[int, int]) -> Iterator[Revision]:
    """Yield the newest revisions of comparisons, where they are newer than those told."""
    for part in chunks(told):
        rows = session.exec(
            select(Revision)
            .join(Comparison, comparisons.is_newest_revision())
            .where(col(Comparison.id).in_(part), col(Comparison.withdrawn_at).is_(None))
        )
        yield from (row for row in rows if row.id != told[row.comparison_id])
