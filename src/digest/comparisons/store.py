"""SQL of comparisons: which one a draft belongs to, and when it becomes a new revision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, func
from sqlalchemy import select as columns
from sqlalchemy.orm import Session as OrmSession
from sqlmodel import Session, col, select

from digest.comparisons.comparison_announcements import announce_change
from digest.comparisons.directory_entry import keep_entry
from digest.comparisons.models import Comparison, Contender, Revision, Tool, Verdict
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, ShortText, fingerprint
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
    editor: str = "",
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
        editor=editor,
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
    withdrawn: bool = False  #: no issue may carry it
    #: Values that editors have set, by field.
    set_by_editors: Mapping[str, Any] = field(default_factory=dict)


class KnownContent(NamedTuple):
    """The newest revision of a comparison, and the fingerprints that an import leaves alone.

    They are those of the newest revision and of the newest import: a page that hasn't changed
    since it was imported doesn't undo what an editor has changed since.
    """

    number: int
    editor: str
    fingerprints: frozenset[str]

    @property
    def edited(self) -> bool:
        """Whether an editor's words stand in it that are in no import."""
        return len(self.fingerprints) > 1


def store_draft(session: Session, draft: ComparisonDraft, *, now: datetime) -> ImportResult:
    """Store a draft as a new comparison or as a new revision of a stored one.

    Content equal to the newest revision, or to the newest import, writes nothing. A revision that
    takes the place of an editor's words says so among the warnings. The caller commits.
    """
    slug, comparison = locate(session, draft)
    tools = [_tool(session, contender.name) for contender in draft.contenders]
    warnings = draft_oddities(draft)
    if comparison is None:
        outcome, comparison = ImportOutcome.NEW, Comparison(slug=slug, first_imported_at=now)
        session.add(comparison)
    else:
        draft = with_values(draft, comparison.set_by_editors)
        known = known_contents(session, [comparison.id or 0])[comparison.id or 0]
        outcome = ImportOutcome.REVISED
        if fingerprint(draft) in known.fingerprints:
            outcome = ImportOutcome.UNCHANGED
        elif known.edited:
            warnings = (*warnings, _replaces(slug, known))
    if outcome is ImportOutcome.REVISED:
        comparison.latest += 1
    if outcome is not ImportOutcome.UNCHANGED:
        content_hash = fingerprint(draft)
        _add(session, revision_row(draft, comparison, tools, fingerprint=content_hash, now=now))
    return ImportResult(
        slug=slug,
        title=draft.title,
        outcome=outcome,
        revision=comparison.latest,
        warnings=warnings,
    )


def with_values(draft: ComparisonDraft, values: Mapping[str, Any]) -> ComparisonDraft:
    """Return a draft with the values that editors have set in place of its own.

    Raises `pydantic.ValidationError` for a value that no comparison may have.
    """
    if not values:
        return draft
    own = dict(draft)
    own |= {name: values[name] for name in ("weight", "published_on") if name in values}
    if "category" in values:
        category = TypeAdapter(ShortText).validate_python(values["category"])
        own["contenders"] = tuple(
            side.model_copy(update={"category": category}) for side in draft.contenders
        )
    return ComparisonDraft(**own)


def _replaces(slug: str, known: KnownContent) -> str:
    return (
        f"it takes the place of what {known.editor} edited (revision {known.number}), which is"
        f" kept: digest comparisons show {slug} --revision {known.number}"
    )


def add_revision(
    session: Session, comparison: Comparison, draft: ComparisonDraft, *, editor: str, now: datetime
) -> Revision:
    """Store a draft as the newest revision of a comparison, by an editor; the caller commits."""
    tools = [_tool(session, contender.name) for contender in draft.contenders]
    comparison.latest += 1
    row = revision_row(
        draft, comparison, tools, fingerprint=fingerprint(draft), now=now, editor=editor
    )
    _add(session, row)
    return row


def _add(session: Session, row: Revision) -> None:
    session.add(row)
    session.flush()
    keep_entry(session, row)
    if row.number > 1 and row.comparison.withdrawn_at is None:
        announce_change(session, row.comparison, row, row.imported_at)


def known_contents(session: Session, ids: Collection[int]) -> dict[int, KnownContent]:
    """Return what is known of the contents of comparisons, by comparison id."""
    newest = session.exec(
        select(Revision.comparison_id, Revision.number, Revision.editor, Revision.fingerprint)
        .join(Comparison, is_newest_revision())
        .where(col(Comparison.id).in_(ids))
    ).all()
    imported = _newest_imports(session, [id_ for id_, _, editor, _ in newest if editor])
    return {
        id_: KnownContent(number, editor, frozenset({content, imported.get(id_, content)}))
        for id_, number, editor, content in newest
    }


def newest_import(session: Session, comparison: Comparison) -> Revision:
    """Return the newest revision that an import made, with its contenders."""
    chosen = select(Revision).where(
        col(Revision.comparison_id) == comparison.id, Revision.editor == ""
    )
    return session.exec(chosen.order_by(col(Revision.number).desc()).limit(1)).one()


def _newest_imports(session: Session, ids: Collection[int]) -> dict[int, str]:
    """Return the fingerprint of each comparison's newest import, by comparison id."""
    if not ids:
        return {}
    rows = session.exec(
        select(Revision.comparison_id, Revision.fingerprint)
        .where(col(Revision.comparison_id).in_(ids), Revision.editor == "")
        .order_by(col(Revision.number))
    ).all()
    return dict(rows)  # the last one is the newest


