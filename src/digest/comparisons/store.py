"""SQL of comparisons: which one a draft belongs to, and when it becomes a new revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from digest.comparisons.models import Comparison, Contender, Revision, Tool, Verdict
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, fingerprint
from digest.comparisons.score import draft_oddities
from digest.comparisons.slug import slugify
from digest.errors import NotFound


def revision_row(
    draft: ComparisonDraft,
    comparison: Comparison,
    tools: Sequence[Tool],
    *,
    fingerprint: str,
    now: datetime,
) -> Revision:
    """Return a draft as a revision with contenders and verdicts; *tools* are left and right."""
    sides = enumerate(zip(draft.contenders, tools, strict=True))
    return Revision(
        **draft.model_dump(exclude={"slug", "contenders", "closing", "labels"}),
        closing=list(draft.closing),
        labels=list(draft.labels),
        form=draft.form,
        source=draft.source,
        comparison=comparison,
        number=comparison.latest,
        fingerprint=fingerprint,
        imported_at=now,
        contenders=[_contender_row(contender, side, tool) for side, (contender, tool) in sides],
    )


def _contender_row(draft: ContenderDraft, side: int, tool: Tool) -> Contender:
    return Contender(
        **draft.model_dump(exclude={"verdicts"}),
        side=side,
        tool=tool,
        verdicts=[Verdict(**verdict.model_dump()) for verdict in draft.verdicts],
    )


class ImportOutcome(StrEnum):
    """What storing a draft has changed."""

    NEW = "new"  #: a comparison was added
    REVISED = "revised"  #: a revision was added; the earlier ones stay
    UNCHANGED = "unchanged"  #: the newest revision has the same content: nothing was written


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """The outcome of storing one draft; *warnings* are its oddities in words."""

    slug: str
    title: str
    outcome: ImportOutcome
    revision: int
    warnings: tuple[str, ...]


class SummarySide(NamedTuple):
    """One side of a comparison in a list; *tool* is the tool's slug."""

    tool: str
    name: str
    category: str
    panel_share: float | None


@dataclass(frozen=True, kw_only=True)
class ComparisonSummary:
    """The newest revision of a comparison, with the fields that lists and the pick rule read."""

    comparison_id: int
    revision_id: int
    revision: int
    slug: str
    title: str
    published_on: date | None
    imported_on: date  #: when the comparison was first imported, in UTC
    weight: float
    left: SummarySide
    right: SummarySide


def store_draft(session: Session, draft: ComparisonDraft, *, now: datetime) -> ImportResult:
    """Store a draft as a new comparison or as a new revision of a stored one.

    Content equal to the newest revision writes nothing. The caller commits.
    """
    tools = [_tool(session, contender.name) for contender in draft.contenders]
    slug, comparison = _locate(session, draft, tools)
    content_hash = fingerprint(draft)
    if comparison is None:
        outcome, comparison = ImportOutcome.NEW, Comparison(slug=slug, first_imported_at=now)
        session.add(comparison)
    elif latest(session, comparison).fingerprint == content_hash:
        outcome = ImportOutcome.UNCHANGED
    else:
        outcome, comparison.latest = ImportOutcome.REVISED, comparison.latest + 1
    if outcome is not ImportOutcome.UNCHANGED:
        session.add(revision_row(draft, comparison, tools, fingerprint=content_hash, now=now))
        session.flush()
    return ImportResult(
        slug=slug,
        title=draft.title,
        outcome=outcome,
        revision=comparison.latest,
        warnings=draft_oddities(draft),
    )


def by_slug(session: Session, slug: str) -> Comparison:
    """Return the comparison called *slug*; raises `NotFound`."""
    comparison = _find(session, slug)
    if comparison is None:
        raise NotFound(f"no comparison is called {slug}", next_step="digest comparisons list")
    return comparison


def latest(session: Session, comparison: Comparison) -> Revision:
    """Return the newest revision of a comparison, with its contenders."""
    return revision(session, comparison, comparison.latest)


def revision(session: Session, comparison: Comparison, number: int) -> Revision:
    """Return the revision of that number, with its contenders; raises `NotFound`."""
    row = session.exec(
        select(Revision).where(
            col(Revision.comparison_id) == comparison.id, col(Revision.number) == number
        )
    ).one_or_none()
    if row is None:
        raise NotFound(
            f"{comparison.slug} has no revision {number}; its newest is {comparison.latest}"
        )
    return row


