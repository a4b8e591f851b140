"""Commands about the schedule: list, set, rules, blackout, shift, pause, resume, evergreen.

Hides how moments are read from and printed in a newsletter's time zone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlmodel import Session

from digest.cli.context import CommandContext, JsonFlag, NewsletterOption, Told, call_of, tells
from digest.comparisons.store import by_slug
from digest.errors import DigestError, NotFound
from digest.issues import store
from digest.issues.calendar import NTHS, Frequency, slots, wall_time
from digest.issues.calendar.cadence_change import set_cadence
from digest.issues.models import Newsletter, WhenEmpty
from digest.service import UpcomingMoment, move_issue, release_decision, upcoming

app = typer.Typer(help="Show or change when issues come out.")

EveryOption = Annotated[Frequency | None, typer.Option("--every", help="How often.")]
OnOption = Annotated[str | None, typer.Option("--on", help="The weekday, such as thursday.")]
AtOption = Annotated[str | None, typer.Option("--at", metavar="HH:MM", help="The time of day.")]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="The time zone, such as Europe/Berlin.")
]
NthOption = Annotated[
    str | None, typer.Option("--nth", help=f"Which one in a month: {', '.join(NTHS)}.")
]
DEFAULT_COUNT = 10


@app.callback(invoke_without_command=True)
def schedule(
    context: typer.Context,
    newsletter: NewsletterOption = "weekly",
    many: Annotated[
        int, typer.Option("--next", min=1, max=200, help="How many due times to show.")
    ] = DEFAULT_COUNT,
    as_json: JsonFlag = False,
) -> None:
    """List the next moments in local and UTC time, and who will do what."""
    if context.invoked_subcommand:
        return
    call = call_of(context)
    with call.app.database.read() as session:
        row = store.newsletter(session, newsletter)
        allowed = partial(release_decision, call.app)
        moments = upcoming(session, row, call.app.clock(), many, allowed)
        facts = {**_cadence_facts(row), "moments": [moment.as_dict() for moment in moments]}
    if as_json:
        call.json(facts)
    else:
        _print(call, row, moments)


@app.command("set")
@tells
def set_(
    context: typer.Context,
    every: EveryOption = None,
    on: OnOption = None,
    at: AtOption = None,
    zone: ZoneOption = None,
    nth: NthOption = None,
    starting: Annotated[
        str | None, typer.Option(metavar="DATE", help="A day in a week that has an issue.")
    ] = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Change when issues come out; an issue that is already drafted keeps its time."""
    call = call_of(context)
    if not any((every, on, at, zone, nth, starting)):
        raise DigestError("name what to change", next_step="digest schedule set --help")
    with _edit_newsletter(call, newsletter) as (_, row):
        anchor = _parse_date(starting) if starting else None
        set_cadence(row, call.app.clock(), every=every, on=on, at=at, zone=zone, nth=nth)
        _set_fields(row, {"anchor": anchor})
        facts = _cadence_facts(row)
    told = f"{facts['newsletter']} comes out {facts['cadence']}. See: digest schedule"
    return Told(facts, told)


def _cadence_facts(newsletter: Newsletter) -> dict[str, Any]:
    return {
        "newsletter": newsletter.slug,
        "cadence": str(newsletter.cadence()),
        "scheduled": newsletter.scheduled,
    }


