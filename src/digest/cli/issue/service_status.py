"""The part of `digest status` that tells what happens by itself: turns, chores, a hold."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from rich.table import Table

from digest.cli.context import CommandContext
from digest.delivery.sending import restore_guard
from digest.issues import store
from digest.issues.models import SlotState
from digest.service import job_facts, job_runs, recent_slots, ruling, slot_facts


def standing(call: CommandContext, newsletter: str) -> dict[str, Any]:
    """Return what the schedule has done lately and does next, in plain values."""
    now = call.app.clock()
    with call.app.database.read() as session:
        series = store.newsletter(session, newsletter)
        return {
            **hold(call),
            "scheduled": series.scheduled,
            "turns": [
                slot_facts(session, turn, partial(ruling, call.app))
                for turn in recent_slots(session, series, now)
            ],
            "ticks": [job_facts(tick, now) for tick in job_runs(session)],
        }


def hold(call: CommandContext) -> dict[str, Any]:
    """Return why nothing may be sent from this database; ``None`` when it may."""
    return {"hold": restore_guard.hold_reason(call.app.database, call.app.epoch())}


def print_hold(call: CommandContext, facts: dict[str, Any]) -> None:
    """Print why nothing is sent, if that is so."""
    if facts["hold"]:
        call.out.print(f"! HOLD, nothing is sent: {facts['hold']}", markup=False)
        call.out.print(f"  next: {restore_guard.NEXT_STEP}\n", markup=False)


def print_standing(call: CommandContext, facts: dict[str, Any]) -> None:
    """Print the turns and chores that `standing` found."""
    if facts["turns"]:
        call.out.print("\n[bold]Periods of the last four weeks[/bold]")
    for turn in facts["turns"]:
        _print_turn(call, turn)
    if not facts["ticks"]:
        call.out.print("\nNothing happens by itself yet. To start it: digest run")
        return
    call.out.print("\n[bold]By itself[/bold]")
    table = Table(box=None, pad_edge=False)
    for title in ("", "Last run (UTC)", "Next run", "Result"):
        table.add_column(title)
    for tick in facts["ticks"]:
        mark = "" if tick["ok"] else "! "
        late = "late: is digest run up?" if tick["overdue"] else _short(tick["next_run"])
        said = "running" if tick["running"] else tick["result"]
        table.add_row(f"{mark}{tick['name']}", _short(tick["last_run"]), late, said)
    call.out.print(table)


def _print_turn(call: CommandContext, turn: dict[str, Any]) -> None:
    stuck = turn["state"] in {SlotState.HELD, SlotState.MISSED}
    note = f": {turn['note']}" if turn["note"] else ""
    mark = "!" if stuck else " "
    due = _short(turn["due_at"])
    call.out.print(f"{mark} {turn['period']}, due {due} UTC, {turn['state']}{note}", markup=False)
    if turn["next_step"]:
        call.out.print(f"    next: {turn['next_step']}", markup=False)


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
