"""How far an import has come, so that the same file again goes on from there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import ledger
from subscribers.errors import BadImport
from subscribers.models import ImportRun


@dataclass(kw_only=True)
class Report:
    """What came of an import: ``lines = added + refused``; the header isn't counted."""

    layout: str
    lines: int = 0
    added: int = 0
    refused: Counter[str] = field(default_factory=Counter)  #: reason to number of lines
    resumed_at: int = 0  #: lines an interrupted run had done before

    def as_counts(self) -> dict[str, Any]:
        """Return what the next run needs to go on counting."""
        return {"added": self.added, "refused": dict(self.refused)}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One import under way, as the database knows it."""

    id: int
    wording_hash: str
    started_at: datetime
    report: Report


def begin(
    session: Session,
    fingerprint: str,
    newsletter: str,
    *,
    consent: str,
    layout: str,
    now: datetime,
) -> Run:
    """Start an import, or go on with the one of this file that was interrupted."""
    refuse_other_words(session, fingerprint, newsletter, consent)
    wording_hash = ledger.keep_wording(session, consent)
    known = _known(session, fingerprint, newsletter)
    if known is None or known.finished_at is not None:
        if known is not None:
            session.delete(known)
            session.flush()
        known = ImportRun(
            fingerprint=fingerprint,
            newsletter=newsletter,
            wording_hash=wording_hash,
            started_at=now,
        )
        session.add(known)
        session.flush()
    return _run(known, layout, wording_hash)


def refuse_other_words(session: Session, fingerprint: str, newsletter: str, consent: str) -> None:
    """Refuse to go on with an interrupted import by another statement; raises `BadImport`."""
    known = _known(session, fingerprint, newsletter)
    under_way = known is not None and known.finished_at is None
    if known and under_way and known.wording_hash != ledger.wording_hash(consent):
        raise BadImport(
            "an earlier run of this list stopped half-way with another statement: give --consent in"
            " the same words, so that all its readers have the same evidence"
        )


def _known(session: Session, fingerprint: str, newsletter: str) -> ImportRun | None:
    return session.execute(
        select(ImportRun).where(
            col(ImportRun.fingerprint) == fingerprint, col(ImportRun.newsletter) == newsletter
        )
    ).scalar_one_or_none()


def note(session: Session, run: Run) -> None:
    """Note how far a run has come, in the transaction of what it did."""
    session.execute(
        update(ImportRun)
        .where(col(ImportRun.id) == run.id)
        .values(lines=run.report.lines, counts=run.report.as_counts())
    )


def finish(session: Session, run: Run, now: datetime) -> None:
    """Note that the whole file is done; the same file again is a new import."""
    session.execute(update(ImportRun).where(col(ImportRun.id) == run.id).values(finished_at=now))


def _run(row: ImportRun, layout: str, wording_hash: str) -> Run:
    report = Report(
        layout=layout,
        lines=row.lines,
        added=row.counts.get("added", 0),
        refused=Counter(row.counts.get("refused", {})),
        resumed_at=row.lines,
    )
    return Run(id=row.id or 0, wording_hash=wording_hash, started_at=row.started_at, report=report)
