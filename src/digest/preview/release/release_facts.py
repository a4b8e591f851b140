"""What the desk says of an issue's release: who gets it, how many, when, from whom, by which way.

Hides which rows each answer is read from, and how the state of the schedule becomes a sentence.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlmodel import Session

from digest.app.installation import App
from digest.delivery.counts import DeliveryCounts
from digest.delivery.pace import Pace, active_warm_up
from digest.delivery.reporting import issue_status
from digest.delivery.sending import ExpectedAudience, count_audience, expected_audience
from digest.issues import store
from digest.issues.calendar import DueMoment, issue_day, slots
from digest.issues.calendar.next_issue import leaves_at
from digest.issues.models import Issue, IssueState, Newsletter, Slot, SlotState
from digest.mail.provider import Provider
from digest.service import moment_words, service_is_up

DAY_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Departure:
    """When an issue leaves, and whether it does so by itself."""

    moment: str = ""  #: in words, in the newsletter's time zone; empty where no moment is planned
    wall: str = ""  #: the same as a naive local time, 2026-11-26T10:00
    by_itself: bool = False  #: the service runs, and sends it then once it is approved
    note: str = ""  #: why it doesn't leave by itself, or what is special about its moment
    early: str = ""  #: how far ahead of its moment it would go now; empty where that is soon
    skipped: str = ""  #: why the schedule has no issue in this period
    may_skip: bool = False  #: the service hasn't begun with this period, so it can be skipped


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the send of an issue is, in readers."""

    counts: DeliveryCounts
    problems: tuple[tuple[str, str], ...]  #: what is stuck, and the next step
    note: str = ""
    outbox_copies: int = 0
    sent: str = ""  #: when the last one left, in words

    @property
    def total(self) -> int:
        """The number of readers it goes to."""
        return self.counts.candidates - self.counts.excluded

    @property
    def settled(self) -> int:
        """The number of readers whose mail was accepted or refused."""
        return self.counts.accepted + self.counts.refused


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """Who gets an issue, and when and how; with its progress once it is on its way."""

    readers: int  #: who would get it now
    excluded: int  #: who confirmed, and would be left out now
    sender: str
    carrier: str  #: who mail is handed to where it isn't written to a folder, in words
    outbox: str  #: the folder that mail is written to; empty where it goes to the provider
    departure: Departure = Departure()
    progress: Progress | None = None


def read_release_facts(
    session: Session,
    app: App,
    newsletter: Newsletter,
    period: str,
    about: Collection[str] | None,
) -> ReleaseFacts:
    """Return the facts of the issue of *period*; *about* is its topics, ``None`` for everybody."""
    now, folder = app.clock(), app.outbox_folder
    issue = store.by_period(session, newsletter.id, period)
    expected = _expected(session, newsletter, issue, about, now)
    return ReleaseFacts(
        readers=expected.readers,
        excluded=expected.excluded,
        sender=app.identity.of(newsletter).sender,
        carrier=carrier_of(app.provider),
        outbox=str(folder.absolute()) if folder else "",
        departure=_departure(session, newsletter, period, now),
        progress=_progress(session, newsletter, issue, now) if issue else None,
    )


def carrier_of(provider: Provider) -> str:
    """Return who carries the mail, in words: a company, or a mail server by its name."""
    company, _, _country = provider.company.partition(",")
    return company or f"the mail server {urlsplit(provider.endpoint).hostname}"


def _expected(
    session: Session,
    newsletter: Newsletter,
    issue: Issue | None,
    about: Collection[str] | None,
    now: datetime,
) -> ExpectedAudience:
    """Return the audience of what is on the desk; of a built issue, less whom it leaves out."""
    is_built = issue is not None and issue.state is IssueState.BUILT
    if is_built and issue is not None and store.topics(session, issue) == about:
        return count_audience(session, issue, newsletter.slug, now)
    return expected_audience(session, newsletter.slug, about, now)


def _departure(session: Session, newsletter: Newsletter, period: str, now: datetime) -> Departure:
    slot = slots.slot_of(session, newsletter.id, period)
    moment = _planned(session, newsletter, period)
    at = slot.due_at if slot else moment.at if moment else None
    if at is None:
        return Departure(note="The schedule has no issue for this week.")
    leaves = leaves_at(session, newsletter, period, now)
    is_up = service_is_up(session, now)
    ahead = slot is None and moment is not None
    skipped = (moment.blackout or "") if ahead and moment else ""
    if leaves is None:
        note = _why_not(newsletter, slot, skipped)
    elif not is_up:
        note = "Nothing goes out by itself while digest run is stopped: start it, or send it here."
    else:
        note = f"It is held: {slot.note}." if slot and slot.state is SlotState.HELD else ""
    return Departure(
        moment=moment_words(newsletter, at),
        wall=f"{newsletter.cadence().local(at):%Y-%m-%dT%H:%M}",
        by_itself=leaves is not None and is_up,
        note=note,
        early=_ahead(at - now),
        may_skip=ahead and moment is not None and not (skipped or moment.moved),
        skipped=skipped,
    )


def _why_not(newsletter: Newsletter, slot: Slot | None, skipped: str) -> str:
    """Return why an issue doesn't leave by itself, as a sentence."""
    if newsletter.archived_at is not None:
        return f"{newsletter.name} is archived: no issue is built or sent."
    if not newsletter.scheduled:
        return "The schedule is paused, so nothing goes out by itself."
    if skipped:
        return f"The schedule has no issue this week: {skipped}."
    if slot is not None and slot.state not in slots.WAITING:
        return f"It doesn't go out by itself: {slot.note or slot.state}."
    return "Its due time has passed, so it doesn't go out by itself: send it, or move it."


def _planned(session: Session, newsletter: Newsletter, period: str) -> DueMoment | None:
    """Return the moment that the calendar has for a period; ``None`` where it has none."""
    calendar = slots.calendar_of(session, newsletter)
    first = next(calendar.from_day(issue_day(period, 0)))
    return first if first.period == period else None


def _ahead(span: timedelta) -> str:
    """Return how far ahead a moment is: "12 days", "5 hours"; empty below an hour."""
    hours = int(span.total_seconds() // 3600)
    number, unit = (hours // DAY_HOURS, "day") if hours >= 2 * DAY_HOURS else (hours, "hour")
    return f"{number} {unit}{'s' if number > 1 else ''}" if number > 0 else ""


def _progress(
    session: Session, newsletter: Newsletter, issue: Issue, now: datetime
) -> Progress | None:
    """Return how far an issue's send is; ``None`` before its audience is frozen."""
    if issue.state in {IssueState.BUILT, IssueState.SKIPPED}:
        return None
    pace = Pace(warm_up=active_warm_up(session) is not None)
    status = issue_status(session, issue, store.edition_of(session, issue), now, pace=pace)
    waits = [(f"it {status.waits}", "nothing: it goes on by itself")] if status.waits else []
    return Progress(
        counts=status.counts,
        problems=(*waits, *((problem.what, problem.next_step) for problem in status.problems)),
        note=status.note,
        outbox_copies=status.outbox_copies,
        sent=moment_words(newsletter, issue.sent_at) if issue.sent_at else "",
    )
