"""Which rules MJML is checked with, and how their faults become findings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

from digest.render.lint.finding import Finding, LintRule, Severity
from digest.render.lint.mjml import compiler_pitfalls, structure
from digest.render.lint.mjml.parser import MjmlFault, ParsedMjml, parse_mjml, syntax

Locate = Callable[[MjmlFault], tuple[str, int, int]]  #: file, line, column

RULES: tuple[LintRule[ParsedMjml, MjmlFault], ...] = (
    syntax,
    structure.known_tags,
    structure.nesting,
    structure.stray_text,
    structure.known_attributes,
    structure.repeated_attributes,
    structure.attribute_values,
    compiler_pitfalls.line_breaks,
    compiler_pitfalls.mangled_characters,
    compiler_pitfalls.quotes_in_quotes,
    compiler_pitfalls.no_inlining,
    compiler_pitfalls.missing_alt,
    compiler_pitfalls.section_padding,
    compiler_pitfalls.class_clashes,
    compiler_pitfalls.unknown_classes,
    compiler_pitfalls.shared_ids,
    compiler_pitfalls.no_effect,
    compiler_pitfalls.column_widths,
    compiler_pitfalls.targets,
)


def check_mjml(source: str, *, file: str = "", locate: Locate | None = None) -> list[Finding]:
    """Return the findings of MJML in the order of the source; lines and columns from 1.

    *locate* returns the place of a fault when *source* was made from several files.
    """
    parsed = parse_mjml(source)
    faults = [fault for rule in RULES for fault in rule(parsed)]
    where = locate or _locate_in(source, file)
    return _without_repetitions(
        _finding(fault, where) for fault in sorted(faults, key=lambda fault: fault.at)
    )


def _finding(fault: MjmlFault, locate: Locate) -> Finding:
    file, line, column = locate(fault)
    return Finding(
        rule=fault.rule,
        severity=Severity.ERROR if fault.is_error else Severity.WARNING,
        place="mjml",
        message=fault.message,
        mend=fault.mend,
        file=file,
        line=line,
        column=column,
        words=fault.words,
    )


def _without_repetitions(findings: Iterator[Finding]) -> list[Finding]:
    """Return the findings without repetitions, which a loop in a template makes."""
    return list(dict.fromkeys(findings))


def _locate_in(source: str, file: str) -> Locate:
    starts = line_starts(source)

    def locate(fault: MjmlFault) -> tuple[str, int, int]:
        return (file, *line_and_column(starts, fault.at))

    return locate


def line_starts(source: str) -> list[int]:
    """Return the offset of each line."""
    return [0, *(at + 1 for at, sign in enumerate(source) if sign == "\n")]


def line_and_column(starts: list[int], at: int) -> tuple[int, int]:
    """Return the line and column of an offset, from 1."""
    line = bisect_right(starts, at)
    return line, at - starts[line - 1] + 1
