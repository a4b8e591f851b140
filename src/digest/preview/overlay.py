"""Lay the comparisons of the editor's folder over the stored ones, without storing them.

Hides how files are cached, and that an unsaved revision has an id below 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, col, select

from digest.comparisons.loader import find, holds_comparison, read_file
from digest.comparisons.models import Comparison, Revision, Tool
from digest.comparisons.schema import ComparisonDraft, fingerprint
from digest.comparisons.slug import slugify
from digest.comparisons.store import (
    ComparisonSummary,
    KnownContent,
    SummarySide,
    known_contents,
    revision_row,
    summaries,
    with_values,
)
from digest.errors import ComparisonUnreadable
from subscribers.sql import chunks

#: What a file holds: a comparison, one that can't be read, or nothing meant as one.
_Content = ComparisonDraft | ComparisonUnreadable | None


@dataclass(frozen=True, kw_only=True)
class ComparisonOverlay:
    """The stored comparisons, replaced or extended by those of files that differ or are new."""

    summaries: Sequence[ComparisonSummary]
    drafts: Mapping[str, ComparisonDraft]  #: the comparisons that are only in files, by slug
    now: datetime
    tools: Mapping[str, int]  #: ids of the stored tools in those, by slug: votes are kept by them
    #: Edited contents whose place a changed file has taken, by slug.
    replaced: Mapping[str, KnownContent] = field(default_factory=dict)

    def unsaved(self, ids: Iterable[int]) -> dict[int, Revision]:
        """Return the revisions among *ids* that are only in files, by id; their ids are below 0."""
        wanted = set(ids)
        return {
            summary.revision_id: self._revision(summary)
            for summary in self.summaries
            if summary.revision_id < 0 and summary.revision_id in wanted
        }

    def _revision(self, summary: ComparisonSummary) -> Revision:
        draft = self.drafts[summary.slug]
        tools = [_tool(contender.name) for contender in draft.contenders]
        comparison = Comparison(slug=summary.slug, first_imported_at=self.now)
        row = revision_row(draft, comparison, tools, fingerprint=_fingerprint(draft), now=self.now)
        row.comparison_id = summary.comparison_id
        for side in row.contenders:
            side.tool_id = self.tools.get(side.tool.slug, 0)
        return row


@dataclass
class ComparisonFolder:
    """Read a folder's comparisons; an unchanged file is read once."""

    path: Path
    others: Sequence[str] = ()  #: names of the files that held no comparison when last read
    _known: dict[Path, tuple[tuple[int, int], _Content]] = field(default_factory=dict)

    @property
    def shelf(self) -> Path:
        """The folder of comparisons: comparisons/ if it exists, else the folder itself."""
        inner = self.path / "comparisons"
        return inner if inner.is_dir() else self.path

    def read(self) -> tuple[list[ComparisonDraft], list[ComparisonUnreadable]]:
        """Return the comparisons that could be read, and an error for each that couldn't.

        A file that is meant as something else is only named in `others`.
        """
        shelf, results = self.shelf, dict[Path, tuple[tuple[int, int], _Content]]()
        for path in find([shelf]):
            if path.is_dir():
                continue
            known = self._known.get(path)
            stamp = _stamp(path)
            is_own = shelf != self.path
            results[path] = (
                known if known and known[0] == stamp else (stamp, _read(path, own=is_own))
            )
        self._known = results
        self.others = tuple(path.name for path, (_, content) in results.items() if content is None)
        read = [result for _, result in results.values()]
        return (
            [result for result in read if isinstance(result, ComparisonDraft)],
            [result for result in read if isinstance(result, ComparisonUnreadable)],
        )

    def file_of(self, slug: str, stored: Sequence[ComparisonSummary]) -> Path | None:
        """Return the file that holds a comparison; ``None`` where none of this folder does."""
        named = {summary.slug: summary for summary in stored}
        for path, (_, content) in self._known.items():
            if isinstance(content, ComparisonDraft) and _slug(content, named) == slug:
                return path
        return None


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # deleted meanwhile: reading it raises the error
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _read(path: Path, *, own: bool) -> _Content:
    """Read one file; of a folder of its own for comparisons, what can't be told is meant as one."""
    try:
        return read_file(path)
    except ComparisonUnreadable as fault:
        meant = holds_comparison(path)
        return fault if meant or (meant is None and own) else None


def overlay_drafts(
    session: Session, drafts: Sequence[ComparisonDraft], now: datetime
) -> ComparisonOverlay:
    """Return the stored comparisons, with the *drafts* that differ in their place."""
    stored = {summary.slug: summary for summary in summaries(session)}
    known = known_contents(session, {summary.comparison_id for summary in stored.values()})
    changed: dict[str, ComparisonDraft] = {}
    replaced: dict[str, KnownContent] = {}
    for number, draft in enumerate(drafts, 1):
        slug = _slug(draft, stored)
        previous = stored.get(slug)
        draft = with_values(draft, previous.set_by_editors) if previous else draft
        content = known.get(previous.comparison_id) if previous else None
        if content and _fingerprint(draft) in content.fingerprints:
            continue
        if content and content.edited:
            replaced[slug] = content
        stored[slug] = _summary(draft, slug, previous, -number, now)
        changed[slug] = draft
    return ComparisonOverlay(
        summaries=[stored[slug] for slug in sorted(stored)],
        drafts=changed,
        replaced=replaced,
        now=now,
        tools=_tool_ids(session, changed.values()),
    )


def _tool_ids(session: Session, drafts: Iterable[ComparisonDraft]) -> dict[str, int]:
    slugs = {slugify(contender.name) for draft in drafts for contender in draft.contenders}
    found: dict[str, int] = {}
    for part in chunks(sorted(slugs)):
        rows = session.exec(select(Tool.slug, Tool.id).where(col(Tool.slug).in_(part)))
        found |= {slug: tool_id for slug, tool_id in rows if tool_id is not None}
    return found


def _tool(name: str) -> Tool:
    return Tool(slug=slugify(name), name=name)


@lru_cache(maxsize=4096)
def _fingerprint(draft: ComparisonDraft) -> str:
    return fingerprint(draft)


def _slug(draft: ComparisonDraft, stored: Mapping[str, ComparisonSummary]) -> str:
    """Return the slug storing the draft would give it (see `digest.comparisons.store.keep`)."""
    if draft.slug is not None:
        return draft.slug
    base, number = slugify(draft.title), 1
    tools = {slugify(contender.name) for contender in draft.contenders}
    while True:
        slug = base if number == 1 else f"{base}-{number}"
        previous = stored.get(slug)
        if previous is None or {previous.left.tool, previous.right.tool} == tools:
            return slug
        number += 1


def _summary(
    draft: ComparisonDraft,
    slug: str,
    previous: ComparisonSummary | None,
    number: int,
    now: datetime,
) -> ComparisonSummary:
    left, right = (
        SummarySide(
            slugify(contender.name), contender.name, contender.category, contender.panel_share
        )
        for contender in draft.contenders
    )
    return ComparisonSummary(
        comparison_id=previous.comparison_id if previous else number,
        revision_id=number,
        revision=previous.revision + 1 if previous else 1,
        slug=slug,
        title=draft.title,
        published_on=draft.published_on,
        imported_on=previous.imported_on if previous else now.date(),
        weight=draft.weight,
        left=left,
        right=right,
        withdrawn=previous is not None and previous.withdrawn,
        set_by_editors=previous.set_by_editors if previous else {},
    )
