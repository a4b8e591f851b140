"""Prints where one issue stands."""

from __future__ import annotations

from rich.table import Table

from digest.cli.context import Call, some
from digest.delivery.counts import Counts
from digest.delivery.status import Problem, Status
from digest.issues.models import IssueState

SHOWN = 3  #: doubts that are told one by one


def print_status(call: Call, where: Status) -> None:
    """Print the counts that say something, then each problem with its next step."""
    counts = where.counts
    call.out.print(f"[bold]Issue {where.issue}[/bold] of {where.period}: {where.state}")
    if where.state is IssueState.CANCELLED:
        call.out.print(f"  cancelled because: {where.note}", markup=False)
    print_counts(call, counts)
    for each in where.aside:
        call.out.print(f"    {each.readers:,} {each.outcome}: {each.reason}", markup=False)
    if where.aside:
        call.out.print(f"    who they are: digest status {where.issue} --who")
    if where.rehearsed:
        call.out.print(
            f"  ! {some(where.rehearsed, 'copy was', 'copies were')} written to the outbox folder;"
            " nothing was sent.\n"
            "    next: choose a provider (DIGEST_TRANSPORT=sendgrid), then:"
            f" digest send {where.issue} --from-outbox"
        )
    _print_problems(call, where)
    waits = counts.pending - counts.parked
    if where.state is IssueState.PREPARED and waits and not counts.under_way and not where.problems:
        call.out.print(f"  next: digest send {where.issue} sends what waits")


def _print_problems(call: Call, where: Status) -> None:
    """Print each problem with its next step; of many doubts the first few."""
    doubts = [problem for problem in where.problems if problem.evidence]
    unshown = doubts[SHOWN:] if len(doubts) > SHOWN + 1 else []
    for problem in where.problems:
        if problem not in unshown:
            _print_problem(call, problem)
    if unshown:
        readers = sum(problem.readers for problem in unshown)
        call.out.print(
            f"  ! {len(unshown):,} more batches are in doubt, with {some(readers, 'reader')}\n"
            f"    each of them: digest status {where.issue} --json\n"
            "    next: wait for the provider's events; or decide on all at once: digest resolve"
            f" accepted|unsent --all {where.issue} --by NAME --why TEXT",
            markup=False,
        )


def print_counts(call: Call, counts: Counts) -> None:
    """Print counts that add up: candidates in their parts, and below accepted its own parts."""
    table = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "left"):
        table.add_column(justify=justify)
    for name, number, note, always in _lines(counts):
        if number or always:
            table.add_row(f"  {name}", f"{number:,}", f"[dim]{note}[/dim]")
    call.out.print(table)


def _lines(counts: Counts) -> list[tuple[str, int, str, bool]]:
    return [
        ("candidates", counts.candidates, "", True),
        ("accepted", counts.accepted, "", True),
        ("  delivered", counts.delivered, "", False),
        ("  deferred", counts.deferred, "the mailbox said later", False),
        ("  blocked", counts.blocked, "this mail was refused, not the address", False),
        ("  bounced", counts.bounced, "the address was refused", False),
        ("  dropped", counts.dropped, "the provider didn't try", False),
        ("  no news yet", counts.unheard, "", False),
        ("refused", counts.refused, "", False),
        ("excluded", counts.excluded, "", False),
        ("pending", counts.pending, "", True),
        ("under way", counts.under_way, "their request is at the provider just now", False),
        ("in doubt", counts.in_doubt - counts.under_way, "", True),
        ("complained", counts.complained, "of those delivered", False),
    ]


def _print_problem(call: Call, problem: Problem) -> None:
    who = f"batch {problem.batch}, {some(problem.readers, 'reader')}: " if problem.batch else ""
    since = f" (since {problem.since:%Y-%m-%d %H:%M} UTC)" if problem.since else ""
    call.out.print(f"  ! {who}{problem.what}{since}", markup=False)
    if problem.evidence:
        call.out.print(f"    so far: {problem.evidence}", markup=False)
    call.out.print(f"    next: {problem.next_step}", markup=False)
