"""A site with three newsletters in two languages: what strangers find, and what readers keep."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser
from sqlalchemy import update

from digest import images
from digest.issues import newsletters, store
from digest.issues.build import build
from digest.issues.models import Issue, IssueState
from subscribers.models import Standing, Subscription
from subscribers.store import all_standings
from subscribers.tokens import DatedTarget, LinkTarget
from tests.conftest import NOW
from tests.images.pictures import drawn
from tests.web.browser import Scheme, barriers, visitor
from tests.web.conftest import MakeSite, Running

ADA, READER = "ada@example.org", 1
TOOLS = {
    "name": "Werkzeug am Donnerstag",
    "description": "Zwei Werkzeuge, ein Urteil.",
    "language": "de",
    "accent": "#0f766e",
    "postal_address": "Musterverlag\n2 Musterweg",
}
INTERNAL = {"name": "The inner circle", "public": "no"}


@pytest.fixture
def several(make_running: MakeSite) -> Running:
    """A site with a public, a German and a private newsletter, all of which Ada gets."""
    site = make_running(base_url="{url}")
    with site.app.database.write() as session:
        tools = newsletters.create(session, "tools", TOOLS)
        tools.weekday = 3
        newsletters.create(session, "inner", INTERNAL)
        for slug in ("tools", "inner"):
            session.add(
                Subscription(
                    subscriber_id=READER,
                    newsletter=slug,
                    standing=Standing.CONFIRMED,
                    since=site.clock(),
                )
            )
    return site


def own(site: Running, slug: str = "weekly") -> str:
    url = site.links.preferences(LinkTarget(READER, slug), ADA)
    return url.removeprefix(site.app.settings.base_url)


def archive(site: Running, slug: str) -> None:
    with site.app.database.write() as session:
        session.connection().execute(update(Issue).values(state=IssueState.SENT))
        newsletters.archive(session, store.newsletter(session, slug), site.clock())


def test_the_front_page_lists_the_public_ones_each_in_its_own_words(several: Running) -> None:
    page = several.get("/").text
    assert "<h1" in page
    assert "Our newsletters" in page
    weekly, tools = re.findall(r'<section class="newsletter".*?</section>', page, re.DOTALL)
    assert "By email every Tuesday." in weekly
    assert 'href="/issues/weekly/2"' in weekly
    assert 'href="/subscribe?newsletter=weekly"' in weekly
    assert 'lang="de"' in tools
    assert "Werkzeug am Donnerstag" in tools
    assert "Kommt jeden Donnerstag per E-Mail." in tools
    assert "Werkzeug am Donnerstag abonnieren" in tools
    assert "inner circle" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/issues/inner",
        "/issues/inner/1",
        "/issues/inner/1/mail",
        "/subscribe?newsletter=inner",
        "/subscribe/frame?newsletter=inner",
        "/subscribe/snippet?newsletter=inner",
        "/api/subscribe?newsletter=inner",
        "/privacy?newsletter=inner",
    ],
)
def test_a_stranger_is_not_told_that_a_private_newsletter_exists(
    several: Running, path: str
) -> None:
    answer = several.get(path)
    nothing = several.get(path.replace("inner", "there-is-none"))
    assert answer.status_code == nothing.status_code == 404
    assert answer.text == nothing.text


def test_nobody_signs_up_to_a_private_newsletter_by_its_name(several: Running) -> None:
    form = several.get("/subscribe?newsletter=weekly").text
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form))
    several.clock.advance(seconds=10)
    sent = {**fields, "newsletter": "inner", "email": "eve@example.org"}
    assert several.http.post("/subscribe", data=sent).status_code == 404


def test_a_private_newsletters_own_links_work_for_its_readers(several: Running) -> None:
    page = several.get(own(several, "inner")).text
    assert "You’re subscribed to The inner circle." in page
    url = several.links.unsubscribe(LinkTarget(READER, "inner"))
    left = several.http.post(
        url.removeprefix(several.app.settings.base_url), data={"page": "1"}
    ).text
    assert "You won’t get any more issues of The inner circle" in left
    assert "/subscribe?newsletter=inner" not in left


def test_a_private_newsletters_mail_has_no_link_to_the_site(several: Running) -> None:
    with several.app.database.write() as session:
        inner = store.newsletter(session, "inner")
        build(
            session,
            inner,
            "2026-W48",
            now=several.clock(),
            issue_builder=several.app.issues.builder,
        )
        edition = store.edition_of(session, store.by_number(session, inner.id, 1))
        findings = several.app.issues.findings(edition)
    assert "View in browser" not in edition.html + edition.text
    assert "/issues/inner" not in edition.html + edition.text
    assert [each.rule for each in findings if each.rule != "local-host"] == []


def test_a_page_about_a_newsletter_has_its_name_address_and_accent(several: Running) -> None:
    for path in ("/issues/tools", "/subscribe?newsletter=tools", own(several, "tools")):
        page = several.get(path).text
        assert '<link rel="stylesheet" href="/accent/0f766e.css">' in page
        assert "Musterverlag<br>2 Musterweg" in page
        assert "Weekly AI Tool Verdicts</a></header>" not in page
    sheet = several.get("/accent/0f766e.css")
    assert "--mark: #0f766e" in sheet.text
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert several.get("/accent/ffffff.css").status_code == 404
    assert several.get("/accent/red;}.css").status_code == 404
    assert "Musterverlag, 2 Musterweg" in several.get("/privacy?newsletter=tools&lang=de").text


def test_a_page_about_a_newsletter_has_its_logo_and_its_fonts(several: Running) -> None:
    with several.app.database.write() as session:
        logo = images.add(session, drawn("PNG", (300, 88)), now=NOW)
        tools = store.newsletter(session, "tools")
        newsletters.change(session, tools, {"logo": logo.key, "font": "slab"})
    for path in ("/issues/tools", "/subscribe?newsletter=tools", own(several, "tools")):
        page = several.get(path).text
        assert '<link rel="stylesheet" href="/font/slab.css">' in page
        shown = f'<img src="/images/{logo.name}" width="150" height="44" alt="{TOOLS["name"]}">'
        assert f'<a href="/" target="_top">{shown}</a>' in page
    sheet = several.get("/font/slab.css")
    assert "--serif: Rockwell" in sheet.text
    assert sheet.headers["content-type"] == "text/css; charset=utf-8"
    assert several.get("/font/comic.css").status_code == 404


def test_the_preferences_show_all_that_a_reader_gets_with_a_switch_each(several: Running) -> None:
    page = several.get(own(several)).text
    for slug in ("weekly", "tools", "inner"):
        assert f'name="keep" value="{slug}" checked' in page
    assert "Weekly AI Tool Verdicts, every Tuesday" in page
    assert "Topics, breaks and more for The inner circle" in page
    assert "Unsubscribe from all of them" in page


def switch(site: Running, *keep: str, shown: str = "weekly,tools,inner") -> str:
    data = {"lang": "en", "shown": shown, "keep": list(keep)}
    return site.http.post(f"{own(site)}/newsletters", data=data).text


def standings(site: Running) -> dict[str, Standing]:
    with site.app.database.read() as session:
        return {row.newsletter: row.standing for row in all_standings(session, READER)}


def test_leaving_one_leaves_the_others_as_they_are_and_is_undone_by_its_switch(
    several: Running,
) -> None:
    page = switch(several, "weekly", "inner")
    assert "Saved." in page
    assert 'value="tools">' in page
    assert standings(several) == {
        "weekly": Standing.CONFIRMED,
        "tools": Standing.UNSUBSCRIBED,
        "inner": Standing.CONFIRMED,
    }
    switch(several, "weekly", "tools", "inner")
    assert "Saved." not in switch(several, "weekly", "tools", "inner")


def test_a_newsletter_joined_since_the_page_was_opened_is_not_left(several: Running) -> None:
    switch(several, "weekly", shown="weekly,tools")
    assert standings(several)["inner"] is Standing.CONFIRMED
    assert standings(several)["tools"] is Standing.UNSUBSCRIBED


def test_one_button_leaves_every_newsletter(several: Running) -> None:
    path = f"{own(several)}/leave-all"
    assert "Unsubscribe from every newsletter?" in several.get(path).text
    assert set(standings(several).values()) == {Standing.CONFIRMED}
    several.http.post(path, data={"lang": "en"})
    assert set(standings(several).values()) == {Standing.UNSUBSCRIBED}
    assert several.http.post(path, data={"lang": "en"}).status_code == 200


def test_I14_opening_the_switches_changes_nothing(several: Running) -> None:
    for page in ("/newsletters?keep=weekly&shown=weekly,tools", "/leave-all"):
        assert several.get(own(several) + page).status_code == 200
    assert set(standings(several).values()) == {Standing.CONFIRMED}


def test_an_archived_newsletter_keeps_its_pages_and_its_readers_rights(several: Running) -> None:
    archive(several, "weekly")
    page = several.get("/issues/weekly/2").text
    assert "<form" not in page
    assert "This newsletter is no longer published." in several.get("/").text
    assert several.get("/subscribe?newsletter=weekly").status_code == 404
    assert "Weekly AI Tool Verdicts" in several.get("/privacy?newsletter=weekly").text
    assert "You’re subscribed to" in several.get(own(several)).text
    link = several.links.confirm(DatedTarget(READER, "weekly", several.clock()))
    assert several.get(link.removeprefix(several.app.settings.base_url)).status_code == 200


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_several_newsletters_have_no_barrier(
    several: Running, browser: Browser, scheme: Scheme
) -> None:
    found: dict[str, list[str]] = {}
    paths = ["/", "/issues/tools", "/subscribe?newsletter=tools&lang=de", own(several)]
    with visitor(browser, scheme=scheme, width=320) as window:
        page = window.new_page()
        for path in [*paths, f"{own(several)}/leave-all"]:
            page.goto(several.url + path)
            if wrong := barriers(page):
                found[path] = wrong
    assert found == {}
