"""Prints where one issue stands."""

from __future__ import annotations

from rich.table import Table

from digest.cli.context import Call
from digest.delivery.counts import Counts
from digest.delivery.status import Problem, Status


def print_status(call: Call, where: Status) -> None:
    """Print the counts that say something, then each problem with its next step."""
    counts = where.counts
    call.out.print(f"[bold]Issue {where.issue}[/bold] of {where.period}: {where.state}")
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for name, number, always in _lines(counts):
        if number or always:
            table.add_row(f"  {name}", f"{number:,}")
    call.out.print(table)
    for each in where.aside:
        call.out.print(f"    {each.readers:,} {each.outcome}: {each.reason}", markup=False)
    if where.aside:
        call.out.print(f"    who they are: digest status {where.issue} --who")
    if where.rehearsed:
        call.out.print(
            f"  ! {where.rehearsed:,} copies were written to the outbox folder; nothing was sent.\n"
            "    next: choose a provider (DIGEST_TRANSPORT=sendgrid), then:"
            f" digest send {where.issue} --from-outbox"
        )
    for problem in where.problems:
        _print_problem(call, problem)


def _lines(counts: Counts) -> list[tuple[str, int, bool]]:
    return [
        ("candidates", counts.candidates, True),
        ("accepted", counts.accepted, True),
        ("refused", counts.refused, False),
        ("excluded", counts.excluded, False),
        ("pending", counts.pending, True),
        ("in doubt", counts.in_doubt, True),
        ("delivered", counts.delivered, False),
        ("deferred", counts.deferred, False),
        ("bounced", counts.bounced, False),
        ("dropped", counts.dropped, False),
        ("complained", counts.complained, False),
    ]


def _print_problem(call: Call, problem: Problem) -> None:
    who = f"batch {problem.batch}, {problem.readers} readers: " if problem.batch else ""
    since = f" (since {problem.since:%Y-%m-%d %H:%M} UTC)" if problem.since else ""
    call.out.print(f"  ! {who}{problem.what}{since}", markup=False)
    if problem.evidence:
        call.out.print(f"    so far: {problem.evidence}", markup=False)
    call.out.print(f"    next: {problem.next_step}", markup=False)
