"""How an import's progress is stored: one row per file and newsletter, from which it resumes.

A run claims its next lines before it files them, so that two runs of one file can't share them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent
from subscribers.errors import BadImport
from subscribers.models import ImportRun


@dataclass(frozen=True, kw_only=True)
class ImportKey:
    """What identifies an import, and the way its file is read."""

    fingerprint: str  #: SHA-256 of the file
    newsletter: str
    ignored: tuple[str, ...]  #: columns that are read as if they weren't there


@dataclass(kw_only=True)
class ImportReport:
    """The result of an import: ``lines = added + refused``; the header isn't counted."""

    layout: str
    lines: int = 0
    added: int = 0
    refused: Counter[str] = field(default_factory=Counter)  #: reason to number of lines
    resumed_at: int = 0  #: lines an interrupted run had filed before
    #: Standing at the former service to number of lines, refused ones included.
    standings: Counter[str] = field(default_factory=Counter)
    ignored: tuple[str, ...] = ()  #: columns an operator had ignored
    note: str = ""  #: what such a list can't tell
    #: Lines of readers who get mail here and by the list have left: how many, and the first ones.
    still_mailed: int = 0
    still_mailed_lines: tuple[int, ...] = ()
    last_line: int = 0  #: the number, as an editor counts, of the last line that was filed

    def as_counts(self) -> dict[str, Any]:
        """Return the counts as JSON, for the run that resumes this one."""
        return {
            "added": self.added,
            "refused": dict(self.refused),
            "standings": dict(self.standings),
            "ignored": list(self.ignored),
            "last_line": self.last_line,
        }


@dataclass(frozen=True, kw_only=True)
class ActiveImport:
    """One unfinished import, with its row's id; 0 for a rehearsal."""

    id: int
    wording_hash: str
    started_at: datetime
    report: ImportReport


def begin(
    session: Session, key: ImportKey, statement: str, *, report: ImportReport, now: datetime
) -> ActiveImport:
    """Start an import, or resume the interrupted one of this file; raise `BadImport`."""
    refuse_another_way(session, key, statement)
    wording_hash = consent.keep_wording(session, statement)
    row = _row(session, key)
    if row is not None and row.finished_at is not None:
        session.delete(row)
        session.flush()
        row = None
    if row is None:
        row = ImportRun(
            fingerprint=key.fingerprint,
            newsletter=key.newsletter,
            wording_hash=wording_hash,
            counts=report.as_counts(),
            started_at=now,
        )
        session.add(row)
        session.flush()
    return _active(row, report, wording_hash)


def refuse_another_way(session: Session, key: ImportKey, statement: str) -> None:
    """Raise `BadImport` for an interrupted import with another statement or ignored columns."""
    row = _interrupted(session, key)
    if row is None:
        return
    if row.wording_hash != consent.wording_hash(statement):
        raise BadImport(
            "an earlier run of this list stopped half-way with another statement: give --consent in"
            " the same words, so that all its readers have the same evidence"
        )
    if row.counts.get("ignored", []) != list(key.ignored):
        raise BadImport(
            "an earlier run of this list stopped half-way with other ignored columns: give the"
            " same --ignore-column, so that all its lines are read in the same way"
        )


def filed_up_to(session: Session, key: ImportKey) -> int:
    """Return the number of the last line an interrupted import has filed, or 0."""
    row = _interrupted(session, key)
    return int(row.counts.get("last_line", 0)) if row else 0


def claim(session: Session, run: ActiveImport, lines: int) -> None:
    """Claim the next lines for this run; raise `BadImport` where another run has claimed them.

    Two concurrent imports of one file resume at the same line, and each would count the lines of
    the other as subscribed already.
    """
    before = run.report.lines
    result: Any = session.execute(
        update(ImportRun)
        .where(col(ImportRun.id) == run.id, col(ImportRun.lines) == before)
        .values(lines=before + lines)
    )
    if result.rowcount != 1:
        raise BadImport(
            "another import of this list is running: wait until that one has ended; its report is"
            " the one that counts"
        )


def record_progress(session: Session, run: ActiveImport) -> None:
    """Store a run's progress, in the transaction of the lines it filed."""
    session.execute(
        update(ImportRun)
        .where(col(ImportRun.id) == run.id)
        .values(lines=run.report.lines, counts=run.report.as_counts())
    )


def finish(session: Session, run: ActiveImport, now: datetime) -> None:
    """Mark an import as finished; the same file again is then a new import."""
    session.execute(update(ImportRun).where(col(ImportRun.id) == run.id).values(finished_at=now))


def _interrupted(session: Session, key: ImportKey) -> ImportRun | None:
    row = _row(session, key)
    return None if row is None or row.finished_at is not None else row


def _row(session: Session, key: ImportKey) -> ImportRun | None:
    return session.execute(
        select(ImportRun).where(
            col(ImportRun.fingerprint) == key.fingerprint,
            col(ImportRun.newsletter) == key.newsletter,
        )
    ).scalar_one_or_none()


def _active(row: ImportRun, report: ImportReport, wording_hash: str) -> ActiveImport:
    report.lines = report.resumed_at = row.lines
    report.added = row.counts.get("added", 0)
    report.refused = Counter(row.counts.get("refused", {}))
    report.standings = Counter(row.counts.get("standings", {}))
    return ActiveImport(
        id=row.id or 0, wording_hash=wording_hash, started_at=row.started_at, report=report
    )
