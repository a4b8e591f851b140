"""Which tools one can vote on in a comparison, kept in memory by revision, which never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from digest.comparisons import store as comparisons
from digest.comparisons.models import Call, Comparison
from digest.issues.content import ContenderView, comparison_view

_NEWEST = select(
    col(Comparison.id), col(Comparison.latest), col(Comparison.withdrawn_at).is_not(None)
).where(col(Comparison.id).in_(bindparam("ids", expanding=True)))
_MOST = 1_000  # papers in memory at once, of about 20 KB each


@dataclass(frozen=True, kw_only=True, eq=False)
class BallotPaper:
    """The newest revision of a comparison, as far as a vote page shows it."""

    comparison_id: int
    slug: str
    title: str
    withdrawn: bool
    sides: Sequence[ContenderView]
    tool_ids: Mapping[str, int]  #: by the tool's slug, the left one first

    def by_id(self, choices: Mapping[str, Call | None]) -> dict[int, Call | None]:
        """Return what is chosen of this comparison's tools, by tool id instead of slug."""
        return {
            tool_id: choices[slug] for slug, tool_id in self.tool_ids.items() if slug in choices
        }

    def by_slug(self, calls: Mapping[int, Call]) -> dict[str, Call]:
        """Return calls by the slugs of this comparison's tools."""
        return {slug: calls[tool_id] for slug, tool_id in self.tool_ids.items() if tool_id in calls}


class BallotPapers:
    """The ballot papers that were asked for lately."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int, bool, str], BallotPaper] = {}

    def find(
        self, session: Session, asked: Iterable[tuple[int, str]]
    ) -> Mapping[tuple[int, str], BallotPaper]:
        """Return papers by comparison id and language; unknown comparisons are left out."""
        pairs = set(asked)
        numbers = sorted({number for number, _ in pairs})
        rows = session.connection().execute(_NEWEST, {"ids": numbers})
        found = {number: (latest, withdrawn) for number, latest, withdrawn in rows}
        return {
            (number, language): self._paper(session, (number, *found[number], language))
            for number, language in pairs
            if number in found
        }

    def _paper(self, session: Session, key: tuple[int, int, bool, str]) -> BallotPaper:
        """Return the paper of a comparison's newest revision."""
        if key not in self._kept:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            number, _latest, _withdrawn, language = key
            self._kept[key] = _made(session, session.get_one(Comparison, number), language)
        return self._kept[key]


def _made(session: Session, comparison: Comparison, language: str) -> BallotPaper:
    revision = comparisons.latest(session, comparison)
    view = comparison_view(revision, base_url="", web_url="", language=language)
    sides = sorted(revision.contenders, key=lambda contender: contender.side)
    return BallotPaper(
        comparison_id=comparison.id or 0,
        slug=comparison.slug,
        title=view.title,
        withdrawn=comparison.withdrawn_at is not None,
        sides=view.contenders,
        tool_ids={side.tool.slug: side.tool_id for side in sides[: len(view.contenders)]},
    )
