"""The part of `digest status` about the service: slots, job runs, the hold after a restore.

Hides the layout.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.table import Table

from digest.cli.context import CommandContext, counted
from digest.delivery.sending import restore_guard
from digest.issues.models import SlotState


def print_hold(call: CommandContext, facts: dict[str, Any]) -> None:
    """Print the hold and its next step, if there is one."""
    if facts["hold"]:
        call.out.print(f"! HOLD, nothing is sent: {facts['hold']}", markup=False)
        call.out.print(f"  next: {restore_guard.NEXT_STEP}\n", markup=False)


def print_slots(call: CommandContext, facts: dict[str, Any], slug: str) -> None:
    """Print a newsletter's slots that `service_facts` returned."""
    slots = [slot for slot in facts["turns"] if slot["newsletter"] == slug]
    if slots:
        call.out.print("\n[bold]Periods of the last four weeks[/bold]")
    for slot in slots:
        _print_slot(call, slot)


def print_proposals(call: CommandContext, facts: dict[str, Any]) -> None:
    """Print how many proposals of sources wait for an editor, if any do."""
    if facts["proposals"]:
        waits = counted(facts["proposals"], "proposal waits", "proposals wait")
        call.out.print(f"\n{waits} for an editor: digest sources proposals", markup=False)


def print_jobs(call: CommandContext, facts: dict[str, Any]) -> None:
    """Print the job runs that `service_facts` returned."""
    if not facts["ticks"]:
        call.out.print("\nNothing runs by itself yet. To start the service: digest run")
        return
    call.out.print("\n[bold]Running by itself[/bold]")
    table = Table(box=None, pad_edge=False)
    for title in ("", "Last run (UTC)", "Next run", "Result"):
        table.add_column(title)
    for job in facts["ticks"]:
        mark = "" if job["ok"] else "! "
        late = "late: is digest run running?" if job["overdue"] else _short(job["next_run"])
        result = "running" if job["running"] else job["result"]
        table.add_row(f"{mark}{job['name']}", _short(job["last_run"]), late, result)
    call.out.print(table)
    if "workers" in facts:
        call.out.print(worker_line(facts["workers"]), markup=False)


def print_webhooks(call: CommandContext, facts: dict[str, Any]) -> None:
    """Print the webhook endpoints in trouble that `service_facts` returned."""
    for each in facts["webhooks"]:
        call.out.print(f"! Webhook endpoint {each['id']}: {each['says']}", markup=False)
        call.out.print(f"    next: {each['next_step']}", markup=False)


def worker_line(workers: dict[str, Any]) -> str:
    """Return what `worker_facts` returned as a line for people."""
    if not workers["running"]:
        return "! No worker is running. To start one on any machine: digest worker"
    waits = f"{counted(workers['waiting'], 'job')} waiting, {workers['under_way']:,} under way"
    return f"{counted(workers['running'], 'worker')} running: {waits}"


def _print_slot(call: CommandContext, slot: dict[str, Any]) -> None:
    stuck = slot["state"] in {SlotState.HELD, SlotState.MISSED}
    note = f": {slot['note']}" if slot["note"] else ""
    mark = "!" if stuck else " "
    due = _short(slot["due_at"])
    call.out.print(f"{mark} {slot['period']}, due {due} UTC, {slot['state']}{note}", markup=False)
    if slot["next_step"]:
        call.out.print(f"    next: {slot['next_step']}", markup=False)


def _short(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
