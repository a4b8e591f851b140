"""Imports one list: chunk by chunk, resumable, or as a rehearsal that changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import file_digest
from itertools import chain, islice
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from subscribers import consent as ledger
from subscribers.errors import BadAddress, BadImport
from subscribers.importer import bulk_loader, csv_reader
from subscribers.importer.bulk_loader import ImportBatch, Refused, Row
from subscribers.importer.csv_reader import Line
from subscribers.importer.formats import ColumnLayout, address_in, recognise, refuse_file_of_leavers
from subscribers.importer.leavers import Leavers, leavers
from subscribers.importer.refusal import Refusal
from subscribers.models import ImportRun
from subscribers.store import Sessions
from subscribers.tokens import Hashes


@dataclass(frozen=True, kw_only=True)
class List:
    """Which list is imported: the same file may be read in more than one way."""

    fingerprint: str
    newsletter: str
    ignored: tuple[str, ...]  #: columns that are read as if they weren't there


@dataclass(kw_only=True)
class ImportReport:
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
class ActiveImport:
    """One import under way, as the database knows it."""

    id: int
    wording_hash: str
    started_at: datetime
    report: ImportReport


def begin(
    session: Session, list_: List, consent: str, *, report: ImportReport, now: datetime
) -> ActiveImport:
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


def run_filed_up_to(session: Session, list_: List) -> int:
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


def claim(session: Session, run: ActiveImport, lines: int) -> None:
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


def note(session: Session, run: ActiveImport) -> None:
    """Note how far a run has come, in the transaction of what it did."""
    session.execute(
        update(ImportRun)
        .where(col(ImportRun.id) == run.id)
        .values(lines=run.report.lines, counts=run.report.as_counts())
    )


def finish(session: Session, run: ActiveImport, now: datetime) -> None:
    """Note that the whole file is done; the same file again is a new import."""
    session.execute(update(ImportRun).where(col(ImportRun.id) == run.id).values(finished_at=now))


def _run(row: ImportRun, report: ImportReport, wording_hash: str) -> ActiveImport:
    report.lines = report.resumed_at = row.lines
    report.added = row.counts.get("added", 0)
    report.refused = Counter(row.counts.get("refused", {}))
    report.standings = Counter(row.counts.get("standings", {}))
    return ActiveImport(
        id=row.id or 0, wording_hash=wording_hash, started_at=row.started_at, report=report
    )


CHUNK = 40_000  # lines a transaction: it holds the write lock for well under a second
LINES_TOLD = 10  #: lines a report names; the whole of them is in the list
MIN_CONSENT = 10  # characters of a statement that says something

OnRefused = Callable[[int, str, list[str]], None]
OnProgress = Callable[[int, int], None]
_Turn = Callable[[], AbstractContextManager[Session]]


def _unheard(*_: object) -> None:
    """Let a report nobody asked for pass."""


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What is to be imported, and on whose word."""

    newsletter: str
    consent: str  #: how these readers agreed; kept as evidence
    language: str = "en"
    rehearsal: bool = False  #: count and refuse as if, and change nothing
    ignored: frozenset[str] = frozenset()  #: columns that are read as if they weren't there

    def __post_init__(self) -> None:
        """Refuse an import nobody answers for."""
        if len(self.consent.strip()) < MIN_CONSENT:
            raise BadImport("say in a sentence how these readers agreed to this mail: --consent")


@dataclass(frozen=True, kw_only=True)
class _Import:
    layout: ColumnLayout
    batch: ImportBatch
    run: ActiveImport
    hashes: Hashes
    leavers: Leavers
    on_refused: OnRefused
    rehearsal: bool


def import_list(
    sessions: Sessions,
    path: Path,
    wish: ImportOptions,
    *,
    hashes: Hashes,
    now: datetime,
    on_refused: OnRefused = _unheard,
    on_progress: OnProgress = _unheard,
    chunk: int = CHUNK,
) -> ImportReport:
    """Bring the readers of a CSV file in, without bringing back anybody who left.

    Each chunk is one transaction that also notes how far the list is done: the same file again goes
    on from there. *on_refused* gets number, reason and fields of a line, before its chunk is
    committed; *on_progress* lines and bytes. Raises `BadImport` when the file can't be read as a
    list, or doesn't tell who left.
    """
    refuse_file_of_leavers(path.name)
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        fingerprint = file_digest(file, "sha256").hexdigest()
        file.seek(0)
        with closing(csv_reader.lines(file)) as all_rows:
            layout, rows = _open(all_rows, wish)
            gone = stack.enter_context(leavers(rows, layout))
        file.seek(0)
        _, rows = _open(stack.enter_context(closing(csv_reader.lines(file))), wish)
        run = _begin(sessions, fingerprint, wish, layout, now)
        one = _Import(
            layout=layout,
            batch=_batch(wish, layout, run, secrets=len(hashes.every(""))),
            run=run,
            hashes=hashes,
            leavers=gone,
            on_refused=on_refused,
            rehearsal=wish.rehearsal,
        )
        for _ in islice(rows, run.report.resumed_at):
            pass
        with _desk(sessions, one.batch, rehearsal=wish.rehearsal) as turn:
            while part := list(islice(rows, chunk)):
                _file(one, turn, part)
                on_progress(run.report.lines, file.tell())
            _tell_still_mailed(sessions, one)
    if not wish.rehearsal:
        with sessions.write() as session:
            finish(session, run, now)
    return run.report