def revisions(session: Session, ids: Collection[int]) -> dict[int, Revision]:
    """Return revisions by id, with their contenders; unknown ids are left out."""
    rows = session.exec(select(Revision).where(col(Revision.id).in_(ids))).all()
    return {row.id: row for row in rows if row.id is not None}


def summaries(session: Session) -> list[ComparisonSummary]:
    """Return a summary of every comparison, sorted by slug."""
    rows = session.connection().execute(_side_rows()).all()
    return [_summary(left, right) for left, right in zip(rows[0::2], rows[1::2], strict=True)]


def categories(session: Session, *, at_most: int) -> list[str]:
    """Return the most used categories of the newest revisions, sorted, *at_most* of them.

    Spellings that differ only in case count as one; the most used spelling is returned.
    """
    rows = session.exec(
        select(Contender.category, func.count())
        .join(Revision, col(Revision.id) == col(Contender.revision_id))
        .join(Comparison, _is_newest_revision())
        .where(Contender.category != "")
        .group_by(Contender.category)
        .order_by(func.count().desc(), col(Contender.category))
    )
    names: dict[str, str] = {}
    uses: Counter[str] = Counter()
    for category, number in rows:
        names.setdefault(category.casefold(), category)
        uses[category.casefold()] += number
    return [names[key] for key in sorted(key for key, _ in uses.most_common(at_most))]


def count(session: Session) -> int:
    """Return the number of comparisons."""
    return session.exec(select(func.count()).select_from(Comparison)).one()


def _tool(session: Session, name: str) -> Tool:
    slug = slugify(name)
    tool = session.exec(select(Tool).where(col(Tool.slug) == slug)).one_or_none()
    if tool is None:
        tool = Tool(slug=slug, name=name)
        session.add(tool)
        session.flush()
    return tool


def _locate(
    session: Session, draft: ComparisonDraft, tools: list[Tool]
) -> tuple[str, Comparison | None]:
    """Return the slug of a draft, and its stored comparison or ``None`` for a new one.

    A slug named in the draft identifies the comparison. A slug made from the title also requires
    the same two tools: another pair under the same title gets a number appended.
    """
    if draft.slug is not None:
        return draft.slug, _find(session, draft.slug)
    base, number = slugify(draft.title), 1
    while True:
        slug = base if number == 1 else f"{base}-{number}"
        known = _find(session, slug)
        if known is None or _tools_of(session, known) == {tool.id for tool in tools}:
            return slug, known
        number += 1


def _find(session: Session, slug: str) -> Comparison | None:
    return session.exec(select(Comparison).where(col(Comparison.slug) == slug)).one_or_none()


def _tools_of(session: Session, comparison: Comparison) -> set[int | None]:
    return {contender.tool_id for contender in latest(session, comparison).contenders}


def _side_rows() -> Select[*tuple[Any, ...]]:
    """Return a query with two rows for each comparison, the left side first."""
    return (
        columns(
            col(Comparison.id),
            col(Comparison.slug),
            col(Comparison.latest),
            col(Comparison.first_imported_at),
            col(Revision.id).label("revision_id"),
            col(Revision.title),
            col(Revision.published_on),
            col(Revision.weight),
            col(Tool.slug).label("tool"),
            col(Contender.name),
            col(Contender.category),
            col(Contender.panel_share),
        )
        .join(Revision, _is_newest_revision())
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .order_by(col(Comparison.slug), col(Contender.side))
    )


def _is_newest_revision() -> ColumnElement[bool]:
    return (col(Revision.comparison_id) == col(Comparison.id)) & (
        col(Revision.number) == col(Comparison.latest)
    )


def _summary(left: Any, right: Any) -> ComparisonSummary:
    return ComparisonSummary(
        comparison_id=left.id,
        revision_id=left.revision_id,
        revision=left.latest,
        slug=left.slug,
        title=left.title,
        published_on=left.published_on,
        imported_on=left.first_imported_at.date(),
        weight=left.weight,
        left=_side(left),
        right=_side(right),
    )


def _side(row: Any) -> SummarySide:
    return SummarySide(row.tool, row.name, row.category, row.panel_share)
