"""The report page: one self-contained HTML file about an issue, or about all issues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from digest.delivery.reporting import COMPLAINTS_BAD, COMPLAINTS_GOOD, EditionStatistics
from digest.issues.models import Tracking
from digest.render.engine import fill
from digest.render.template_paths import template_folders
from digest.reports import charts
from digest.reports.charts import Chart
from digest.reports.formatting import day, number_range, percent
from digest.reports.report_data import IssueReport
from digest.reports.vote_sentences import held_lines, scan_words

_TRACKING = {
    Tracking.OFF: "This newsletter doesn’t track opens or clicks.",
    Tracking.ANONYMOUS: "Opens and clicks are counted without knowing whose they are.",
    Tracking.READER: "Opens and clicks are counted for each reader, and the mails say so.",
}
NO_VOTES = "Nobody has voted on its comparisons yet."


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A headline number at the top of the page."""

    name: str
    value: str
    note: str
    bad: bool = False


def issue_page(report: IssueReport, *, folder: Path | None = None) -> str:
    """Return the HTML of one issue's report; raise `TemplateBroken` for a faulty template.

    *folder* holds templates that replace the shipped ones by name.
    """
    numbers = report.numbers
    context = {
        "report": report,
        "date": day(report.dated),
        "summary": _summary(report),
        "tiles": tiles(report),
        "charts": [chart for chart in _charts(report) if chart is not None],
        "votes": "" if report.votes.any else NO_VOTES,
        "held": held_lines(report.votes.held),
        "scans": scan_words(report.votes.scans),
        "editions": report.editions if len(report.editions) > 1 else (),
        "links": report.links,
        "causes": [(cause, f"{number:,}") for cause, number in numbers.causes.items()],
        "tracking": _TRACKING[Tracking(report.tracking)],
        "heat": Markup(report.heat),  # noqa: S704 - from our own mail, no active element
        "late": numbers.late_bounces,
    }
    return fill("issue.html", context, template_folders("report", folder)) + "\n"


def _charts(report: IssueReport) -> Iterator[Chart | None]:
    tracked = report.tracking != Tracking.OFF
    numbers = report.numbers
    several = len(numbers.providers) > 1  # of one, a tile says it all
    if numbers.accepted:
        if tracked:
            yield charts.funnel(numbers)
        yield charts.delivery(numbers)
        if tracked and report.sections:
            yield charts.comparisons(report.sections)
        if several:
            yield charts.failures(numbers.providers)
    if any(one.turnout for one in report.votes.comparisons):
        yield charts.panel_and_readers(report.votes.comparisons)
        yield charts.votes_over_time(report.votes.comparisons)
    if numbers.delivered and several:
        yield charts.complaints(numbers.providers)
    yield charts.growing(report.growth)
    yield charts.sources(report.growth)


def all_issues_page(reports: Sequence[IssueReport], *, folder: Path | None = None) -> str:
    """Return the HTML of the report on every issue; raise `TemplateBroken` for a faulty template.

    *reports* holds at least one report, oldest first.
    """
    newest = reports[-1]
    growth = newest.growth
    drawn = [charts.history(reports), charts.growing(growth), charts.sources(growth)]
    number = sum(report.corrects is None for report in reports)
    issues = "One issue" if number == 1 else f"{number:,} issues"
    context = {
        "newsletter": newest.newsletter,
        "charts": [chart for chart in drawn if chart is not None],
        "rows": [_row(report) for report in reversed(reports)],
        "summary": f"{issues}, {growth.mailable:,} readers today.",
    }
    return fill("series.html", context, template_folders("report", folder)) + "\n"


def tiles(report: IssueReport) -> list[Tile]:
    """Return the headline numbers of an issue; opens and clicks only where they are tracked."""
    numbers = report.numbers
    shown = [
        _delivered(numbers),
        Tile(name="Not delivered", value=f"{failed(numbers):,}", note=_failed(numbers)),
    ]
    if numbers.unheard:
        note = "the provider hasn't reported on them yet"
        shown.append(Tile(name="No event yet", value=f"{numbers.unheard:,}", note=note))
    if report.tracking != Tracking.OFF:
        shown += [_opened(numbers), _clicked(numbers)]
    shown += [
        Tile(
            name="Unsubscribed",
            value=f"{report.unsubscribed:,}",
            note=f"{percent(report.unsubscribed, numbers.delivered)} of delivered, in any way",
        ),
        _complaints(numbers),
    ]
    if report.votes.any:
        shown.append(_voted(report))
    return shown


