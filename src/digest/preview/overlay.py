"""The comparisons in the editor's folder, laid over the ones that are stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, col, select

from digest.comparisons.loader import find, read_file
from digest.comparisons.models import Comparison, Revision, Tool
from digest.comparisons.schema import ComparisonDraft, fingerprint
from digest.comparisons.slug import slugify
from digest.comparisons.store import Side, Summary, revision_row, summaries
from digest.errors import ComparisonUnreadable

#: Text files that lie around in a folder and are no comparisons.
_NOT_MEANT = frozenset({"requirements.txt", "readme.txt", "license.txt", "package.json"})


@dataclass(frozen=True, kw_only=True)
class ComparisonOverlay:
    """All comparisons there are: stored, and in files that say something else or new."""

    summaries: Sequence[Summary]
    drafts: Mapping[str, ComparisonDraft]  #: what is only in files, by slug
    now: datetime

    def unsaved(self, ids: Iterable[int]) -> dict[int, Revision]:
        """Return the revisions of these ids that are only in files; theirs are below 0."""
        wanted = set(ids)
        return {
            each.revision_id: _revision(self.drafts[each.slug], each.slug, self.now)
            for each in self.summaries
            if each.revision_id < 0 and each.revision_id in wanted
        }


@dataclass
class ComparisonFolder:
    """Reads a folder's comparisons; a file that didn't change isn't read again."""

    path: Path
    _known: dict[Path, tuple[tuple[int, int], ComparisonDraft | ComparisonUnreadable]] = field(
        default_factory=dict
    )

    @property
    def shelves(self) -> list[Path]:
        """Where comparisons are: comparisons/ if there is one, else the folder itself."""
        inner = self.path / "comparisons"
        return [inner] if inner.is_dir() else [self.path]

    def read(self) -> tuple[list[ComparisonDraft], list[ComparisonUnreadable]]:
        """Return what could be read, and what is wrong with the rest."""
        found: dict[Path, tuple[tuple[int, int], ComparisonDraft | ComparisonUnreadable]] = {}
        for path in find(self.shelves):
            if path.is_dir() or path.name.lower() in _NOT_MEANT:
                continue
            known = self._known.get(path)
            stamp = _stamp(path)
            found[path] = known if known and known[0] == stamp else (stamp, _read(path))
        self._known = found
        read = [each for _, each in found.values()]
        return (
            [each for each in read if isinstance(each, ComparisonDraft)],
            [each for each in read if isinstance(each, ComparisonUnreadable)],
        )


def _stamp(path: Path) -> tuple[int, int]:
    try:
        told = path.stat()
    except OSError:  # gone meanwhile: reading it will say so
        return 0, 0
    return told.st_mtime_ns, told.st_size


def _read(path: Path) -> ComparisonDraft | ComparisonUnreadable:
    try:
        return read_file(path)
    except ComparisonUnreadable as fault:
        return fault


def overlay_drafts(
    session: Session, drafts: Sequence[ComparisonDraft], now: datetime
) -> ComparisonOverlay:
    """Return the stored comparisons with those of *drafts* that say something else in place."""
    stored = {each.slug: each for each in summaries(session)}
    said = _fingerprints(session, {each.revision_id for each in stored.values()})
    changed: dict[str, ComparisonDraft] = {}
    for number, draft in enumerate(drafts, 1):
        slug = _slug(draft, stored)
        old = stored.get(slug)
        if old and said.get(old.revision_id) == _fingerprint(draft):
            continue
        stored[slug] = _summary(draft, slug, old, -number, now)
        changed[slug] = draft
    return ComparisonOverlay(
        summaries=[stored[slug] for slug in sorted(stored)], drafts=changed, now=now
    )


@lru_cache(maxsize=4096)
def _fingerprint(draft: ComparisonDraft) -> str:
    return fingerprint(draft)


def _fingerprints(session: Session, ids: set[int]) -> dict[int, str]:
    rows = session.exec(
        select(Revision.id, Revision.fingerprint).where(col(Revision.id).in_(ids))
    ).all()
    return {number: said for number, said in rows if number is not None}


def _slug(draft: ComparisonDraft, stored: Mapping[str, Summary]) -> str:
    """Return the slug storing the draft would give it (see `digest.comparisons.store.keep`)."""
    if draft.slug is not None:
        return draft.slug
    base, number = slugify(draft.title), 1
    tools = {slugify(each.name) for each in draft.contenders}
    while True:
        slug = base if number == 1 else f"{base}-{number}"
        old = stored.get(slug)
        if old is None or {old.left.tool, old.right.tool} == tools:
            return slug
        number += 1


def _revision(draft: ComparisonDraft, slug: str, now: datetime) -> Revision:
    tools = [Tool(slug=slugify(each.name), name=each.name) for each in draft.contenders]
    comparison = Comparison(slug=slug, first_imported_at=now)
    return revision_row(draft, comparison, tools, fingerprint=_fingerprint(draft), now=now)


def _summary(
    draft: ComparisonDraft, slug: str, old: Summary | None, number: int, now: datetime
) -> Summary:
    left, right = (
        Side(slugify(each.name), each.name, each.category, each.panel_share)
        for each in draft.contenders
    )
    return Summary(
        comparison_id=old.comparison_id if old else number,
        revision_id=number,
        revision=old.revision + 1 if old else 1,
        slug=slug,
        title=draft.title,
        published_on=draft.published_on,
        imported_on=old.imported_on if old else now.date(),
        weight=draft.weight,
        left=left,
        right=right,
    )
