"""Reports on issues, for people: numbers gathered, drawn as charts, and laid out as pages.

`report_data` gathers the numbers of one issue from the delivery statistics and the subscriber
list, once, for every form of output; `heatmap` finds where each link stands in the mail and
colours it. `charts` turns the numbers into charts (a sentence, a table, a picture), and `vega`
draws each picture as SVG. `report_page` fills the HTML page with tiles and charts, `csv_export`
writes the same numbers as CSV, and `formatting` writes shares, ranges and dates for all of them.
`vote_sentences` says in words what readers voted, here and wherever editors are told.
"""

from digest.reports.csv_export import as_csv
from digest.reports.formatting import day, number_range, percent
from digest.reports.report_data import (
    STANDINGS,
    EditionRow,
    IssueReport,
    IssueVotes,
    LinkRow,
    SectionRow,
    report,
    votes_on,
)
from digest.reports.report_page import issue_page
from digest.reports.vega import renderer
from digest.reports.vote_sentences import (
    held_words,
    interval_words,
    published_words,
    scan_words,
    share_words,
    turnout_words,
)

__all__ = [
    "STANDINGS",
    "EditionRow",
    "IssueReport",
    "IssueVotes",
    "LinkRow",
    "SectionRow",
    "as_csv",
    "day",
    "held_words",
    "interval_words",
    "issue_page",
    "number_range",
    "percent",
    "published_words",
    "renderer",
    "report",
    "scan_words",
    "share_words",
    "turnout_words",
    "votes_on",
]
