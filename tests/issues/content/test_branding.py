"""UTM tags: on links to what an issue is about, with all else of them unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from digest.delivery.reporting.statistics import LinkStatistics
from digest.issues.content import IssueView, SponsorView
from digest.issues.content.branding import branded, tagged
from digest.render.engine import render
from digest.render.lint import lint_mail, read_html
from digest.reports.heatmap import heat_map, link_positions
from digest.reports.report_data import link_rows
from tests.render.samples import (
    make_contender,
    make_copy,
    make_issue,
    make_newsletter,
    make_revision,
)

TAGS = {"utm_source": "weekly", "utm_medium": "email", "utm_campaign": "no-12"}
QUERY = "utm_source=weekly&utm_medium=email&utm_campaign=no-12"
TOOL = "https://lathe.example/start?plan=a%20b&x#price"


@pytest.mark.parametrize(
    ("url", "with_tags"),
    [
        ("https://a.example", f"https://a.example?{QUERY}"),
        ("https://a.example/x/", f"https://a.example/x/?{QUERY}"),
        (TOOL, f"https://lathe.example/start?plan=a%20b&x&{QUERY}#price"),
        ("https://a.example/?a=1&", f"https://a.example/?a=1&{QUERY}"),
        ("https://a.example/#top", f"https://a.example/?{QUERY}#top"),
    ],
)
def test_the_query_and_the_fragment_of_a_link_stay(url: str, with_tags: str) -> None:
    assert tagged(url, TAGS) == with_tags


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/?utm_source=partner",
        "https://a.example/?a=1&UTM_campaign=",
        "https://a.example/" + "a" * 690,
        "",
    ],
)
def test_a_link_with_tags_of_its_own_or_without_room_stays_as_it_is(url: str) -> None:
    assert tagged(url, TAGS) == url


def an_issue() -> IssueView:
    """Return an issue whose tools and whose sponsor have pages of their own."""
    left, right = make_contender(0, "Lathe", url=TOOL), make_contender(1, "Mortar")
    view = make_issue(make_revision(left, right))
    sponsor = SponsorView(name="Bellows", text="Air.", url="https://bellows.example/")
    return replace(view, sponsor=sponsor)


def mailed(*, utm: bool) -> IssueView:
    newsletter = make_newsletter()
    newsletter.utm = utm
    return branded(an_issue(), newsletter, None)


def test_without_the_setting_no_link_is_touched() -> None:
    assert mailed(utm=False) == an_issue()


def test_a_comparison_its_tools_and_the_sponsor_are_tagged() -> None:
    [comparison] = mailed(utm=True).comparisons
    assert comparison.url == f"https://news.example.com/comparisons/lathe-vs-mortar?{QUERY}"
    assert [each.url for each in comparison.contenders] == [tagged(TOOL, TAGS), None]
    sponsor = mailed(utm=True).sponsor
    assert sponsor is not None
    assert sponsor.url == f"https://bellows.example/?{QUERY}"


def test_a_readers_own_links_and_the_web_copy_are_not_tagged_and_every_check_passes() -> None:
    view = mailed(utm=True)
    mail = render("issue", {"issue": view})
    links = [tag.get("href") or "" for tag in read_html(mail.html).named("a")]
    of_the_mail = (view.web_url, view.unsubscribe_url, view.preferences_url)
    assert set(of_the_mail) <= set(links)
    assert {f"{view.comparisons[0].url}", f"{view.sponsor and view.sponsor.url}"} <= set(links)
    assert view.comparisons[0].url in mail.text
    assert lint_mail(make_copy(view, mail)) == []


def test_clicks_on_tagged_links_are_found_in_the_heat_map_and_the_report() -> None:
    view = mailed(utm=True)
    html = render("issue", {"issue": view}).html
    clicked = LinkStatistics(url=view.comparisons[0].url, surely=3, readers=5, clicks=8)
    [row] = link_rows(link_positions(html), [clicked])
    assert row.section != row.words != clicked.url
    assert f'title="{clicked.url.replace("&", "&amp;")}"' in heat_map(html, [clicked])
