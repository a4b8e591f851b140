"""How an import survives an interruption: each chunk and its progress are one transaction.

An import of the same file goes on from the last committed chunk. A rehearsal reads the list in one
snapshot and changes nothing.
"""

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

from subscribers import consent, store
from subscribers.address import Address
from subscribers.announcements import announce
from subscribers.announcements.models import AnnouncementKind
from subscribers.errors import BadAddress, BadImport
from subscribers.importer import bulk_loader, csv_reader, import_run
from subscribers.importer.bulk_loader import ImportBatch, Refused, StagedRow
from subscribers.importer.csv_reader import Line
from subscribers.importer.formats import (
    ADDRESS_COLUMNS,
    ColumnLayout,
    address_in,
    recognise,
    refuse_file_of_leavers,
)
from subscribers.importer.import_run import ActiveImport, ImportKey, ImportReport
from subscribers.importer.leavers import Leavers, leavers
from subscribers.importer.refusal import Refusal
from subscribers.sql import UnitOfWork, chunks
from subscribers.tokens import Hashes

CHUNK = 40_000  # lines a transaction, which holds the write lock for well under a second
MOST_LINES_NAMED = 10  #: the most line numbers a report names
MIN_CONSENT = 10  # characters of a consent statement
BY_HAND = "import (by hand)"  # the source of a reader whom an operator added
OPERATOR = "operator"  # the channel by which such a reader comes

OnRefused = Callable[[int, str, list[str]], None]
OnProgress = Callable[[int, int], None]
_Begin = Callable[[], AbstractContextManager[Session]]


def _ignore(*_: object) -> None:
    """Do nothing, for a caller without a callback."""


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Into which newsletter a list is imported, by which consent, and how."""

    newsletter: str
    consent: str  #: how these readers agreed; stored as evidence
    language: str = "en"
    rehearsal: bool = False  #: count and refuse lines, and change nothing
    ignored: frozenset[str] = frozenset()  #: columns that are read as if they weren't there

    def __post_init__(self) -> None:
        """Raise `BadImport` for a consent statement that says nothing."""
        if len(self.consent.strip()) < MIN_CONSENT:
            raise BadImport(
                f"--consent is too short: say in a sentence, in {MIN_CONSENT} characters or more,"
                " how these readers agreed to this mail"
            )


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
    sessions: UnitOfWork,
    path: Path,
    options: ImportOptions,
    *,
    hashes: Hashes,
    now: datetime,
    on_refused: OnRefused = _ignore,
    on_progress: OnProgress = _ignore,
    chunk: int = CHUNK,
) -> ImportReport:
    """Import the readers of a CSV file, without bringing back anybody who left.

    Each chunk is one transaction that also stores the progress, from which an import of the same
    file resumes. *on_refused* gets number, reason and fields of a line, before its chunk is
    committed; *on_progress* gets the lines and bytes read so far. Raise `BadImport` for a file that
    can't be read as a list, or doesn't tell who left.
    """
    refuse_file_of_leavers(path.name)
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        fingerprint = file_digest(file, "sha256").hexdigest()
        file.seek(0)
        with closing(csv_reader.lines(file)) as all_rows:
            layout, rows = _open(all_rows, options)
            left = stack.enter_context(leavers(rows, layout))
        file.seek(0)
        _, rows = _open(stack.enter_context(closing(csv_reader.lines(file))), options)
        run = _begin(sessions, fingerprint, options, layout, now)
        context = _Import(
            layout=layout,
            batch=_batch(options, layout, run, secrets=len(hashes.every(""))),
            run=run,
            hashes=hashes,
            leavers=left,
            on_refused=on_refused,
            rehearsal=options.rehearsal,
        )
        for _ in islice(rows, run.report.resumed_at):
            pass
        with _transactions(sessions, context.batch, rehearsal=options.rehearsal) as transaction:
            for part in chunks(rows, chunk):
                _file(context, transaction, part)
                on_progress(run.report.lines, file.tell())
            _count_still_mailed(sessions, context)
    if not options.rehearsal:
        with sessions.write() as session:
            import_run.finish(session, run, now)
    return run.report


def header_of(path: Path, options: ImportOptions) -> list[str]:
    """Return the names of a list's columns; those of a list without a header are made up."""
    refuse_file_of_leavers(path.name)
    with path.open("rb") as file, closing(csv_reader.lines(file)) as all_rows:
        layout, rows = _open(all_rows, options)
        if layout.has_header:
            return list(layout.header)
        _, fields = next(rows)
        names = [f"column_{number}" for number in range(1, len(fields) + 1)]
        names[layout.address] = ADDRESS_COLUMNS[0]
        return names


def add_reader(
    session: Session,
    address: Address,
    options: ImportOptions,
    *,
    hashes: Hashes,
    now: datetime,
    source: str = BY_HAND,
    channel: str = OPERATOR,
) -> str:
    """Add one reader by the rules of an import, with the consent statement as evidence.

    Return why the reader isn't let in, empty for one who was added and is announced as confirmed
    by *channel*; nobody on a list is announced. The caller commits.
    """
    batch = ImportBatch(
        newsletter=options.newsletter,
        wording_hash=consent.keep_wording(session, options.consent.strip()),
        language=options.language,
        source=source,
        started_at=now,
        secrets=len(hashes.every("")),
    )
    rows: list[StagedRow] = [(1, address.text, address.key, hashes.every(address.key))]
    bulk_loader.prepare(session, batch)
    bulk_loader.stage(session, rows, batch)
    refusals = bulk_loader.refused(session, rows, batch, rehearsal=False)
    bulk_loader.admit(session, batch)
    bulk_loader.clear(session)
    if refusals:
        return refusals[0][1]
    reader = store.find(session, address.key)
    if reader is not None:
        _announce(session, reader.id, options.newsletter, channel, now)
    return ""


