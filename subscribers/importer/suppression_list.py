"""How a list of addresses that must not be mailed is taken in: any CSV file with a column of them.

A suppression only ever gets stricter, so the list needs no column that tells who left, and may be
imported again. Addresses that are suppressed for a stricter reason keep it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from subscribers import suppression
from subscribers.errors import BadAddress, BadImport
from subscribers.importer import columns, csv_reader
from subscribers.importer.csv_reader import Line
from subscribers.importer.formats import ADDRESS_COLUMNS, address_in
from subscribers.models import SuppressionReason
from subscribers.sql import UnitOfWork, chunks
from subscribers.tokens import Hashes

CHUNK = 1_000  # lines a transaction
MOST_LINES_NAMED = 10
#: Reasons that a list may give; the others are for the engine to find.
REASONS = tuple(
    reason
    for reason in SuppressionReason
    if reason not in {SuppressionReason.ERASED, SuppressionReason.MOVED}
)


@dataclass(kw_only=True)
class SuppressionReport:
    """The result: ``lines = added + already + unreadable``."""

    lines: int = 0
    added: int = 0
    already: int = 0  #: for the same reason or a stricter one
    unreadable: int = 0
    unreadable_lines: list[int] = field(default_factory=list)  #: the first ones
    reasons: Counter[str] = field(default_factory=Counter)  #: of those added


def import_suppressions(
    sessions: UnitOfWork,
    path: Path,
    *,
    reason: SuppressionReason,
    hashes: Hashes,
    now: datetime,
    rehearsal: bool = False,
) -> SuppressionReport:
    """Suppress every address of a CSV file, and report; a *rehearsal* changes nothing.

    A column "reason" with our own word for one takes the place of *reason*. Raise `BadImport` for a
    file without a column of addresses.
    """
    report, seen = SuppressionReport(), dict[str, SuppressionReason]()
    with path.open("rb") as file, closing(csv_reader.lines(file)) as rows:
        for part in chunks(_addresses(rows, reason, report), CHUNK):
            fresh = {key: why for key, why in dict(part).items() if seen.get(key) != why}
            with sessions.read() as session:
                known = suppression.find_all(session, list(fresh), hashes)
            rank = suppression.STRICTNESS
            new = {
                key: why
                for key, why in fresh.items()
                if key not in known or rank[known[key].reason] < rank[why]
            }
            if not rehearsal:
                with sessions.write() as session:
                    suppression.suppress_all(session, new, hashes, now)
            seen |= fresh
            report.added += len(new)
            report.already += len(part) - len(new)
            report.reasons.update(why.value for why in new.values())
    return report


def _addresses(
    rows: Iterator[Line], reason: SuppressionReason, report: SuppressionReport
) -> Iterator[tuple[str, SuppressionReason]]:
    """Yield the key and the reason of each readable line; count the others."""
    first = next(rows, None)
    if first is None:
        raise BadImport("the file is empty")
    address, why, has_header = _columns(first[1])
    for number, fields in rows if has_header else _with(first, rows):
        report.lines += 1
        try:
            key = address_in(fields[address] if address < len(fields) else "").key
        except BadAddress:
            report.unreadable += 1
            if len(report.unreadable_lines) < MOST_LINES_NAMED:
                report.unreadable_lines.append(number)
            continue
        yield key, _reason_in(fields, why) or reason


def _with(first: Line, rows: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from rows


def _columns(first: Sequence[str]) -> tuple[int, int | None, bool]:
    """Return the columns of the address and of the reason, and whether there is a header."""
    names = [columns.key(name) for name in first]
    for name in ADDRESS_COLUMNS:
        if name in names:
            return names.index(name), names.index("reason") if "reason" in names else None, True
    for column, cell in enumerate(first):
        try:
            address_in(cell)
        except BadAddress:
            continue
        return column, None, False
    raise BadImport('the first line names no column of addresses; call that column "email"')


def _reason_in(fields: Sequence[str], column: int | None) -> SuppressionReason | None:
    word = fields[column].strip() if column is not None and column < len(fields) else ""
    return next((reason for reason in REASONS if reason.value == word), None)
