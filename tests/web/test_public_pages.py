"""The public pages: the front page, comparisons, and when each becomes visible."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from digest.comparisons import editorial
from digest.comparisons.models import Comparison, Revision
from digest.issues.models import Issue, Newsletter
from tests.conftest import NOW
from tests.web.conftest import SLUG, MakeSite, Running
from tests.web.voter import link


def slugs(site: Running) -> list[str]:
    with site.app.database.read() as session:
        return list(session.exec(select(Comparison.slug).order_by(col(Comparison.slug))))


def publish_on(site: Running, slug: str, day: date) -> None:
    with site.app.database.write() as session:
        editorial.set_values(
            session, slug, weight=None, published_on=day, category=None, now=site.clock()
        )


def test_the_front_page_says_what_comes_and_when_and_shows_the_latest(site: Running) -> None:
    page = site.get("/").text

    assert '<h1 class="large">Weekly AI Tool Verdicts</h1>' in page
    assert "Two AI tools, four reviewers, one verdict, every week." in page
    assert "By email every Tuesday." in page
    assert 'href="/issues/weekly/2"' in page
    assert '<form method="post" action="/subscribe">' in page


def test_the_front_page_leads_to_what_the_latest_issue_carries(site: Running) -> None:
    links = re.findall(r'href="(/comparisons/[^".]+)"', site.get("/").text)

    assert len(links) == 4
    assert all(site.get(link).status_code == 200 for link in links)


def test_the_front_page_does_without_an_issue(site: Running) -> None:
    with site.app.database.write() as session:
        session.connection().execute(update(Issue).values(prepared_at=None))

    page = site.get("/")

    assert page.status_code == 200
    assert "The first issue isn’t out yet" in page.text
    assert '<a href="/comparisons">All comparisons</a> <a href="/tools">' in page.text


def test_nothing_is_promised_of_a_newsletter_without_a_schedule(site: Running) -> None:
    with site.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(scheduled=False))

    assert "Tuesday" not in site.get("/").text


def test_every_comparison_has_a_page_with_every_verdict(site: Running) -> None:
    site.clock.advance(days=60)
    for slug in slugs(site):
        page = site.get(f"/comparisons/{slug}")
        with site.app.database.read() as session:
            revision = session.exec(
                select(Revision).join(Comparison).where(Comparison.slug == slug)
            ).one()
            said = [v for side in revision.contenders for v in side.verdicts if v.quote.strip()]
        assert page.status_code == 200
        assert page.text.count("<blockquote") == len(said)


@pytest.mark.parametrize("path", ["/", "/../secret", "/%2e%2e/%2e%2e/etc/passwd", "/a%00b"])
def test_a_comparison_nobody_knows_is_not_there(site: Running, path: str) -> None:
    assert site.get(f"/comparisons{path}").status_code == 404


def test_a_comparison_is_there_when_its_day_has_come_anywhere(site: Running) -> None:
    slug = "kotoba-kobo-vs-lexicart"
    publish_on(site, SLUG, date(2026, 11, 25))
    publish_on(site, slug, date(2026, 11, 24))
    with site.app.database.write() as session:  # as if no issue had carried them
        session.connection().execute(update(Issue).values(prepared_at=None))

    assert site.get(f"/comparisons/{slug}").status_code == 200
    assert site.get(f"/comparisons/{SLUG}").status_code == 404
    site.clock.advance(hours=1)  # 10:00 in London is midnight on Kiritimati
    assert site.get(f"/comparisons/{SLUG}").status_code == 200


def test_a_comparison_that_was_sent_out_is_there_before_its_day(site: Running) -> None:
    links = re.findall(r'href="/comparisons/([^".]+)"', site.get("/").text)
    publish_on(site, links[0], date(2027, 6, 1))

    assert site.get(f"/comparisons/{links[0]}").status_code == 200


def test_a_comparison_says_where_it_was_published_first(site: Running) -> None:
    page = site.get(f"/comparisons/{SLUG}").text

    assert f'<a href="https://example.com/comparisons/{SLUG}">' in page
    assert "Published on 27 October 2026." in page


@pytest.mark.parametrize(
    "path", ["/", "/issues/weekly", "/issues/weekly/2", f"/comparisons/{SLUG}"]
)
def test_a_page_of_the_site_names_its_own_canonical_address(site: Running, path: str) -> None:
    canonical = f'<link rel="canonical" href="https://news.example.com{path}">'

    assert canonical in site.get(path).text


def test_the_same_list_under_another_address_names_the_first(site: Running) -> None:
    for path in ("/issues", "/issues/", "/issues/weekly/"):
        assert 'canonical" href="https://news.example.com/issues/weekly">' in site.get(path).text


def test_a_page_for_one_visitor_has_no_canonical_address(site: Running) -> None:
    for path in ("/subscribe", "/own-links", "/nothing"):
        assert "canonical" not in site.get(path).text


def test_pages_need_nothing_from_anywhere_else(site: Running) -> None:
    for path in ("/", "/issues", "/issues/weekly/1", f"/comparisons/{SLUG}", "/subscribe"):
        page = site.get(path).text
        needed = re.findall(r'(?:src|<link[^>]*(?:stylesheet|icon)[^>]*href)="([^"]*)"', page)
        assert needed
        assert all(one.startswith("/") for one in needed)
        assert not re.search(r"<script(?! type=\"application/ld)|\sstyle=|\son\w+=", page)


def test_every_page_is_light_with_all_that_it_asks_for(site: Running) -> None:
    pages = ["/", "/issues", "/issues/weekly/1", "/subscribe", "/own-links"]
    pages += ["/comparisons", "/categories", "/tools", "/tools/ravelin-coder-2"]
    pages += [link(site), *(f"/comparisons/{slug}" for slug in slugs(site))]
    files: dict[str, int] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for path in pages:
        page = site.get(path)
        needed = re.findall(r'<link rel="(?:stylesheet|icon)" href="([^"]*)"', page.text)
        assert len(needed) >= 2
        files |= {one: len(site.get(one).content) for one in needed if one not in files}
        with_main_style = len(page.content) + files["/style.css"] + files["/icon.svg"]
        sizes[path] = (with_main_style, len(page.content) + sum(files[one] for one in needed))

    heavy = {path: size for path, size in sizes.items() if size[0] >= 20_000 or size[1] >= 24_000}
    assert heavy == {}


def test_a_style_sheet_of_ones_own_is_used(make_running: MakeSite, tmp_path: Path) -> None:
    (tmp_path / "templates/web").mkdir(parents=True)
    (tmp_path / "templates/web/style.css").write_text("p { color: red }")
    site = make_running()

    assert site.get("/style.css").text == "p { color: red }"


def test_a_german_newsletter_s_pages_speak_german(site: Running) -> None:
    with site.app.database.write() as session:
        session.connection().execute(update(Newsletter).values(language="de"))

    paths = ("/", "/issues", "/issues/weekly/2", f"/comparisons/{SLUG}")
    home, archive, issue, comparison = told = [site.get(path).text for path in paths]

    assert "Kommt jeden Dienstag per E-Mail." in home
    assert "<h1>Alle Ausgaben</h1>" in archive
    assert "Nr. 2, 17. November 2026" in issue
    assert "Was die Jury sagt" in comparison
    assert [page for page in told if '<html lang="de">' not in page] == []
    assert [page for page in told if "E-Mail-Adresse" not in page] == []


def test_the_page_the_archive_s_copies_lead_to_explains_itself(site: Running) -> None:
    assert "in your own email" in site.get("/own-links").text

    german = site.get("/own-links", headers={"Accept-Language": "de"})
    assert "in Ihrer eigenen E-Mail" in german.text
    assert german.headers["vary"] == "Accept-Language"


def test_what_others_wrote_runs_the_way_of_its_own_script(site: Running) -> None:
    page = site.get(f"/comparisons/{SLUG}").text

    assert page.count('<blockquote dir="auto">') == 8
    assert '<p dir="auto">' in page


def test_a_withdrawn_comparison_is_gone_and_the_front_page_leads_to_it_no_more(
    site: Running,
) -> None:
    link = re.findall(r'href="(/comparisons/[^".]+)"', site.get("/").text)[0]
    with site.app.database.write() as session:
        editorial.withdraw(session, link.removeprefix("/comparisons/"), "a wrong quote", NOW)
    page = site.get(link)
    assert page.status_code == 410
    assert "This comparison has been withdrawn" in page.text
    assert "The issues that carried it now say so." in page.text
    assert "We have withdrawn this comparison." in site.get("/issues/weekly/2").text
    assert "a wrong quote" not in page.text
    assert link not in re.findall(r'href="(/comparisons/[^".]+)"', site.get("/").text)
    assert site.get("/issues/weekly/2/mail").status_code == 200


def test_a_comparison_waits_for_its_issue_where_the_setting_says_so(make_running: MakeSite) -> None:
    site = make_running(comparisons_public="issue")
    carried = re.findall(r'href="(/comparisons/[^".]+)"', site.get("/").text)

    assert all(site.get(link).status_code == 200 for link in carried)
    waiting = [slug for slug in slugs(site) if f"/comparisons/{slug}" not in carried]
    with site.app.database.write() as session:
        session.connection().execute(update(Issue).values(prepared_at=None))

    assert {site.get(f"/comparisons/{slug}").status_code for slug in waiting} == {404}
    assert {site.get(link).status_code for link in carried} == {404}


@pytest.mark.parametrize(
    "path", ["/style.css", "/icon.svg", "/robots.txt", "/issues/weekly/1/mail"]
)
def test_a_file_is_sent_once_to_who_keeps_it(site: Running, path: str) -> None:
    tag = site.get(path).headers["etag"]

    assert site.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert site.get(path, headers={"If-None-Match": '"another"'}).status_code == 200