def by_slug(session: Session, slug: str, *, lock: bool = False) -> Comparison:
    """Return the comparison called *slug*; raises `NotFound`.

    *lock* locks the row until the caller commits.
    """
    comparison = _find(session, slug, lock=lock)
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


def history(session: Session, comparison: Comparison) -> Sequence[Revision]:
    """Return every revision of a comparison, the newest first."""
    chosen = select(Revision).where(col(Revision.comparison_id) == comparison.id)
    return session.exec(chosen.order_by(col(Revision.number).desc())).all()


def revisions(session: Session, ids: Collection[int]) -> dict[int, Revision]:
    """Return revisions by id, with their contenders; unknown ids are left out."""
    if not ids:
        return {}
    rows = session.exec(select(Revision).where(col(Revision.id).in_(ids))).all()
    return {row.id: row for row in rows if row.id is not None}


def newest(session: OrmSession, comparison_ids: Collection[int]) -> list[Revision]:
    """Return the newest revisions of comparisons, with their contenders.

    Those that were withdrawn are left out.
    """
    chosen = columns(Revision).join(Comparison, is_newest_revision())
    chosen = chosen.where(col(Comparison.id).in_(comparison_ids))
    return list(session.scalars(chosen.where(col(Comparison.withdrawn_at).is_(None))))


def edited_since(session: Session, shown: Collection[int]) -> list[str]:
    """Return the slugs of comparisons that an editor gave other words than revisions *shown*."""
    return [
        row.comparison.slug
        for row in revisions(session, shown).values()
        if (newest := latest(session, row.comparison)).editor
        and newest.fingerprint != row.fingerprint
    ]


def summaries(session: Session, ids: Collection[int] | None = None) -> list[ComparisonSummary]:
    """Return a summary of every comparison, or of those with these ids, sorted by slug."""
    asked = _side_rows() if ids is None else _side_rows().where(col(Comparison.id).in_(ids))
    rows = session.connection().execute(asked).all()
    return [_summary(left, right) for left, right in zip(rows[0::2], rows[1::2], strict=True)]


def categories(session: Session, *, at_most: int) -> list[str]:
    """Return the most used categories of the newest revisions, sorted, *at_most* of them.

    Spellings that differ only in case count as one; the most used spelling is returned.
    """
    rows = session.exec(
        select(Contender.category, func.count())
        .join(Revision, col(Revision.id) == col(Contender.revision_id))
        .join(Comparison, is_newest_revision())
        .where(Contender.category != "", col(Comparison.withdrawn_at).is_(None))
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


def locate(session: Session, draft: ComparisonDraft) -> tuple[str, Comparison | None]:
    """Return the slug of a draft, and its stored comparison or ``None`` for a new one.

    A slug named in the draft identifies the comparison. A slug made from the title also requires
    the same two tools: another pair under the same title gets a number appended.
    """
    if draft.slug is not None:
        return draft.slug, _find(session, draft.slug)
    tools = {slugify(contender.name) for contender in draft.contenders}
    base, number = slugify(draft.title), 1
    while True:
        slug = base if number == 1 else f"{base}-{number}"
        known = _find(session, slug)
        if known is None or _tools_of(session, known) == tools:
            return slug, known
        number += 1


def under_slug(session: Session, draft: ComparisonDraft, slug: str) -> ComparisonDraft:
    """Return a draft that is stored under *slug*: as it is, where it would be anyway."""
    found, _ = locate(session, draft)
    return draft if found == slug else draft.model_copy(update={"slug": slug})


def _find(session: Session, slug: str, *, lock: bool = False) -> Comparison | None:
    chosen = select(Comparison).where(col(Comparison.slug) == slug)
    return session.exec(chosen.with_for_update() if lock else chosen).one_or_none()


def _tools_of(session: Session, comparison: Comparison) -> set[str]:
    return {contender.tool.slug for contender in latest(session, comparison).contenders}


def _side_rows() -> Select[*tuple[Any, ...]]:
    """Return a query with two rows for each comparison, the left side first."""
    return (
        columns(
            col(Comparison.id),
            col(Comparison.slug),
            col(Comparison.latest),
            col(Comparison.first_imported_at),
            col(Comparison.withdrawn_at),
            col(Comparison.set_by_editors),
            col(Revision.id).label("revision_id"),
            col(Revision.title),
            col(Revision.published_on),
            col(Revision.weight),
            col(Tool.slug).label("tool"),
            col(Contender.name),
            col(Contender.category),
            col(Contender.panel_share),
        )
        .join(Revision, is_newest_revision())
        .join(Contender, col(Contender.revision_id) == col(Revision.id))
        .join(Tool, col(Tool.id) == col(Contender.tool_id))
        .order_by(col(Comparison.slug), col(Contender.side))
    )


def is_newest_revision() -> ColumnElement[bool]:
    """Return the condition that a revision is the newest of its comparison."""
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
        withdrawn=left.withdrawn_at is not None,
        set_by_editors=left.set_by_editors,
    )


def _side(row: Any) -> SummarySide:
    return SummarySide(row.tool, row.name, row.category, row.panel_share)
