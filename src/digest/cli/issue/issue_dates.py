"""What a command says of the day an issue is dated, and when it asks because of it.

Hides which distance from today needs a yes.
"""

from __future__ import annotations

from datetime import date, datetime

from digest.cli.context import CommandContext, confirm, counted
from digest.issues import store
from digest.issues.calendar import DueMoment
from digest.issues.calendar.day_words import day_words
from digest.issues.models import Issue, Newsletter


def today(call: CommandContext, newsletter: Newsletter) -> date:
    """Return today's date in the newsletter's time zone."""
    return newsletter.cadence().local(call.app.clock()).date()


def late_words(newsletter: Newsletter, moment: DueMoment, now: datetime) -> str:
    """Return why a moment that has passed is still the next one; empty for one to come."""
    if moment.at >= now:
        return ""
    from digest.service import moment_words  # it imports all that the service does

    hours = newsletter.max_lateness
    return (
        f"It was due on {moment_words(newsletter, moment.at)}, and may go out"
        f" up to {counted(hours, 'hour')} late."
    )


def confirm_past(
    call: CommandContext, newsletter: Newsletter, period: str, day: date, *, yes: bool
) -> None:
    """Ask before an issue is built whose day has passed."""
    now = today(call, newsletter)
    if day < now:
        facts = f"the issue of {period} is dated {day_words(day, now)}"
        confirm(call, facts, question="Build it anyway?", flag="--yes", given=yes)


def confirm_early(
    call: CommandContext, issue: Issue, newsletter: Newsletter, *, early: bool
) -> None:
    """Ask before an issue is sent whose day is still to come; say where its day has passed."""
    day, now = store.dated(issue, newsletter), today(call, newsletter)
    is_real = call.app.outbox_folder is None
    if day == now or (day > now and is_real and early):
        return
    facts = f"issue {issue.number} is dated {day_words(day, now)}"
    if day > now and is_real:
        confirm(call, facts, question="Send it now?", flag="--early", given=early)
    elif day > now:
        call.note(
            f"{facts[0].upper()}{facts[1:]}. It goes to the outbox folder, so nobody is mailed."
        )
    else:
        call.note(f"Issue {issue.number} is dated {day_words(day, now)}.")
