"""One self-contained page about an issue, or about all of them, to be looked at and sent on."""

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

_TRACKING = {
    Tracking.OFF: "This newsletter doesn’t learn who opens it or which links are followed.",
    Tracking.ANONYMOUS: "Opens and clicks are counted here without knowing who made them.",
    Tracking.READER: "Opens and clicks are counted for each reader; its mails say so.",
}


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A number that comes first."""

    name: str
    value: str
    note: str
    bad: bool = False


def issue_page(report: IssueReport, *, folder: Path | None = None) -> str:
    """Return the HTML of one issue's report; raises `TemplateBroken`."""
    found = report.numbers
    context = {
        "report": report,
        "date": day(report.sent_at),
        "summary": _summary(report),
        "tiles": tiles(report),
        "charts": [chart for chart in _charts(report) if chart is not None],
        "editions": report.editions if len(report.editions) > 1 else (),
        "links": report.links,
        "causes": [(cause, f"{number:,}") for cause, number in found.causes.items()],
        "tracking": _TRACKING[Tracking(report.tracking)],
        "heat": Markup(report.heat),  # noqa: S704 - of our own mail, and nothing in it acts
        "late": found.late_bounces,
    }
    return fill("issue.html", context, template_folders("report", folder)) + "\n"


def _charts(report: IssueReport) -> Iterator[Chart | None]:
    tracked = report.tracking != Tracking.OFF
    found = report.numbers
    if found.accepted:
        yield charts.funnel(found, tracked=tracked)
        yield charts.delivery(found)
        if tracked and report.sections:
            yield charts.comparisons(report.sections)
        yield charts.failures(found.providers)
    if found.delivered:
        yield charts.complaints(found.providers)
    yield charts.growing(report.growth)
    yield charts.sources(report.growth)


def series_page(reports: Sequence[IssueReport], *, folder: Path | None = None) -> str:
    """Return the HTML of the report on every issue; raises `TemplateBroken`."""
    newest = reports[-1]
    growth = newest.growth
    drawn = [charts.history(reports), charts.growing(growth), charts.sources(growth)]
    issues = "One issue" if len(reports) == 1 else f"{len(reports):,} issues"
    context = {
        "newsletter": newest.newsletter,
        "charts": [chart for chart in drawn if chart is not None],
        "rows": [_row(each) for each in reversed(reports)],
        "summary": f"{issues}, {growth.mailable:,} readers today.",
    }
    return fill("series.html", context, template_folders("report", folder)) + "\n"


def tiles(report: IssueReport) -> list[Tile]:
    """Return the numbers that come first."""
    found = report.numbers
    shown = [
        Tile(
            name="Delivered",
            value=f"{found.delivered:,}",
            note=f"{percent(found.delivered, found.accepted)} of {found.accepted:,} accepted",
        ),
        Tile(name="Not delivered", value=f"{failed(found):,}", note=_failed(found)),
    ]
    if report.tracking != Tracking.OFF:
        shown += [_opened(found), _clicked(found)]
    shown += [
        Tile(
            name="Unsubscribed",
            value=f"{report.unsubscribed:,}",
            note=f"{percent(report.unsubscribed, found.delivered)} of delivered, by any way",
        ),
        _complaints(found),
    ]
    return shown


def failed(found: EditionStatistics) -> int:
    """Count accepted mails that are not known to be delivered."""
    return found.accepted - found.delivered


def _failed(found: EditionStatistics) -> str:
    parts = (
        (found.deferred, "deferred"),
        (found.blocked, "blocked"),
        (found.bounced, "bounced"),
        (found.dropped, "dropped"),
        (found.unheard, "without news yet"),
    )
    said = ", ".join(f"{number:,} {name}" for number, name in parts if number)
    return said or "nothing failed" if found.accepted else "nothing was accepted yet"


def _opened(found: EditionStatistics) -> Tile:
    machines = f"{found.opened_machines:,} more by machines only"
    return Tile(
        name="Opened",
        value=f"{found.opened_people:,}",
        note=f"{percent(found.opened_people, found.delivered)} of delivered; {machines}",
    )


def _clicked(found: EditionStatistics) -> Tile:
    low, high = (percent(n, found.delivered) for n in (found.clicked_surely, found.clicked_all))
    return Tile(
        name="Clicked",
        value=number_range(found.clicked_surely, found.clicked_all),
        note=f"{low} surely people, {high} with all machines",
    )


def _complaints(found: EditionStatistics) -> Tile:
    rate = found.complaint_rate
    if rate is None:
        return Tile(name="Complaints", value="—", note="nothing was delivered yet")
    if rate >= COMPLAINTS_BAD:
        words = "over 0.3 %: mailbox providers begin to refuse"
    elif rate >= COMPLAINTS_GOOD:
        words = "over 0.1 %, the line to stay below"
    else:
        words = "below 0.1 %, as it should be"
    return Tile(
        name="Complaints",
        value=percent(found.complained, found.delivered, places=2),
        note=f"{found.complained:,} {'reader' if found.complained == 1 else 'readers'}; {words}",
        bad=rate >= COMPLAINTS_GOOD,
    )


def _summary(report: IssueReport) -> str:
    found = report.numbers
    if not found.accepted:
        return "The provider has accepted nothing of it yet."
    reached = f"It reached {found.delivered:,} of {found.accepted:,} mailboxes"
    if report.tracking == Tracking.OFF or not found.clicked_all:
        return f"{reached}."
    low, high = found.clicked_surely, found.clicked_all
    if low == high:
        return f"{reached}, and {low:,} readers followed a link."
    return f"{reached}, and between {low:,} and {high:,} readers followed a link."


def _row(report: IssueReport) -> list[str]:
    found = report.numbers
    tracked = report.tracking != Tracking.OFF
    return [
        f"{report.number}",
        report.subject.replace(" %", "\u00a0%"),
        day(report.sent_at),
        f"{found.delivered:,}",
        percent(found.delivered, found.accepted),
        f"{found.opened_people:,}" if tracked else "—",
        number_range(found.clicked_surely, found.clicked_all) if tracked else "—",
        f"{report.unsubscribed:,}",
        percent(found.complained, found.delivered, places=2),
    ]