@app.command()
@tells
def rules(
    context: typer.Context,
    draft_before: Annotated[int | None, typer.Option(min=0, max=504, help="Hours.")] = None,
    remind_before: Annotated[int | None, typer.Option(min=0, max=504, help="Hours.")] = None,
    max_lateness: Annotated[int | None, typer.Option(min=0, max=744, help="Hours.")] = None,
    when_empty: Annotated[
        WhenEmpty | None, typer.Option(help="What to do in a week with nothing new.")
    ] = None,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Change what happens around an issue's due time."""
    call = call_of(context)
    with _edit_newsletter(call, newsletter) as (_, row):
        values = {
            "build_lead": draft_before,
            "remind_lead": remind_before,
            "max_lateness": max_lateness,
            "when_empty": when_empty,
        }
        _set_fields(row, values)
        if row.remind_lead > row.build_lead:
            raise DigestError(
                f"a reminder {row.remind_lead} hours ahead would come before the draft,"
                f" {row.build_lead} hours ahead",
                next_step="digest schedule rules --draft-before HOURS --remind-before HOURS",
            )
        lines = _rules_in_words(row)
        facts = {
            "newsletter": row.slug,
            "draft_before": row.build_lead,
            "remind_before": row.remind_lead,
            "max_lateness": row.max_lateness,
            "when_empty": row.when_empty,
        }
    return Told(facts, *lines)


@app.command()
@tells
def blackout(
    context: typer.Context,
    first: Annotated[str, typer.Argument(metavar="DATE")],
    last: Annotated[str | None, typer.Argument(metavar="[DATE]")] = None,
    why: Annotated[str, typer.Option(help="The reason, as status shows it.")] = "no issue",
    remove: Annotated[bool, typer.Option("--remove", help="Remove the blackout.")] = False,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Skip the issues due on a day, or in a range of days."""
    call = call_of(context)
    days = (_parse_date(first), _parse_date(last or first))
    if days[1] < days[0]:
        raise DigestError("the first day is after the last")
    with _edit_newsletter(call, newsletter) as (session, row):
        slots.black_out(session, row, *days, None if remove else why)
        slug = row.slug
    facts = {"newsletter": slug, "first": days[0], "last": days[1], "why": why}
    told = f"{days[0]} to {days[1]}: {'issues again' if remove else why}"
    return Told({**facts, "removed": remove}, told)


@app.command()
@tells
def shift(
    context: typer.Context,
    period: Annotated[str, typer.Argument(metavar="YYYY-Www")],
    to: Annotated[str, typer.Option("--to", metavar="DATETIME", help="2026-11-26T10:00")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "",
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Move an issue to a time between its neighbours, in the newsletter's time zone."""
    call = call_of(context)
    with _edit_newsletter(call, newsletter) as (session, row):
        moved = move_issue(session, row, period, wall_time(to), why)
    told = f"{period} comes out on {moved.moment.local:%A, %-d %B %Y, %H:%M %Z}"
    if moved.next_steps:
        told += f". Its mail still bears the earlier day; build it again: {moved.next_steps[0]}"
    return Told(moved.as_dict(), told)


@app.command()
@tells
def pause(
    context: typer.Context,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Pause the schedule; sends under way continue."""
    call = call_of(context)
    with _edit_newsletter(call, newsletter) as (_, row):
        row.scheduled = False
        facts = _cadence_facts(row)
    told = f"{facts['newsletter']} is paused. To continue: digest schedule resume"
    return Told(facts, told)


@app.command()
@tells
def resume(
    context: typer.Context,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Resume the schedule; issues missed in between aren't made up for."""
    call = call_of(context)
    with _edit_newsletter(call, newsletter) as (_, row):
        if not row.scheduled:
            row.scheduled, row.scheduled_since = True, call.app.clock()
        facts = _cadence_facts(row)
    return Told(facts, f"{facts['newsletter']} is scheduled again. See: digest schedule")


@app.command()
@tells
def evergreen(
    context: typer.Context,
    slugs: Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Empty the list.")] = False,
    newsletter: NewsletterOption = "weekly",
) -> Told:
    """Show or set the evergreen list: comparisons for a week with nothing new."""
    call = call_of(context)
    with _edit_newsletter(call, newsletter) as (session, row):
        if slugs or clear:
            row.evergreen = [by_slug(session, slug).slug for slug in slugs or []]
        kept, then, slug = list(row.evergreen), row.when_empty, row.slug
    empty = "The evergreen list is empty. To fill it: digest schedule evergreen SLUG"
    facts = {"newsletter": slug, "evergreen": kept, "when_empty": then}
    if kept and then is WhenEmpty.SKIP:
        call.err.print(
            "The list isn't used yet. Next: digest schedule rules --when-empty evergreen"
        )
    return Told(facts, *(kept or [empty]))


@contextmanager
def _edit_newsletter(call: CommandContext, newsletter: str) -> Iterator[tuple[Session, Newsletter]]:
    with call.app.database.write() as session:
        row = store.newsletter(session, newsletter)
        yield session, row
        session.add(row)


def _set_fields(newsletter: Newsletter, values: dict[str, Any]) -> None:
    """Set the fields that aren't ``None``."""
    for name, value in values.items():
        if value is not None:
            setattr(newsletter, name, value)


def _print(call: CommandContext, newsletter: Newsletter, moments: list[UpcomingMoment]) -> None:
    call.out.print(f"[bold]{newsletter.name}[/bold]: {newsletter.cadence()}")
    if newsletter.archived_at is not None:
        undo = f"digest newsletters archive {newsletter.slug} --undo"
        call.out.print(f"Archived: none of these will come out. To undo this: {undo}", markup=False)
    if not newsletter.scheduled:
        call.out.print("Paused: nothing runs by itself. To continue: digest schedule resume")
    table = Table(box=None, pad_edge=False)
    for title in ("Period", f"Local ({newsletter.timezone})", "UTC", "Draft (UTC)", "State"):
        table.add_column(title, no_wrap=True)
    for moment in moments:
        state = f"issue {moment.issue}, {moment.state}" if moment.issue else moment.state
        table.add_row(
            moment.period,
            f"{moment.local:%a %Y-%m-%d %H:%M}",
            f"{moment.utc:%m-%d %H:%M}",
            f"{moment.draft_at:%m-%d %H:%M}",
            state or ("no issue" if moment.what.startswith("no issue") else ""),
        )
    call.out.print(table)
    for line in _rules_in_words(newsletter):
        call.out.print(line, markup=False)
    for moment in moments:
        if moment.state or moment.what.startswith("no issue"):
            call.out.print(f"{moment.period}: {moment.what}", markup=False)


def _rules_in_words(newsletter: Newsletter) -> list[str]:
    who = "an editor has" if newsletter.approvals_needed == 1 else "two editors have"
    goes = (
        "goes out if the checks find nothing, or once an editor has approved it"
        if newsletter.unattended
        else f"goes out once {who} approved it (digest approve ISSUE)"
    )
    empty = "there is no issue, and the reason is recorded"
    if newsletter.when_empty is WhenEmpty.EVERGREEN:
        empty = "a short issue goes out from the evergreen list"
        empty += "" if newsletter.evergreen else ", which is empty: digest schedule evergreen SLUG"
    return [
        f"Digest builds the draft {newsletter.build_lead} hours ahead, and emails it to the"
        " editors.",
        f"It reminds them {newsletter.remind_lead} hours ahead if the issue isn't approved.",
        f"When due, the issue {goes}.",
        f"More than {newsletter.max_lateness} hours late, it counts as missed, and waits for a"
        " person.",
        f"In a week with nothing new, {empty}.",
    ]


def _parse_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NotFound(f"{text} isn't a date; write it like 2026-12-24") from None