def header_of(path: Path, wish: ImportOptions) -> list[str]:
    """Return the names of a list's columns, none where it has no header."""
    refuse_file_of_leavers(path.name)
    with path.open("rb") as file, closing(csv_reader.lines(file)) as rows:
        return list(_open(rows, wish)[0].header)


def filed_up_to(sessions: Sessions, path: Path, wish: ImportOptions) -> int:
    """Return the number of the last line that an interrupted run of this list has filed, or 0."""
    if wish.rehearsal:
        return 0
    with path.open("rb") as file:
        fingerprint = file_digest(file, "sha256").hexdigest()
    with sessions.read() as session:
        return run_filed_up_to(session, _list(fingerprint, wish))


def _open(rows: Iterator[Line], wish: ImportOptions) -> tuple[ColumnLayout, Iterator[Line]]:
    first = next(rows, None)
    if first is None:
        raise BadImport("the file is empty")
    layout = recognise(first[1], wish.ignored)
    return layout, rows if layout.has_header else chain([first], rows)


def _begin(
    sessions: Sessions, fingerprint: str, wish: ImportOptions, layout: ColumnLayout, now: datetime
) -> ActiveImport:
    consent = wish.consent.strip()
    list_ = _list(fingerprint, wish)
    report = ImportReport(layout=layout.name, ignored=list_.ignored, note=layout.note)
    if wish.rehearsal:
        with sessions.read() as session:
            refuse_another_way(session, list_, consent)
        return ActiveImport(id=0, wording_hash="", started_at=now, report=report)
    with sessions.write() as session:
        return begin(session, list_, consent, report=report, now=now)


def _list(fingerprint: str, wish: ImportOptions) -> List:
    ignored = tuple(sorted(wish.ignored))
    return List(fingerprint=fingerprint, newsletter=wish.newsletter, ignored=ignored)


def _batch(
    wish: ImportOptions, layout: ColumnLayout, run: ActiveImport, *, secrets: int
) -> ImportBatch:
    return ImportBatch(
        newsletter=wish.newsletter,
        wording_hash=run.wording_hash,
        language=wish.language,
        source=f"import ({layout.name})",
        started_at=run.started_at,
        secrets=secrets,
    )


@contextmanager
def _desk(sessions: Sessions, batch: ImportBatch, *, rehearsal: bool) -> Iterator[_Turn]:
    """Give a transaction for each chunk, or one snapshot for all of a rehearsal."""
    if not rehearsal:
        yield partial(_transaction, sessions, batch)
        return
    with sessions.read() as session:
        bulk_loader.prepare(session, batch)
        try:
            yield lambda: nullcontext(session)
        finally:
            bulk_loader.clear(session)


@contextmanager
def _transaction(sessions: Sessions, batch: ImportBatch) -> Iterator[Session]:
    with sessions.write() as session:
        bulk_loader.prepare(session, batch)
        yield session
        bulk_loader.clear(session)


def _file(one: _Import, turn: _Turn, lines: list[Line]) -> None:
    """File one chunk; what it counts is right only once its transaction has committed.

    Refused lines are told before that: a death in between tells them once more, and loses none.
    """
    rows, refusals = _read(one, lines)
    with turn() as session:
        if not one.rehearsal:
            claim(session, one.run, len(lines))
        bulk_loader.stage(session, rows, one.batch)
        refusals += bulk_loader.refused(session, rows, one.batch, rehearsal=one.rehearsal)
        let_in = bulk_loader.remember if one.rehearsal else bulk_loader.admit
        report = one.run.report
        report.lines += len(lines)
        report.last_line = lines[-1][0]
        report.added += let_in(session, one.batch)
        report.refused.update(reason for _, reason in refusals)
        if not one.rehearsal:
            note(session, one.run)
        fields = dict(lines) if refusals else {}
        for line, reason in sorted(refusals):
            one.on_refused(line, reason, fields[line])


def _tell_still_mailed(sessions: Sessions, one: _Import) -> None:
    """Count who gets mail here though the list says they left; an import unsubscribes nobody."""
    report = one.run.report
    for part in one.leavers.left():
        with sessions.read() as session:
            here = bulk_loader.mailed(session, one.batch.newsletter, [key for _, key in part])
        lines = tuple(line for line, key in part if key in here)
        report.still_mailed += len(lines)
        report.still_mailed_lines = (*report.still_mailed_lines, *lines)[:LINES_TOLD]


def _read(one: _Import, lines: list[Line]) -> tuple[list[Row], list[Refused]]:
    """Read a chunk's addresses; refuse what can be refused without asking the list."""
    rows: dict[str, Row] = {}
    refusals: list[Refused] = []
    column, layout, every = one.layout.address, one.layout, one.hashes.every
    standings = one.run.report.standings
    for line, fields in lines:
        refusal = layout.standing(fields)
        standings[layout.word(refusal)] += 1
        try:
            address = address_in(fields[column] if column < len(fields) else "")
        except BadAddress as fault:
            refusals.append((line, fault.fault.value))
            continue
        key = address.key
        if refusal is None and key in rows:
            refusal = Refusal.TWICE
        if refusal:
            refusals.append((line, refusal.value))
            continue
        rows[key] = (line, address.text, key, every(key))
    for key in one.leavers.among(rows):
        refusals.append((rows.pop(key)[0], Refusal.LEFT_ELSEWHERE.value))
    # In the order of the index they go into, each page of it is touched once a chunk.
    return [rows[key] for key in sorted(rows)], refusals