def _announce(
    session: Session, subscriber_id: int, newsletter: str, channel: str, now: datetime
) -> None:
    announce(
        session,
        AnnouncementKind.SUBSCRIBER_CONFIRMED,
        f"subscriber/{subscriber_id}",
        {"subscriber": subscriber_id, "newsletter": newsletter, "channel": channel},
        now,
        newsletter=newsletter,
        subscriber_id=subscriber_id,
    )


def filed_up_to(sessions: UnitOfWork, path: Path, options: ImportOptions) -> int:
    """Return the number of the last line an interrupted import of a list has filed, or 0."""
    if options.rehearsal:
        return 0
    with path.open("rb") as file:
        fingerprint = file_digest(file, "sha256").hexdigest()
    with sessions.read() as session:
        return import_run.filed_up_to(session, _key(fingerprint, options))


def _open(rows: Iterator[Line], options: ImportOptions) -> tuple[ColumnLayout, Iterator[Line]]:
    first = next(rows, None)
    if first is None:
        raise BadImport("the file is empty")
    layout = recognise(first[1], options.ignored)
    return layout, rows if layout.has_header else chain([first], rows)


def _begin(
    sessions: UnitOfWork,
    fingerprint: str,
    options: ImportOptions,
    layout: ColumnLayout,
    now: datetime,
) -> ActiveImport:
    statement = options.consent.strip()
    key = _key(fingerprint, options)
    report = ImportReport(layout=layout.name, ignored=key.ignored, note=layout.note)
    if options.rehearsal:
        with sessions.read() as session:
            import_run.refuse_another_way(session, key, statement)
        return ActiveImport(id=0, wording_hash="", started_at=now, report=report)
    with sessions.write() as session:
        return import_run.begin(session, key, statement, report=report, now=now)


def _key(fingerprint: str, options: ImportOptions) -> ImportKey:
    ignored = tuple(sorted(options.ignored))
    return ImportKey(fingerprint=fingerprint, newsletter=options.newsletter, ignored=ignored)


def _batch(
    options: ImportOptions, layout: ColumnLayout, run: ActiveImport, *, secrets: int
) -> ImportBatch:
    return ImportBatch(
        newsletter=options.newsletter,
        wording_hash=run.wording_hash,
        language=options.language,
        source=f"import ({layout.name})",
        started_at=run.started_at,
        secrets=secrets,
    )


@contextmanager
def _transactions(sessions: UnitOfWork, batch: ImportBatch, *, rehearsal: bool) -> Iterator[_Begin]:
    """Yield the function that begins a chunk's transaction, or joins a rehearsal's snapshot."""
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
def _transaction(sessions: UnitOfWork, batch: ImportBatch) -> Iterator[Session]:
    with sessions.write() as session:
        bulk_loader.prepare(session, batch)
        yield session
        bulk_loader.clear(session)


def _file(context: _Import, transaction: _Begin, lines: list[Line]) -> None:
    """File one chunk; the report's counts are right only once its transaction has committed.

    Refused lines are reported before the commit: a crash in between reports them twice after the
    import is resumed, and loses none.
    """
    rows, refusals = _read(context, lines)
    with transaction() as session:
        if not context.rehearsal:
            import_run.claim(session, context.run, len(lines))
        bulk_loader.stage(session, rows, context.batch)
        refusals += bulk_loader.refused(session, rows, context.batch, rehearsal=context.rehearsal)
        add = bulk_loader.remember if context.rehearsal else bulk_loader.admit
        report = context.run.report
        report.lines += len(lines)
        report.last_line = lines[-1][0]
        report.added += add(session, context.batch)
        report.refused.update(reason for _, reason in refusals)
        if not context.rehearsal:
            import_run.record_progress(session, context.run)
        fields = dict(lines) if refusals else {}
        for line, reason in sorted(refusals):
            context.on_refused(line, reason, fields[line])


def _count_still_mailed(sessions: UnitOfWork, context: _Import) -> None:
    """Count the readers who get mail here and left by the list; an import unsubscribes nobody."""
    report = context.run.report
    for part in context.leavers.left():
        with sessions.read() as session:
            mailed = bulk_loader.mailed(session, context.batch.newsletter, [key for _, key in part])
        lines = tuple(line for line, key in part if key in mailed)
        report.still_mailed += len(lines)
        report.still_mailed_lines = (*report.still_mailed_lines, *lines)[:MOST_LINES_NAMED]


def _read(context: _Import, lines: list[Line]) -> tuple[list[StagedRow], list[Refused]]:
    """Return a chunk's rows to stage, and the lines refused without a query, with their reasons."""
    rows: dict[str, StagedRow] = {}
    refusals: list[Refused] = []
    column, layout, every = context.layout.address, context.layout, context.hashes.every
    standings = context.run.report.standings
    for line, fields in lines:
        refusal = layout.refusal(fields)
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
    for key in context.leavers.among(rows):
        refusals.append((rows.pop(key)[0], Refusal.LEFT_ELSEWHERE.value))
    # Sorted by key, so that an insert touches each page of the index once a chunk.
    return [rows[key] for key in sorted(rows)], refusals
