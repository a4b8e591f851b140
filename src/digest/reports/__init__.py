"""What became of issues, for people: numbers gathered, drawn, and set as pages and tables."""

from digest.reports.csv_export import as_csv
from digest.reports.formatting import day, number_range, percent
from digest.reports.report_data import STANDINGS, IssueReport, report
from digest.reports.report_page import issue_page
from digest.reports.vega import renderer

__all__ = [
    "STANDINGS",
    "IssueReport",
    "as_csv",
    "day",
    "issue_page",
    "number_range",
    "percent",
    "renderer",
    "report",
]
