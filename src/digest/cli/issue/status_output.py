"""Print one issue's counts and problems.

Hides the layout, and which problems are printed together.
"""

from __future__ import annotations

from rich.table import Table

from digest.cli.context import CommandContext, counted, printable
from digest.delivery.counts import DeliveryCounts
from digest.delivery.reporting import IssueStatus, Problem
from digest.issues.models import IssueState
from digest.service import IssueOutlook, step_ahead
from subscribers.locale import long_date

SHOWN = 8  #: keys of batches in doubt that are printed


def print_status(call: CommandContext, report: IssueStatus, outlook: IssueOutlook) -> None:
    """Print the counts, then the excluded readers and each problem with its next step."""
    what = f"of {report.period}" if report.corrects is None else f"corrects No. {report.corrects}"
    decided = report.state is IssueState.BUILT or outlook.editorial.by
    call.out.print(
        f"[bold]Issue {report.issue}[/bold] {what},"
        f" dated {long_date(outlook.dated, 'en')}: {report.phase}"
        + (f"; {outlook.editorial}" if decided else "")
    )
    if report.state is IssueState.CANCELLED:
        call.out.print(f"  reason for cancelling: {report.note}", markup=False)
    if outlook.would_get is None and report.counts.candidates:
        print_counts(call, report.counts)
    elif outlook.would_get is None:
        call.out.print("  Nobody has got it yet.")
    else:
        call.out.print(f"  {counted(outlook.would_get, 'reader')} would get it now.")
    for exclusion in report.excluded:
        line = f"    {exclusion.readers:,} {exclusion.outcome}: {printable(exclusion.reason)}"
        call.out.print(line, markup=False)
    if report.excluded:
        call.out.print(f"    list them: digest status {report.named} --who")
    _print_problems(call, report)
    for words in filter(None, (report.waits and f"It {report.waits}.", outlook.says)):
        call.out.print(f"  {words}", markup=False)
    step = step_ahead(report, outlook)
    if step:
        call.out.print(f"  next: {step}", markup=False)


def _print_problems(call: CommandContext, where: IssueStatus) -> None:
    """Print each problem with its next step; print doubts of one kind together."""
    alike: dict[tuple[str, str, str], list[Problem]] = {}
    for item in where.problems:
        step = item.next_step.replace(item.batch or " ", " ")
        alike.setdefault((item.what, item.evidence or "", step), []).append(item)
    for problems in alike.values():
        if len(problems) > 1 and problems[0].evidence:
            _print_doubts(call, where, problems)
        else:
            for problem in problems:
                _print_problem(call, problem)


def _print_doubts(call: CommandContext, report: IssueStatus, doubts: list[Problem]) -> None:
    """Print doubts of one kind together, with the keys of the first."""
    readers = sum(doubt.readers for doubt in doubts)
    keys = " ".join(doubt.batch or "" for doubt in doubts[:SHOWN])
    more = len(doubts) - SHOWN
    rest = f" and {more:,} more: digest status {report.named} --json" if more > 0 else ""
    ways_out = doubts[0].next_step.partition("digest resolve")[0]
    call.out.print(
        f"  ! {len(doubts):,} batches, {counted(readers, 'reader')}: {doubts[0].what}\n"
        f"    their keys: {keys}{rest}\n"
        f"    so far: {doubts[0].evidence}\n"
        f"    next: {ways_out}digest resolve accepted|unsent"
        f" --all {report.named} --by NAME --why TEXT (or name their keys before accepted|unsent)",
        markup=False,
    )


def print_counts(call: CommandContext, counts: DeliveryCounts) -> None:
    """Print the candidates by outcome, and below the accepted ones their own outcomes."""
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left"):
        table.add_column(justify=justify)
    for name, number, note, always in _lines(counts):
        if number or always:
            table.add_row(f"  {name}", f"{number:,}", f"[dim]{note}[/dim]")
    call.out.print(table)


def _lines(counts: DeliveryCounts) -> list[tuple[str, int, str, bool]]:
    return [
        ("candidates", counts.candidates, "", True),
        ("accepted", counts.accepted, "", True),
        ("  delivered", counts.delivered, "", False),
        ("  deferred", counts.deferred, "the mailbox asked to try later", False),
        ("  blocked", counts.blocked, "the mailbox refused the mail, not the address", False),
        ("  bounced", counts.bounced, "the mailbox refused the address", False),
        ("  dropped", counts.dropped, "the provider didn't try", False),
        ("  no event yet", counts.unheard, "", False),
        ("refused", counts.refused, "", False),
        ("excluded", counts.excluded, "", False),
        ("pending", counts.pending, "", True),
        ("under way", counts.under_way, "the provider has their request now", False),
        ("in doubt", counts.in_doubt - counts.under_way, "", True),
        ("complained", counts.complained, "of those delivered", False),
    ]


def _print_problem(call: CommandContext, problem: Problem) -> None:
    who = f"batch {problem.batch}, {counted(problem.readers, 'reader')}: " if problem.batch else ""
    since = f" (since {problem.since:%Y-%m-%d %H:%M} UTC)" if problem.since else ""
    call.out.print(f"  ! {who}{problem.what}{since}", markup=False)
    if problem.evidence:
        call.out.print(f"    so far: {problem.evidence}", markup=False)
    call.out.print(f"    next: {problem.next_step}", markup=False)
