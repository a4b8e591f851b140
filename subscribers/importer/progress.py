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


@dataclass(frozen=True, kw_only=True)
class List:
    """Which list is imported: the same file may be read in more than one way."""

    fingerprint: str
    newsletter: str
    ignored: tuple[str, ...]  #: columns that are read as if they weren't there


@dataclass(kw_only=True)
class Report:
    """What came of an import: ``lines = added + refused``; the header isn't counted."""

    layout: str
    lines: int = 0
    added: int = 0
    refused: Counter[str] = field(default_factory=Counter)  #: reason to number of lines
    resumed_at: int = 0  #: lines an interrupted run had done before
    #: Every line by how the list says that its reader stands, whatever it was refused for.
    standings: Counter[str] = field(default_factory=Counter)
    ignored: tuple[str, ...] = ()  #: columns an operator had left aside
    note: str = ""  #: what such a list can't tell
    #: Lines that say of somebody who gets mail here that they left; how many, and the first ones.
    still_mailed: int = 0
    still_mailed_lines: tuple[int, ...] = ()
    last_line: int = 0  #: the number, as an editor counts, of the last line that was filed

    def as_counts(self) -> dict[str, Any]:
        """Return what the next run needs to go on counting."""
        return {
            "added": self.added,
            "refused": dict(self.refused),
            "standings": dict(self.standings),
            "ignored": list(self.ignored),
            "last_line": self.last_line,
        }


@dataclass(frozen=True, kw_only=True)
class Run:
    """One import under way, as the database knows it."""

    id: int
    wording_hash: str
    started_at: datetime
    report: Report


def begin(session: Session, list_: List, consent: str, *, report: Report, now: datetime) -> Run:
    """Start an import, or go on with the one of this file that was interrupted."""
    refuse_another_way(session, list_, consent)
    wording_hash = ledger.keep_wording(session, consent)
    known = _known(session, list_)
    if known is None or known.finished_at is not None:
        if known is not None:
            session.delete(known)
            session.flush()
        known = ImportRun(
            fingerprint=list_.fingerprint,
            newsletter=list_.newsletter,
            wording_hash=wording_hash,
            counts=report.as_counts(),
            started_at=now,
        )
        session.add(known)
        session.flush()
    return _run(known, report, wording_hash)


def refuse_another_way(session: Session, list_: List, consent: str) -> None:
    """Refuse to go on with an interrupted import in another way; raises `BadImport`."""
    known = _known(session, list_)
    if known is None or known.finished_at is not None:
        return
    if known.wording_hash != ledger.wording_hash(consent):
        raise BadImport(
            "an earlier run of this list stopped half-way with another statement: give --consent in"
            " the same words, so that all its readers have the same evidence"
        )
    if known.counts.get("ignored", []) != list(list_.ignored):
        raise BadImport(
            "an earlier run of this list stopped half-way with other columns left aside: give the"
            " same --ignore-column, so that all its lines are read in the same way"
        )


def filed_up_to(session: Session, list_: List) -> int:
    """Return the number of the last line an interrupted run has filed; 0 where there is none."""
    known = _known(session, list_)
    if known is None or known.finished_at is not None:
        return 0
    return int(known.counts.get("last_line", 0))


def _known(session: Session, list_: List) -> ImportRun | None:
    return session.execute(
        select(ImportRun).where(
            col(ImportRun.fingerprint) == list_.fingerprint,
            col(ImportRun.newsletter) == list_.newsletter,
        )
    ).scalar_one_or_none()


def claim(session: Session, run: Run, lines: int) -> None:
    """Take the next lines for this run; raises `BadImport` where another one took them.

    Two imports of one file go on from the same place, and each would find the other's readers.
    """
    before = run.report.lines
    taken: Any = session.execute(
        update(ImportRun)
        .where(col(ImportRun.id) == run.id, col(ImportRun.lines) == before)
        .values(lines=before + lines)
    )
    if taken.rowcount != 1:
        raise BadImport(
            "another import of this list is at work, and goes on with it: wait until that one has"
            " ended; its report is the one that counts"
        )


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


def _run(row: ImportRun, report: Report, wording_hash: str) -> Run:
    report.lines = report.resumed_at = row.lines
    report.added = row.counts.get("added", 0)
    report.refused = Counter(row.counts.get("refused", {}))
    report.standings = Counter(row.counts.get("standings", {}))
    return Run(id=row.id or 0, wording_hash=wording_hash, started_at=row.started_at, report=report)
