"""Checks MJML: as it stands, or in the templates it is made from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

from digest.render.checks.finding import Finding, Severity
from digest.render.mjml_check import shape, traps
from digest.render.mjml_check.scan import Fault, Scan, scan

Rule = Callable[[Scan], Iterator[Fault]]
Locate = Callable[[Fault], tuple[str, int, int]]  #: file, line, column

RULES: tuple[Rule, ...] = (
    shape.root,
    shape.known_tags,
    shape.nesting,
    shape.stray_text,
    shape.known_attributes,
    shape.repeated_attributes,
    shape.attribute_values,
    traps.line_breaks,
    traps.mangled_characters,
    traps.quotes_in_quotes,
    traps.no_inlining,
    traps.missing_alt,
    traps.section_padding,
    traps.class_clashes,
    traps.unknown_classes,
    traps.shared_ids,
    traps.no_effect,
    traps.column_widths,
    traps.targets,
)


def check(source: str, *, file: str = "", locate: Locate | None = None) -> list[Finding]:
    """Return what is wrong with MJML, in the order of the source; lines and columns from 1.

    *locate* says where a fault is when *source* was made from several files.
    """
    found = scan(source)
    faults = [*found.faults, *(fault for rule in RULES for fault in rule(found))]
    where = locate or _in_one(source, file)
    return _once(_finding(fault, where) for fault in sorted(faults, key=lambda each: each.at))


def _finding(fault: Fault, locate: Locate) -> Finding:
    file, line, column = locate(fault)
    return Finding(
        rule=fault.rule,
        severity=Severity.ERROR if fault.grave else Severity.WARNING,
        place="mjml",
        message=fault.message,
        mend=fault.mend,
        file=file,
        line=line,
        column=column,
        words=fault.words,
    )


def _once(findings: Iterator[Finding]) -> list[Finding]:
    """Say each thing once: a loop in a template repeats it."""
    return list(dict.fromkeys(findings))


def _in_one(source: str, file: str) -> Locate:
    starts = line_starts(source)

    def locate(fault: Fault) -> tuple[str, int, int]:
        return (file, *line_and_column(starts, fault.at))

    return locate


def line_starts(source: str) -> list[int]:
    """Return where each line begins."""
    return [0, *(at + 1 for at, sign in enumerate(source) if sign == "\n")]


def line_and_column(starts: list[int], at: int) -> tuple[int, int]:
    """Return the line and column of an offset, from 1."""
    line = bisect_right(starts, at)
    return line, at - starts[line - 1] + 1
