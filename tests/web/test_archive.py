"""The archive: sent issues, hidden drafts, cancelled issues, and frozen mails."""

from __future__ import annotations

import re

import pytest
from markupsafe import escape
from sqlalchemy import delete
from sqlmodel import select

from digest.comparisons import editorial
from digest.comparisons.models import Call, Comparison, Contender
from digest.issues import store
from digest.issues.models import IssueState, Recipe
from digest.issues.picking import Decisions
from digest.issues.picking.blocks import Block, BlockKind, BlockPlace
from digest.issues.provenance import frozen_view
from digest.mail.mailing import PREFERENCES_TAG, UNSUBSCRIBE_TAG, vote_tag
from digest.votes.models import DailyCount, Vote
from digest.web.archive import public_html
from tests.conftest import NOW
from tests.web.conftest import DRAFT, SENT, Running, build

MAIL = f"""<!doctype html><html><head lang="en"><title>x</title></head><body>
<a clicktracking=off href="https://old.example/u/{UNSUBSCRIBE_TAG}">Unsubscribe</a>
<a href='https://news.example.com/p/{PREFERENCES_TAG}'>Preferences</a> {UNSUBSCRIBE_TAG}
<a href="https://example.com/tools/u/x">Tool</a></body></html>"""
VOTE = f'<a clicktracking=off href="https://old.example/v/{vote_tag(2)}/lathe/ship">Ship</a>'


def set_state(site: Running, number: int, state: IssueState) -> None:
    with site.app.database.write() as session:
        newsletter = store.newsletter(session, "weekly")
        issue = store.by_number(session, newsletter.id, number)
        issue.state = state
        session.add(issue)


def test_the_archive_lists_what_was_sent_the_newest_first(site: Running) -> None:
    page = site.get("/issues").text

    links = re.findall(r'href="/issues/weekly/(\d+)"', page)
    assert links == [str(number) for number in reversed(SENT)]
    assert "No. 2, 17 November 2026" in page


@pytest.mark.parametrize("path", ["", "/mail"])
@pytest.mark.parametrize("number", [DRAFT, 0, 99, 2**70])
def test_a_draft_is_no_more_there_than_an_issue_that_never_was(
    site: Running, number: int, path: str
) -> None:
    answer = site.get(f"/issues/weekly/{number}{path}")

    assert answer.status_code == 404
    assert "Page not found" in answer.text


def test_an_issue_s_page_tells_what_readers_voted_on_the_one_before(site: Running) -> None:
    with site.app.database.write() as session:
        last = store.by_number(session, 1, SENT[-1])
        lead = store.placements(session, last)[0]
        edition_id = store.edition_of(session, last).id or 0
        slug = session.get_one(Comparison, lead.comparison_id).slug
        tool = session.exec(
            select(Contender.tool_id).where(Contender.revision_id == lead.revision_id)
        ).first()
        session.add_all(
            Vote(
                comparison_id=lead.comparison_id,
                tool_id=tool or 0,
                call=Call.SHIP,
                edition_id=edition_id,
                at=NOW,
                mailbox_hash=str(number),
            )
            for number in range(61)
        )
    build(site.app, "2026-W49", send=True)

    page = site.get("/issues/weekly/4").text
    assert "Last time, 61 of you voted: 100% would ship " in page
    assert f'<a href="/comparisons/{slug}">See how readers voted</a>' in page


def test_a_draft_appears_when_its_audience_is_frozen(site: Running) -> None:
    build_next = "2026-W49"
    assert site.get("/issues/weekly/4").status_code == 404

    build(site.app, build_next, send=True)

    assert site.get("/issues/weekly/4").status_code == 200


def test_a_cancelled_issue_keeps_its_page_for_who_got_it_and_is_not_listed(site: Running) -> None:
    set_state(site, 1, IssueState.CANCELLED)

    assert site.get("/issues/weekly/1").status_code == 200
    assert 'href="/issues/weekly/1"' not in site.get("/issues").text


def test_a_newsletter_nobody_knows_has_no_archive(site: Running) -> None:
    assert site.get("/issues/monthly").status_code == 404
    assert site.get("/issues/monthly/1").status_code == 404


def test_the_view_in_browser_link_of_a_sent_mail_works(site: Running) -> None:
    mail = site.get("/issues/weekly/1/mail").text
    found = re.search(r'href="https://news\.example\.com(/issues/weekly/1)"', mail)

    assert found
    assert site.get(found[1]).status_code == 200


def test_the_mail_is_shown_as_it_was_frozen_less_the_readers_links(site: Running) -> None:
    with site.app.database.read() as session:
        newsletter = store.newsletter(session, "weekly")
        issue = store.by_number(session, newsletter.id, 1)
        edition = store.edition_of(session, issue)
        frozen = edition.html
        carried = frozen_view(session, issue, edition).comparisons
    voting = [f"/comparisons/{each.slug}#vote" for each in carried]

    shown = site.get("/issues/weekly/1/mail").text

    assert len(shown) > 10_000
    assert "-digest_" not in shown
    assert shown == public_html(frozen, "/own-links", voting=voting)


def test_links_of_a_frozen_mail_lead_out_of_the_frame_and_to_nobody() -> None:
    shown = public_html(MAIL, "/own-links")

    assert re.findall(r"href=[\"']([^\"']*)", shown) == [
        "/own-links",
        "/own-links",
        "https://example.com/tools/u/x",
    ]
    assert '<head lang="en"><base target="_top">' in shown


def carried(site: Running, number: int) -> list[str]:
    with site.app.database.read() as session:
        issue = store.by_number(session, 1, number)
        return [row.comparison.slug for row in store.carried_comparisons(session, issue.id or 0)]


