"""The command `digest votes`: what readers voted on a comparison, and what isn't counted.

Hides how shares over time are shown in a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from digest.cli.context import JsonFlag, call_of
from digest.reports import (
    held_words,
    interval_words,
    published_words,
    scan_words,
    share_words,
    turnout_words,
    votes_on,
)
from digest.votes import (
    HeldReason,
    ScanNumbers,
    ToolNumbers,
    VotesOnDay,
)

app = typer.Typer()
_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 16


@app.command()
def votes(
    context: typer.Context,
    comparison: Annotated[
        str, typer.Argument(help="The comparison's slug, as in digest comparisons list.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Show the votes on a comparison: shares, panel, turnout, and votes that aren't counted."""
    call = call_of(context)
    with call.app.database.read() as session:
        numbers, scans = votes_on(session, comparison)
    if as_json:
        call.json({**numbers.as_dict(), "scans": scans.as_dict()})
        return
    call.out.print(Text(numbers.title, style="bold"))
    call.out.print(turnout_words(numbers), markup=False)
    if any(tool.count.votes for tool in numbers.tools):
        call.out.print()
        call.out.print(tools_table(numbers.tools))
    for sentence in uncounted(numbers.held, scans):
        call.out.print(f"\n{sentence}", markup=False)


def uncounted(held: Mapping[HeldReason, int], scans: ScanNumbers) -> list[str]:
    """Return the sentences about votes that aren't counted, and about scanned copies."""
    return [sentence for sentence in (held_words(held), scan_words(scans)) if sentence]


def tools_table(tools: Sequence[ToolNumbers]) -> Table:
    """Return the votes on some tools as a table, beside the panel and what the page states."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", overflow="fold")
    for name in ("readers", "95% interval", "votes", "panel", "community"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("over time", no_wrap=True)
    for tool in tools:
        table.add_row(
            Text(tool.name),
            share_words(tool.count),
            interval_words(tool.count),
            f"{tool.count.votes:,}",
            published_words(tool.panel_share),
            published_words(tool.community_share),
            sparkline(tool.history),
        )
    return table


def sparkline(history: Sequence[VotesOnDay]) -> str:
    """Return the share over time as bars from 0% to 100%; a space while there are no votes."""
    number = min(len(history), _MOST_BARS)
    ends = [history[(at + 1) * len(history) // number - 1].total.share for at in range(number)]
    highest = len(_BARS) - 1
    return "".join(" " if share is None else _BARS[round(share / 100 * highest)] for share in ends)
