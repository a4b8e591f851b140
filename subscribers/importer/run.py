"""Imports one list: chunk by chunk, resumable, or as a rehearsal that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import file_digest
from itertools import chain, islice
from pathlib import Path

from sqlalchemy.orm import Session

from subscribers.errors import BadAddress, BadImport
from subscribers.importer import filing, progress, reading
from subscribers.importer.filing import Batch, Refused, Row
from subscribers.importer.layout import Layout, address_in, recognise, refuse_file_of_leavers
from subscribers.importer.leavers import Leavers, leavers
from subscribers.importer.progress import Report, Run
from subscribers.importer.reading import Line
from subscribers.importer.refusal import Refusal
from subscribers.store import Sessions
from subscribers.tokens import Hashes

CHUNK = 40_000  # lines a transaction: it holds the write lock for well under a second
LINES_TOLD = 10  #: lines a report names; the whole of them is in the list
MIN_CONSENT = 10  # characters of a statement that says something

OnRefused = Callable[[int, str, list[str]], None]
OnProgress = Callable[[int, int], None]
_Turn = Callable[[], AbstractContextManager[Session]]


def _unheard(*_: object) -> None:
    """Let a report nobody asked for pass."""


@dataclass(frozen=True, kw_only=True)
class Wish:
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
    layout: Layout
    batch: Batch
    run: Run
    hashes: Hashes
    leavers: Leavers
    on_refused: OnRefused
    rehearsal: bool


def import_list(
    sessions: Sessions,
    path: Path,
    wish: Wish,
    *,
    hashes: Hashes,
    now: datetime,
    on_refused: OnRefused = _unheard,
    on_progress: OnProgress = _unheard,
    chunk: int = CHUNK,
) -> Report:
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
        with closing(reading.lines(file)) as all_rows:
            layout, rows = _open(all_rows, wish)
            gone = stack.enter_context(leavers(rows, layout))
        file.seek(0)
        _, rows = _open(stack.enter_context(closing(reading.lines(file))), wish)
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
            progress.finish(session, run, now)
    return run.report


def header_of(path: Path, wish: Wish) -> list[str]:
    """Return the names of a list's columns, none where it has no header."""
    refuse_file_of_leavers(path.name)
    with path.open("rb") as file, closing(reading.lines(file)) as rows:
        return list(_open(rows, wish)[0].header)


def filed_up_to(sessions: Sessions, path: Path, wish: Wish) -> int:
    """Return the number of the last line that an interrupted run of this list has filed, or 0."""
    if wish.rehearsal:
        return 0
    with path.open("rb") as file:
        fingerprint = file_digest(file, "sha256").hexdigest()
    with sessions.read() as session:
        return progress.filed_up_to(session, _list(fingerprint, wish))


def _open(rows: Iterator[Line], wish: Wish) -> tuple[Layout, Iterator[Line]]:
    first = next(rows, None)
    if first is None:
        raise BadImport("the file is empty")
    layout = recognise(first[1], wish.ignored)
    return layout, rows if layout.has_header else chain([first], rows)


def _begin(sessions: Sessions, fingerprint: str, wish: Wish, layout: Layout, now: datetime) -> Run:
    consent = wish.consent.strip()
    list_ = _list(fingerprint, wish)
    report = Report(layout=layout.name, ignored=list_.ignored, note=layout.note)
    if wish.rehearsal:
        with sessions.read() as session:
            progress.refuse_another_way(session, list_, consent)
        return Run(id=0, wording_hash="", started_at=now, report=report)
    with sessions.write() as session:
        return progress.begin(session, list_, consent, report=report, now=now)


def _list(fingerprint: str, wish: Wish) -> progress.List:
    ignored = tuple(sorted(wish.ignored))
    return progress.List(fingerprint=fingerprint, newsletter=wish.newsletter, ignored=ignored)


def _batch(wish: Wish, layout: Layout, run: Run, *, secrets: int) -> Batch:
    return Batch(
        newsletter=wish.newsletter,
        wording_hash=run.wording_hash,
        language=wish.language,
        source=f"import ({layout.name})",
        started_at=run.started_at,
        secrets=secrets,
    )


@contextmanager
def _desk(sessions: Sessions, batch: Batch, *, rehearsal: bool) -> Iterator[_Turn]:
    """Give a transaction for each chunk, or one snapshot for all of a rehearsal."""
    if not rehearsal:
        yield partial(_transaction, sessions, batch)
        return
    with sessions.read() as session:
        filing.prepare(session, batch)
        try:
            yield lambda: nullcontext(session)
        finally:
            filing.clear(session)


@contextmanager
def _transaction(sessions: Sessions, batch: Batch) -> Iterator[Session]:
    with sessions.write() as session:
        filing.prepare(session, batch)
        yield session
        filing.clear(session)


def _file(one: _Import, turn: _Turn, lines: list[Line]) -> None:
    """File one chunk; what it counts is right only once its transaction has committed.

    Refused lines are told before that: a death in between tells them once more, and loses none.
    """
    rows, refusals = _read(one, lines)
    with turn() as session:
        if not one.rehearsal:
            progress.claim(session, one.run, len(lines))
        filing.stage(session, rows, one.batch)
        refusals += filing.refused(session, rows, one.batch, rehearsal=one.rehearsal)
        let_in = filing.remember if one.rehearsal else filing.admit
        report = one.run.report
        report.lines += len(lines)
        report.last_line = lines[-1][0]
        report.added += let_in(session, one.batch)
        report.refused.update(reason for _, reason in refusals)
        if not one.rehearsal:
            progress.note(session, one.run)
        fields = dict(lines) if refusals else {}
        for line, reason in sorted(refusals):
            one.on_refused(line, reason, fields[line])


def _tell_still_mailed(sessions: Sessions, one: _Import) -> None:
    """Count who gets mail here though the list says they left; an import unsubscribes nobody."""
    report = one.run.report
    for part in one.leavers.left():
        with sessions.read() as session:
            here = filing.mailed(session, one.batch.newsletter, [key for _, key in part])
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
