"""Reports of issues: numbers, charts, heat map and CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from digest.delivery.reporting.provider_statistics import ProviderStatistics
from digest.delivery.reporting.statistics import EditionStatistics, LinkStatistics
from digest.issues.models import Tracking
from digest.reports import charts
from digest.reports.csv_export import as_csv
from digest.reports.formatting import day, number_range, percent, source_words
from digest.reports.heatmap import heat_map, link_positions
from digest.reports.report_data import (
    ELSEWHERE,
    EditionRow,
    IssueReport,
    IssueVotes,
    SectionRow,
    link_rows,
    section_rows,
)
from digest.reports.report_page import all_issues_page, issue_page, tiles
from digest.votes import (
    HeldReason,
    ScanNumbers,
    ScanSign,
    ToolNumbers,
    VoteCount,
    VoteNumbers,
    VotesOnDay,
)
from subscribers.list_statistics import AudienceCounts, WeeklyGrowth

MAIL = (
    "<html><head></head><body><a href='https://n.example/view'>View</a>"
    '<h2>Ant <em>vs</em> Bee</h2><a href="https://n.example/1" style="color:red">Read all</a>'
    '<h2>Cat vs Dog</h2><a href="https://n.example/2?a=1&amp;b=2">Read <b>more</b></a>'
    '<a href="mailto:x@example.org">Mail</a></body></html>'
)
LINKS = (
    LinkStatistics(url="https://n.example/1", surely=20, readers=30, clicks=40),
    LinkStatistics(url="https://n.example/2?a=1&b=2", surely=5, readers=5, clicks=6),
)


def a_report(**own: Any) -> IssueReport:
    numbers = EditionStatistics(
        accepted=1000,
        delivered=980,
        blocked=12,
        bounced=8,
        complained=2,
        opened_people=400,
        opened_machines=200,
        clicked_surely=25,
        clicked_all=35,
        links=LINKS,
        causes={"<Invalid> Address": 8},
        providers=(
            ProviderStatistics(name="Gmail", accepted=600, delivered=590, blocked=10, complained=2),
            ProviderStatistics(
                name="Other domains", accepted=400, delivered=390, bounced=8, blocked=2
            ),
        ),
        timeline=((29_925_180, 500), (29_925_181, 400), (29_925_190, 80)),
    )
    growth = AudienceCounts(
        newsletter="weekly",
        total=1000,
        mailable=990,
        standings={},
        excluded={},
        sources={"form": 600, "": 400},
        weeks=[
            WeeklyGrowth(week=f"2026-W{n}", asked=9, joined=8, left=n % 3) for n in range(37, 49)
        ],
        stopped={},
        let_in=0,
    )
    given: dict[str, Any] = {
        "newsletter": "Weekly <Verdicts>",
        "number": 7,
        "period": "2026-W48",
        "subject": "Ant & Bee, 75 % zu 50 %",
        "sent_at": datetime(2026, 11, 24, 9, tzinfo=UTC),
        "dated": date(2026, 11, 24),
        "tracking": Tracking.READER,
        "numbers": numbers,
        "sections": (SectionRow(title="Ant vs Bee", surely=20, readers=30),),
        "links": link_rows(link_positions(MAIL), LINKS),
        "unsubscribed": 3,
        "growth": growth,
        "heat": heat_map(MAIL, LINKS),
    }
    return IssueReport(**{**given, **own})


def an_edition(revision: int) -> EditionRow:
    return EditionRow(
        slice="everyone", revision=revision, language="en", fingerprint="f" * 12, accepted=10,
        delivered=7, deferred=0, blocked=1, bounced=1, dropped=1, complained=0,
    )  # fmt: skip


def some_votes() -> IssueVotes:
    """Votes on two comparisons; nobody has voted on the second."""
    day_by_day = [
        VotesOnDay(date(2026, 11, 24), VoteCount(3, 1)),
        VotesOnDay(date(2026, 11, 25), VoteCount(8, 2)),
    ]
    ant = ToolNumbers(
        tool="ant", name="<Ant>", count=VoteCount(8, 2), panel_share=75, community_share=None,
        history=day_by_day,
    )  # fmt: skip
    bee = replace(ant, tool="bee", name="Bee", count=VoteCount(), panel_share=None, history=[])
    voted = VoteNumbers(
        slug="ant-vs-bee", title="Ant vs Bee", since=date(2026, 11, 24), turnout=10,
        tools=(ant, replace(bee, history=[VotesOnDay(at, VoteCount()) for at, _ in day_by_day])),
        held={HeldReason.SCANNER: 2}, taken_back=1,
    )  # fmt: skip
    silent = VoteNumbers(
        slug="bee-vs-cat", title="Bee vs Cat", since=None, turnout=0, tools=(bee, bee), held={},
        taken_back=0,
    )  # fmt: skip
    scans = ScanNumbers(signs={ScanSign.BURST: 3}, pressed=2)
    return IssueVotes(turnout=9, comparisons=(voted, silent), scans=scans)


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def test_a_links_place_is_the_heading_above_it() -> None:
    assert [(p.words, p.section) for p in link_positions(MAIL)] == [
        ("View", ""),
        ("Read all", "Ant vs Bee"),
        ("Read more", "Cat vs Dog"),
    ]


def test_links_are_reported_by_their_words_the_most_followed_first() -> None:
    unknown = LinkStatistics(url="https://else.example/", surely=0, readers=1, clicks=1)
    rows = link_rows(link_positions(MAIL), [unknown, *reversed(LINKS)])
    assert [(row.words, row.section, row.readers) for row in rows] == [
        ("Read all", "Ant vs Bee", 30),
        ("Read more", "Cat vs Dog", 5),
        ("https://else.example/", ELSEWHERE, 1),
    ]


def test_a_comparison_nobody_followed_is_shown_with_zero() -> None:
    rows = section_rows(link_positions(MAIL), link_rows(link_positions(MAIL), LINKS[:1]))
    assert [(row.title, row.readers) for row in rows] == [("Ant vs Bee", 30), ("Cat vs Dog", 0)]


def test_the_heat_map_counts_beside_links_and_leads_nowhere() -> None:
    heat = heat_map(MAIL, LINKS)
    assert "20 to 30" in heat
    assert heat.count("data-heat>") == 2
    assert "--h:0.62;color:red" in heat
    assert "href=" not in heat


@pytest.mark.parametrize(
    "inside",
    ["<script>1</script>", "<p onclick=x>", "</template>", "<iframe src=x></iframe>", "<form>"],
)
def test_a_mail_with_anything_active_has_no_heat_map(inside: str) -> None:
    assert heat_map(MAIL.replace("</body>", f"{inside}</body>"), LINKS) == ""


def test_the_heat_map_keeps_the_mails_styles_to_itself_and_loads_nothing() -> None:
    mail = (
        "<html><head><style>:root{color:red} @import url(https://e.example/f.css);"
        ' body, .page{margin:0}</style></head><body class="page" style="color:blue;'
        'background:url(https://e.example/b.png)"><!--[if mso]><table><![endif]-->'
        '<img alt="Ant" src="https://e.example/a.png" srcset="b.png 2x">'
        "<p>body text with an href = sign</p></body></html>"
    )
    heat = heat_map(mail, LINKS)
    assert ":host{color:red}" in heat
    assert ".digest-body, .page{margin:0}" in heat
    assert "e.example" not in heat
    assert "srcset" not in heat
    assert "mso" not in heat
    assert "body text with an href = sign" in heat


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = issue_page(a_report())
    tags = _Tags(page)
    assert tags.of("script") == tags.of("img") == tags.of("object") == []
    assert [link["href"] for link in tags.of("link")] == ["data:,"]
    assert not re.findall(r"(?:src|href|url\()=?[\"']?https?:", page)
    [policy] = [m["content"] for m in tags.of("meta") if m.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_every_chart_has_words_and_a_table() -> None:
    tags = _Tags(issue_page(a_report()))
    drawn = tags.of("svg")
    assert len(drawn) == 2 * 7
    assert all(each["role"] == "img" and each["aria-labelledby"] for each in drawn)
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert len(tags.of("details")) == 7


def test_votes_are_drawn_beside_the_panel_and_day_by_day() -> None:
    page = issue_page(a_report(votes=some_votes()))
    tags = _Tags(page)
    assert len(tags.of("svg")) == 2 * 9
    assert "<td>80%</td><td>49–94%</td><td>10</td>" in page
    assert '<th scope="row">&lt;Ant&gt;</th><td>25 November 2026</td><td>80%</td>' in page
    assert re.search(r"<dt>Voted</dt><dd[^>]*>9</dd><dd[^>]*>0.9% of delivered", page)
    assert '<th scope="row">Pressed by scanners</th><td>2</td>' in page
    assert "3 copies (several links at once: 3). They pressed the button in 2." in page


def test_without_votes_a_sentence_says_so_and_no_more() -> None:
    page = issue_page(a_report())
    assert "Nobody has voted on its comparisons yet." in page
    assert "Panel and readers" not in page
    assert "counted</h2>" not in page
    assert "Voted" not in page


def test_votes_of_a_single_day_have_no_course() -> None:
    [voted, _] = some_votes().comparisons
    short = replace(voted, tools=[replace(tool, history=tool.history[:1]) for tool in voted.tools])
    assert charts.votes_over_time([short]) is None


def test_the_sheet_has_each_vote_number_in_a_row() -> None:
    rows = csv.DictReader(io.StringIO(as_csv([a_report(votes=some_votes())])))
    found = {(r["part"], r["name"], r["measure"]): r["value"] for r in rows}
    assert found["total", "", "turnout"] == "9"
    assert found["tool", "Ant vs Bee: <Ant>", "ships"] == "8"
    assert found["day", "2026-11-24, Ant vs Bee: <Ant>", "skips"] == "1"
    assert found["held", "scanner", "votes"] == "2"
    assert found["scanned", "burst", "copies"] == "3"


def test_every_issue_s_row_says_how_many_voted() -> None:
    assert "<td>9</td>" in all_issues_page([a_report(votes=some_votes())])


def test_charts_take_their_colours_from_the_page() -> None:
    chart = charts.comparisons(a_report().sections)
    assert "var(--mark)" in chart.svg
    assert not re.search(r'(?:fill|stroke)="#[0-9a-f]{3,6}"', chart.svg)


def test_what_came_from_outside_is_shown_as_text() -> None:
    page = issue_page(a_report())
    assert "Weekly &lt;Verdicts&gt;" in page
    assert "&lt;Invalid&gt; Address" in page
    assert "<Invalid>" not in page


def test_the_mail_is_shown_whole_with_its_styles_apart_from_the_pages() -> None:
    page = issue_page(a_report())
    [root] = _Tags(page).of("template")
    assert root["shadowrootmode"] == "open"
    inside = page.partition("<template")[2].partition("</template>")[0]
    assert "20 to 30" in inside
    assert "Cat vs Dog" in inside


def test_without_tracking_nothing_is_said_of_opens_and_clicks() -> None:
    page = issue_page(a_report(tracking=Tracking.OFF, links=(), heat=""))
    shown = [tile.name for tile in tiles(a_report(tracking=Tracking.OFF))]
    assert shown == ["Delivered", "Not delivered", "Unsubscribed", "Complaints"]
    assert "doesn’t track opens or clicks" in page
    assert "<dt>Opened" not in page


@pytest.mark.parametrize(
    ("complained", "bad", "words"),
    [(0, False, "as it should be"), (1, True, "Gmail’s first limit"), (3, True, "reject")],
)
def test_complaints_stand_beside_the_lines_that_matter(
    complained: int, bad: bool, words: str
) -> None:
    tile = tiles(
        a_report(numbers=EditionStatistics(accepted=1000, delivered=1000, complained=complained))
    )[-1]
    assert (tile.bad, words in tile.note) == (bad, True)


def test_D4_what_has_no_news_yet_is_not_called_undelivered() -> None:
    empty = a_report(numbers=EditionStatistics(accepted=10), sections=(), links=(), heat="")
    assert "10 mails were accepted; there are no events yet" in issue_page(empty)
    shown = {tile.name: (tile.value, tile.note) for tile in tiles(empty)}
    assert shown["Not delivered"] == ("0", "no events yet")
    assert shown["No event yet"][0] == "10"


def test_a_mail_server_s_mail_is_said_not_to_be_returned_and_no_more() -> None:
    sent = EditionStatistics(accepted=10, delivered=9, bounced=1, failures_only=True)
    report = a_report(numbers=sent, sections=(), links=(), heat="")
    assert "9 of 10 mails weren’t returned." in issue_page(report)
    shown = {tile.name: tile.note for tile in tiles(report)}
    assert (
        shown["Not returned"]
        == "90.0% of 10 accepted; the mail server reports only what it returns"
    )
    assert "Delivered" not in shown


def test_copies_in_a_folder_are_said_to_have_reached_nobody() -> None:
    page = issue_page(replace(a_report(), in_folder=True))
    assert "in the outbox folder. Nobody was mailed." in page


def test_D27_no_chart_of_one_bar_and_no_machines_where_nothing_is_tracked() -> None:
    one = replace(a_report().numbers, providers=a_report().numbers.providers[:1])
    page = issue_page(a_report(numbers=one, tracking=Tracking.OFF, links=(), heat=""))
    assert "by mailbox provider</h2>" not in page
    assert "machines" not in page


def test_of_an_issue_that_nobody_took_yet_no_empty_charts_are_drawn() -> None:
    empty = a_report(numbers=EditionStatistics(), sections=(), links=(), heat="")
    page = issue_page(empty)
    assert "hasn’t accepted any mail yet" in page
    assert "<h2>From accepted" not in page
    assert tiles(empty)[1].note == "no events yet"


def test_what_was_accepted_adds_up() -> None:
    found = a_report().numbers
    parts = found.delivered + found.deferred + found.blocked + found.bounced + found.dropped
    assert parts + found.unheard == found.accepted
    tile = tiles(a_report())[1]
    assert (tile.name, tile.value, tile.note) == ("Not delivered", "20", "12 blocked, 8 bounced")


def test_bars_carry_their_numbers() -> None:
    providers = a_report().numbers.providers
    assert "1.7% (10)" in charts.failures(providers).svg
    complained = charts.complaints(providers).svg
    assert "0.34% (2)" in complained
    assert "0.3%: never reach" in complained


def test_a_young_lists_growth_begins_where_it_began() -> None:
    young = a_report().growth
    weeks = [WeeklyGrowth(week=f"2026-W{n}", asked=0, joined=0, left=0) for n in range(37, 48)]
    young = replace(young, weeks=[*weeks, WeeklyGrowth(week="2026-W48", asked=0, joined=9, left=0)])
    assert charts.growing(young).rows[0][0] == "2026-W45"
    assert len(charts.growing(a_report().growth).rows) == 12


def test_sources_are_reported_in_words() -> None:
    chart = charts.sources(a_report().growth)
    assert chart is not None
    assert chart.rows == [("Form “form”", "600"), ("Unknown", "400")]
    one = replace(a_report().growth, sources={"import (plain)": 5})
    assert charts.sources(one) is None
    assert "All came by one way: imported list." in charts.growing(one).says
    assert source_words("import (kit)") == "Imported list (kit)"


def test_an_issue_of_several_editions_has_each() -> None:
    rows = [an_edition(1), an_edition(2)]
    assert "revision 2" in issue_page(a_report(editions=rows))
    assert "revision 1" not in issue_page(a_report(editions=rows[:1]))
    sheet = list(csv.DictReader(io.StringIO(as_csv([a_report(editions=rows[:1])]))))
    assert any(row["part"] == "edition" and row["measure"] == "blocked" for row in sheet)


def test_every_issue_stands_on_one_page() -> None:
    page = all_issues_page([a_report(number=6), a_report()])
    assert page.index('<th scope="row">7<') < page.index('<th scope="row">6<')
    assert "2 issues, 990 readers today." in page


def test_the_sheet_has_a_fact_a_row_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([a_report(subject="=1+1")]))))
    assert {row["subject"] for row in rows} == {"'=1+1"}
    found = {(r["part"], r["name"], r["measure"]): r["value"] for r in rows}
    assert found["total", "", "clicked_surely"] == "25"
    assert found["provider", "Gmail", "blocked"] == "10"
    assert found["timeline", "1795510800", "delivered"] == "500"


def test_facts_are_plain_values() -> None:
    facts = a_report().as_dict()
    assert facts["numbers"]["clicked_all"] == 35
    assert facts["sent_at"] == "2026-11-24T09:00:00+00:00"
    assert "heat" not in facts


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 0, "—"),
        (0, 9, "0%"),
        (9, 9, "100%"),
        (1, 8, "12.5%"),
        (1, 100_000, "0.1%"),
        (99_999, 100_000, "99.9%"),
    ],
)
def test_a_share_is_never_rounded_to_nothing_or_all(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words.replace(" ", "\u00a0")


def test_ranges_and_days_read_as_people_write_them() -> None:
    assert (number_range(1200, 1200), number_range(1200, 3400)) == ("1,200", "1,200 to 3,400")
    assert day(date(2026, 1, 2)) == "2 January 2026"
