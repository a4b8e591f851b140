"""Commands that warm a new sender up: start, status, stop.

Hides in which words a plan is told.
"""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.context import MAX_NUMBER, Told, call_of, counted, tells
from digest.service import WarmUpStatus, begin_warm_up, stop_warm_up, warm_up_status

app = typer.Typer(help="Warm a new sender up: send to more readers every day.")


@app.command()
@tells
def start(
    context: typer.Context,
    days: Annotated[
        int | None, typer.Option("--days", min=2, max=365, help="Days with mail; 30 if not given.")
    ] = None,
    first: Annotated[
        int | None,
        typer.Option(
            "--from", min=1, max=MAX_NUMBER, help="Readers on the first day; 200 if not given."
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(
            "--to", min=1, max=MAX_NUMBER, help="Readers on the last day; all if not given."
        ),
    ] = None,
) -> Told:
    """Start a warm-up; one that stopped goes on from an earlier day."""
    status = begin_warm_up(call_of(context).app, days=days, first=first, last=last)
    return Told(
        status.as_dict(),
        *_lines(status),
        "A send that is under way doesn't know of it: stop that one, and start it again.",
    )


@app.command()
@tells
def status(context: typer.Context) -> Told:
    """Show the day, its limit, what was sent today, and the days ahead."""
    found = warm_up_status(call_of(context).app)
    return Told(found.as_dict(), *_lines(found))


@app.command()
@tells
def stop(
    context: typer.Context,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who makes this decision.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for the record.")],
) -> Told:
    """End the warm-up for good: no day has a limit any more."""
    stop_warm_up(call_of(context).app, by=by, why=why)
    return Told(
        {"state": "none", "by": by, "why": why},
        "The warm-up has ended: no day has a limit any more.",
        "Issues that it paused stay paused. To send one: digest resume ISSUE",
    )


def _lines(status: WarmUpStatus) -> list[str]:
    if status.state == "none":
        return ["No warm-up is on. To start one: digest warmup start"]
    if status.state == "over":
        return [f"The warm-up is over: all of its {status.days} days have passed."]
    if status.state == "stopped":
        return [
            f"The warm-up stopped on day {status.day} of {status.days}: {status.why}.",
            "Nothing is sent until you decide. See who bounced or complained, and mend the list.",
            "  To go on from an earlier day: digest warmup start",
            "  To end it for good: digest warmup stop --by NAME --why TEXT",
            "  Then, for each paused issue: digest resume ISSUE",
        ]
    ahead = ", ".join(f"{each.limit:,}" for each in status.ahead)
    return [
        f"Day {status.day} of {status.days}: up to {counted(status.limit or 0, 'reader')} today;"
        f" {status.sent_today:,} sent, {status.left_today or 0:,} left.",
        *([f"The next days: {ahead}."] if ahead else ["This is the last day."]),
        "A day begins at 00:00 UTC, and counts only if mail leaves on it.",
    ]
