"""A report as CSV: one number a row, so that rows can be filtered, and no cell a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from digest.delivery.reporting import EditionStatistics
from digest.reports.report_data import STANDINGS, IssueReport, IssueVotes

HEAD = ("newsletter", "issue", "period", "subject", "part", "name", "measure", "value")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TOTALS = (
    "accepted", "delivered", "deferred", "bounced", "blocked", "dropped", "complained", "left",
    "unheard", "late_bounces", "opened_people", "opened_machines", "clicked_surely", "clicked_all",
    "clicks_surely", "clicks_all",
)  # fmt: skip


def as_csv(reports: Sequence[IssueReport]) -> str:
    """Return every number of the reports as CSV, one a row, below a header row."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for report in reports:
        first = (report.newsletter, str(report.number), report.period, report.subject)
        writer.writerows([_safe(cell) for cell in (*first, *row)] for row in _rows(report))
    return out.getvalue()


def _rows(report: IssueReport) -> Iterator[tuple[str, str, str, str]]:
    numbers: EditionStatistics = report.numbers
    yield from _measure_rows("total", "", _TOTALS, numbers)
    yield "total", "", "unsubscribed", str(report.unsubscribed)
    for edition in report.editions:
        name = f"{edition.slice}, revision {edition.revision}"
        yield from _measure_rows("edition", name, STANDINGS, edition)
    for provider in numbers.providers:
        yield from _measure_rows("provider", provider.name, STANDINGS, provider)
    for section in report.sections:
        yield from _measure_rows("comparison", section.title, ("surely", "readers"), section)
    for link in report.links:
        yield from _measure_rows("link", link.url, ("surely", "readers", "clicks"), link)
    yield from _votes(report.votes)
    for cause, number in numbers.causes.items():
        yield "cause", cause, "readers", str(number)
    for minute, number in numbers.timeline:
        yield "timeline", str(minute * 60), "delivered", str(number)


def _votes(votes: IssueVotes) -> Iterator[tuple[str, str, str, str]]:
    yield "total", "", "turnout", str(votes.turnout)
    for comparison in votes.comparisons:
        yield from _measure_rows(
            "comparison", comparison.title, ("turnout", "taken_back"), comparison
        )
        for tool in comparison.tools:
            name = f"{comparison.title}: {tool.name}"
            yield from _measure_rows("tool", name, ("ships", "skips"), tool.count)
            if tool.panel_share is not None:
                yield "tool", name, "panel_share", str(tool.panel_share)
            for day, total in tool.history:
                yield from _measure_rows("day", f"{day}, {name}", ("ships", "skips"), total)
    for reason, number in votes.held.items():
        yield "held", reason.value, "votes", str(number)
    for sign, number in votes.scans.signs.items():
        yield "scanned", sign.value, "copies", str(number)


def _measure_rows(
    part: str, name: str, measures: Sequence[str], of: object
) -> Iterator[tuple[str, str, str, str]]:
    for measure in measures:
        yield part, name, measure, str(getattr(of, measure))


def _safe(cell: str) -> str:
    """Return *cell* with a quote in front where a spreadsheet would read it as a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not cell.lstrip("-").isdigit() else cell