def test_links_to_vote_in_a_frozen_mail_lead_to_where_anybody_votes() -> None:
    there = public_html(VOTE, "/own-links", voting=["/comparisons/a#vote", "/comparisons/b#vote"])

    assert there == '<a clicktracking=off href="/comparisons/b#vote">Ship</a>'
    assert 'href="/own-links">Ship' in public_html(VOTE, "/own-links")


def test_the_mail_of_an_issue_leads_to_the_votes_on_the_site(site: Running) -> None:
    mail = site.get("/issues/weekly/1/mail").text
    slugs = re.findall(r'href="/comparisons/([a-z0-9-]+)#vote"', mail)

    assert slugs
    assert "/v/" not in mail
    assert site.get(f"/comparisons/{slugs[0]}").status_code == 200


def test_an_issue_s_page_is_a_page_that_says_what_the_mail_said(site: Running) -> None:
    page = site.get("/issues/weekly/1").text
    with site.app.database.read() as session:
        issue = store.by_number(session, 1, 1)
        view = frozen_view(session, issue, store.edition_of(session, issue))

    assert "<iframe" not in page
    assert f"<h1>{escape(view.title)}</h1>" in page
    assert f'<p class="lede">{escape(view.opening)}</p>' in page
    assert (
        f'<meta name="description" property="og:description" content="{escape(view.preheader)}">'
        in page
    )
    assert [quote.byline for told in view.comparisons for quote in told.quotes] == re.findall(
        "<figcaption>(.*)</figcaption>", page
    )
    assert 'href="/issues/weekly/1/mail"' in page
    links = re.findall(r'<h2><a href="/comparisons/([^"]+)">', page)
    assert links == carried(site, 1)
    assert [site.get(f"/comparisons/{slug}").status_code for slug in links] == [200] * len(links)


def test_an_issue_s_page_says_what_readers_had_voted_and_where_to_vote(site: Running) -> None:
    slugs = carried(site, 1)
    with site.app.database.write() as session:
        told = store.carried_comparisons(session, 1)[0]
        comparison, tool = told.comparison_id, told.contenders[0].tool_id
        session.add(DailyCount(comparison_id=comparison, tool_id=tool, day=NOW.date(), ships=612))

    page = site.get("/issues/weekly/1").text
    assert page.count('<p class="soft voted">Readers: No votes yet</p>') == 2 * len(slugs)
    for slug in slugs:
        assert f'<a href="/comparisons/{slug}#vote" aria-label="Vote on ' in page


def test_a_comparison_that_was_withdrawn_is_named_on_the_page_and_no_more(site: Running) -> None:
    slug = carried(site, 1)[0]
    with site.app.database.write() as session:
        editorial.withdraw(session, slug, "a wrong quote", NOW)

    page = site.get("/issues/weekly/1").text

    assert "We have withdrawn this comparison." in page
    assert f"/comparisons/{slug}" not in page
    assert f"/comparisons/{slug}" in site.get("/issues/weekly/1/mail").text


def test_an_issue_without_a_recipe_is_shown_as_its_mail_without_navigation(site: Running) -> None:
    with site.app.database.write() as session:
        session.connection().execute(delete(Recipe))

    answer = site.get("/issues/weekly/1")
    (frame,) = re.findall(r'<iframe[^>]* src="([^"]+)"', answer.text)
    framed, whole = site.get(frame).text, site.get("/issues/weekly/1/mail").text

    assert "frame-src 'self'" in answer.headers["content-security-policy"]
    assert "/own-links" in whole
    assert "/own-links" not in framed
    assert re.findall(r'href="[^"]*/issues/weekly/1"', whole)
    assert re.findall(r'href="[^"]*/issues/weekly/1"', framed) == []


def test_an_issue_s_page_leads_to_its_neighbours(site: Running) -> None:
    first, last = site.get("/issues/weekly/1").text, site.get("/issues/weekly/2").text

    assert '<a href="/issues/weekly/2" rel="next">' in first
    assert 'rel="prev"' not in first
    assert '<a href="/issues/weekly/1" rel="prev">' in last
    assert 'rel="next"' not in last


@pytest.mark.parametrize("path", ["/issues", "/issues/weekly/1"])
def test_the_form_is_on_every_page_of_the_archive(site: Running, path: str) -> None:
    page = site.get(path).text

    assert '<form method="post" action="/subscribe">' in page
    assert '<input type="hidden" name="newsletter" value="weekly">' in page


def test_what_editors_wrote_stands_on_the_page_too(site: Running) -> None:
    decisions = Decisions(
        opening="Read **this** first.",
        notes={carried(site, 1)[0]: "We tried it *twice*."},
        blocks=(
            Block(number=1, place=BlockPlace.AFTER, text="Until [then](https://example.com/then)."),
            Block(
                number=2,
                kind=BlockKind.IMAGE,
                image="abc.png",
                width=40,
                height=20,
                alt="Two curves",
            ),
        ),
    )
    with site.app.database.write() as session:
        issue = store.by_number(session, 1, 1)
        recipe = session.get_one(Recipe, store.edition_of(session, issue).id)
        recipe.made_from = {**recipe.made_from, "decisions": decisions.to_dict()}
        session.add(recipe)

    page = site.get("/issues/weekly/1").text

    assert "Editor’s note" in page
    assert "Read <strong>this</strong> first." in page
    assert "We tried it <em>twice</em>." in page
    assert '<a href="https://example.com/then">then</a>' in page
    assert '/images/abc.png" width="40" height="20" alt="Two curves"' in page
