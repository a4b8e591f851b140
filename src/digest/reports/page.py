"""One self-contained page about an issue, or about all of them, to be looked at and sent on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from markupsafe import Markup

from digest.delivery.numbers import COMPLAINTS_BAD, COMPLAINTS_GOOD, Numbers
from digest.issues.models import Tracking
from digest.render.engine import fill
from digest.render.locate import folders
from digest.reports import charts
from digest.reports.charts import Chart
from digest.reports.facts import IssueReport
from digest.reports.words import day, percent, span

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
    tracked = report.tracking != Tracking.OFF
    found = report.numbers
    drawn: list[Chart | None] = [charts.funnel(found, tracked=tracked), charts.delivery(found)]
    if tracked and report.sections:
        drawn.append(charts.comparisons(report.sections))
    drawn += [
        charts.failures(found.providers),
        charts.complaints(found.providers),
        charts.growing(report.growth.weeks),
    ]
    context = {
        "report": report,
        "date": day(report.sent_at),
        "summary": _summary(report),
        "tiles": tiles(report),
        "charts": [chart for chart in drawn if chart is not None],
        "links": report.links,
        "causes": [(cause, f"{number:,}") for cause, number in found.causes.items()],
        "sources": [(name or "unknown", f"{n:,}") for name, n in report.growth.sources.items()],
        "tracking": _TRACKING[Tracking(report.tracking)],
        "heat": Markup(escape(report.heat)),  # noqa: S704 - escaped, to stand in an attribute
        "late": found.late_bounces,
    }
    return fill("issue.html", context, folders("report", folder)) + "\n"


def series_page(reports: Sequence[IssueReport], *, folder: Path | None = None) -> str:
    """Return the HTML of the report on every issue; raises `TemplateBroken`."""
    newest = reports[-1]
    context = {
        "newsletter": newest.newsletter,
        "charts": [charts.history(reports), charts.growing(newest.growth.weeks)],
        "rows": [_row(each) for each in reversed(reports)],
        "mailable": f"{newest.growth.mailable:,}",
        "summary": f"{len(reports):,} issues, {newest.growth.mailable:,} readers today.",
        "sources": [(name or "unknown", f"{n:,}") for name, n in newest.growth.sources.items()],
    }
    return fill("series.html", context, folders("report", folder)) + "\n"


def tiles(report: IssueReport) -> list[Tile]:
    """Return the numbers that come first."""
    found = report.numbers
    shown = [
        Tile(
            name="Delivered",
            value=f"{found.delivered:,}",
            note=f"{percent(found.delivered, found.accepted)} of {found.accepted:,} accepted",
        )
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


def _opened(found: Numbers) -> Tile:
    machines = f"{found.opened_machines:,} more by machines only"
    return Tile(
        name="Opened",
        value=f"{found.opened_people:,}",
        note=f"{percent(found.opened_people, found.delivered)} of delivered; {machines}",
    )


def _clicked(found: Numbers) -> Tile:
    low, high = (percent(n, found.delivered) for n in (found.clicked_surely, found.clicked_all))
    return Tile(
        name="Clicked",
        value=span(found.clicked_surely, found.clicked_all),
        note=f"{low} surely people, {high} with all machines",
    )


def _complaints(found: Numbers) -> Tile:
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
        value=f"{rate:.2%}".replace("%", "\u00a0%"),
        note=f"{found.complained:,} readers; {words}",
        bad=rate >= COMPLAINTS_GOOD,
    )


def _summary(report: IssueReport) -> str:
    found = report.numbers
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
        report.subject,
        day(report.sent_at),
        f"{found.delivered:,}",
        percent(found.delivered, found.accepted),
        f"{found.opened_people:,}" if tracked else "—",
        span(found.clicked_surely, found.clicked_all) if tracked else "—",
        f"{report.unsubscribed:,}",
        percent(found.complained, found.delivered, places=2),
    ]