def _delivered(numbers: EditionStatistics) -> Tile:
    note = f"{percent(numbers.delivered, numbers.accepted)} of {numbers.accepted:,} accepted"
    if numbers.failures_only:
        note += "; the mail server reports only what it returns"
    name = "Not returned" if numbers.failures_only else "Delivered"
    return Tile(name=name, value=f"{numbers.delivered:,}", note=note)


def _voted(report: IssueReport) -> Tile:
    turnout = report.votes.turnout
    share = percent(turnout, report.numbers.delivered)
    return Tile(
        name="Voted", value=f"{turnout:,}", note=f"{share} of delivered, by a link in this mail"
    )


def failed(numbers: EditionStatistics) -> int:
    """Return how many accepted mails are known not to be delivered, or not yet."""
    return numbers.accepted - numbers.delivered - numbers.unheard


def _failed(numbers: EditionStatistics) -> str:
    parts = (
        (numbers.deferred, "deferred"),
        (numbers.blocked, "blocked"),
        (numbers.bounced, "bounced"),
        (numbers.dropped, "dropped"),
    )
    failures = ", ".join(f"{number:,} {name}" for number, name in parts if number)
    heard = numbers.accepted - numbers.unheard
    return failures or "nothing failed" if heard else "no events yet"


def _opened(numbers: EditionStatistics) -> Tile:
    machines = f"{numbers.opened_machines:,} more opened by machines only"
    return Tile(
        name="Opened",
        value=f"{numbers.opened_people:,}",
        note=f"{percent(numbers.opened_people, numbers.delivered)} of delivered; {machines}",
    )


def _clicked(numbers: EditionStatistics) -> Tile:
    low, high = (
        percent(n, numbers.delivered) for n in (numbers.clicked_surely, numbers.clicked_all)
    )
    return Tile(
        name="Clicked",
        value=number_range(numbers.clicked_surely, numbers.clicked_all),
        note=f"{low} certainly people, {high} including machines",
    )


def _complaints(numbers: EditionStatistics) -> Tile:
    rate = numbers.complaint_rate
    if rate is None:
        return Tile(name="Complaints", value="—", note="nothing has been delivered yet")
    if rate >= COMPLAINTS_BAD:
        words = "above 0.3%: mailbox providers start to reject mail"
    elif rate >= COMPLAINTS_GOOD:
        words = "above 0.1%, Gmail’s first limit"
    else:
        words = "below 0.1%, as it should be"
    readers = "reader" if numbers.complained == 1 else "readers"
    return Tile(
        name="Complaints",
        value=percent(numbers.complained, numbers.delivered, places=2),
        note=f"{numbers.complained:,} {readers}; {words}",
        bad=rate >= COMPLAINTS_GOOD,
    )


def _summary(report: IssueReport) -> str:
    numbers = report.numbers
    if not numbers.accepted:
        return "The provider hasn’t accepted any mail yet."
    if report.in_folder:
        return f"Its {numbers.accepted:,} mails are in the outbox folder. Nobody was mailed."
    if numbers.unheard == numbers.accepted:
        return f"{numbers.accepted:,} mails were accepted; there are no events yet."
    reached = f"It reached {numbers.delivered:,} of {numbers.accepted:,} mailboxes"
    if numbers.failures_only:
        reached = f"{numbers.delivered:,} of {numbers.accepted:,} mails weren’t returned"
    if report.tracking == Tracking.OFF or not numbers.clicked_all:
        return f"{reached}."
    low, high = numbers.clicked_surely, numbers.clicked_all
    if low == high:
        return f"{reached}, and {low:,} readers clicked a link."
    return f"{reached}, and between {low:,} and {high:,} readers clicked a link."


def _row(report: IssueReport) -> list[str]:
    numbers = report.numbers
    tracked = report.tracking != Tracking.OFF
    return [
        f"{report.number}",
        report.subject.replace(" %", "\u00a0%"),
        day(report.dated),
        f"{numbers.delivered:,}",
        percent(numbers.delivered, numbers.accepted),
        f"{numbers.opened_people:,}" if tracked else "—",
        number_range(numbers.clicked_surely, numbers.clicked_all) if tracked else "—",
        f"{report.votes.turnout:,}" if report.votes.any else "—",
        f"{report.unsubscribed:,}",
        percent(numbers.complained, numbers.delivered, places=2),
    ]
