"""The wiring of the sign-up pages to the other packages: topics, files, caps and texts."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft
from digest.comparisons.store import categories, store_draft
from digest.delivery.models import Delivery, EventLink, MailEvent
from digest.errors import BadSetting
from digest.issues import store
from digest.web.app import make_site
from digest.web.newsletter_cache import MOST_TOPICS, NewsletterCache
from digest.web.signup_wiring import site_config
from digest.web.theme import Theme
from subscribers.tokens import LinkTarget
from tests.conftest import NOW
from tests.subscribers.web.conftest import hidden
from tests.web.conftest import DRAFT, SLUG, Clock, MakeSite, Running, app_of, freeze

READER = 1


def own_path(site: Running, number: int = READER) -> str:
    url = site.links.preferences(LinkTarget(number, "weekly"), "ada@example.org")
    return url.removeprefix(site.app.settings.base_url)


def data_of(site: Running) -> Any:
    return site.get(f"{own_path(site)}/data").json()


def note_a_click(site: Running) -> None:
    """Keep a click of the reader's first issue."""
    with site.app.database.write() as session:
        first = session.scalars(select(Delivery).order_by("id")).first()
        assert first is not None
        assert first.id is not None
        session.add(EventLink(id=5, url="https://news.example.com/comparisons/a-vs-b"))
        session.add(
            MailEvent(
                delivery_id=first.id,
                kind="click",
                moment=1_795_000_000,
                link=5,
                edition_id=first.edition_id,
            )
        )


def note_a_bounce(site: Running) -> None:
    """Keep what a mailbox said of the reader's first issue."""
    with site.app.database.write() as session:
        first = session.scalars(select(Delivery).order_by("id")).first()
        assert first is not None
        row = MailEvent(
            delivery_id=first.id or 0,
            kind="blocked",
            moment=1_795_000_001,
            edition_id=first.edition_id,
            cause="Reputation",
            detail="554 5.7.1 refused",
        )
        session.add(row)


def test_a_readers_file_holds_every_issue_sent_to_them_and_what_was_reported_of_it(
    site: Running,
) -> None:
    note_a_click(site)

    issues = data_of(site)["issues"]

    assert [(one["newsletter"], one["number"]) for one in issues] == [("weekly", 1), ("weekly", 2)]
    assert {one["standing"] for one in issues} <= {"pending", "accepted"}
    assert [event["link"] for event in issues[0]["events"]] == [
        "https://news.example.com/comparisons/a-vs-b"
    ]
    assert issues[1]["events"] == []


def test_a_readers_file_holds_what_their_mailbox_said(site: Running) -> None:
    note_a_bounce(site)
    [event] = data_of(site)["issues"][0]["events"]
    assert (event["cause"], event["detail"]) == ("Reputation", "554 5.7.1 refused")


def test_of_nobody_there_is_no_file(site: Running) -> None:
    assert "We don’t hold any data about you." in site.get(f"{own_path(site, 99)}/data").text


def test_topics_are_the_categories_of_the_stock_and_can_be_chosen(site: Running) -> None:
    page = site.get(f"{own_path(site)}/topics").text
    answer = site.http.post(
        f"{own_path(site)}/topics", data={"topics": ["data & finance", "audio"]}
    )

    assert 'value="data &amp; finance"' in page
    assert "You get issues that cover: Audio, Data &amp; Finance." in answer.text
    assert data_of(site)["subscriptions"][0]["topics"] == ["audio", "data & finance"]


def test_an_issue_without_a_topic_of_theirs_does_not_come(site: Running) -> None:
    with site.app.database.read() as session:
        issue = store.by_number(session, 1, DRAFT)
        offered = {one.casefold() for one in categories(session, at_most=99)}
        others = offered - set(store.topics(session, issue) or ())
    site.http.post(f"{own_path(site)}/topics", data={"topics": sorted(others)})
    with site.app.database.write() as session:
        freeze(session, store.by_number(session, 1, DRAFT), NOW)

    assert [one["standing"] for one in data_of(site)["issues"]][-1] == "excluded"


def test_a_page_of_many_long_topics_stays_small(site: Running) -> None:
    with site.app.database.write() as session:
        for number in range(60):
            verdicts = (VerdictDraft(seat=1, quote="Said."),)
            sides = [
                ContenderDraft(name=f"{s} {number}", category=f"{number:0100}", verdicts=verdicts)
                for s in "AB"
            ]
            title = f"Comparison {number}"
            store_draft(
                session, ComparisonDraft(title=title, contenders=(sides[0], sides[1])), now=NOW
            )

    page = site.get(f"{own_path(site)}/topics")

    assert page.text.count('type="checkbox"') == MOST_TOPICS
    assert len(page.content) < 20_000


def test_a_page_in_german_says_in_german_when_the_mail_comes(site: Running) -> None:
    page = site.get("/subscribe?lang=de").text

    assert "Kommt jeden Dienstag per E-Mail." in page
    assert "every Tuesday" not in page


def test_the_next_issue_is_offered_in_usual_words(site: Running) -> None:
    page = site.get("/issues").text

    assert "<h2>Get the next comparison in your inbox</h2>" in page
    assert ">Privacy</a>" in page


def test_links_in_the_frame_open_outside_of_it(site: Running) -> None:
    page = site.get("/subscribe/frame").text

    assert re.search(r'<a href="/issues/weekly/2" target="_top">', page)
    assert 'name="form" value="frame"' in page


def test_every_page_with_a_form_leads_to_what_is_kept(site: Running) -> None:
    for path in ("/", "/issues", "/issues/weekly/1", f"/comparisons/{SLUG}"):
        assert 'href="/privacy?newsletter=weekly&amp;lang=en" target="_top"' in site.get(path).text


def test_visitors_are_told_of_daily_copies_and_of_files_in_the_outbox(
    make_running: MakeSite,
) -> None:
    page = make_running(backups_kept=5).get("/privacy?lang=en").text
    assert "keep deleted data for another 5 days" in page
    assert "A file of each email, with its address" in page


def test_files_left_in_the_outbox_are_reported_when_mail_goes_another_way(
    make_running: MakeSite, tmp_path: Path
) -> None:
    way = {"transport": "sendgrid", "sendgrid_api_key": "SG.a.b", "backups_kept": 0}
    bare = make_running(**way).get("/privacy?lang=en").text
    (tmp_path / "outbox" / "weekly-1").mkdir(parents=True)
    left = make_running(**way).get("/privacy?lang=en").text
    words = ("A file of each email", "ackups of the database")
    assert [said in bare for said in words] == [False, False]
    assert [said in left for said in words] == [True, False]


@pytest.mark.parametrize(
    ("base_url", "works"),
    [
        ("https://news.example.com", True),
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://news.example.com", False),
        ("http://localhost.example.com", False),
    ],
)
def test_a_proof_of_work_is_asked_for_only_where_browsers_can_calculate(
    tmp_path: Path, base_url: str, works: bool
) -> None:
    app = app_of(tmp_path / "digest.db", Clock(), base_url=base_url, proof_of_work=50_000)
    with nullcontext() if works else pytest.raises(BadSetting, match="https"):
        make_site(app)
    app.database.close()


def sign_up(site: Running, address: str) -> httpx2.Response:
    form = hidden(site.get("/subscribe").text)
    site.clock.advance(seconds=3)
    return site.http.post("/subscribe", data={**form, "email": address})


@pytest.mark.parametrize(
    ("settings", "passes", "sum_to_do"),
    [
        ({"sign_ups_per_domain": 1}, 1, True),
        ({"sign_ups_in_all": 2}, 2, True),
        ({"sign_ups_per_network": 1}, 1, False),
        ({"sign_ups_per_domain": 1, "proof_over_cap": 0}, 1, False),
        ({"sign_ups_per_domain": 1, "base_url": "http://news.example.com"}, 1, False),
    ],
)
def test_the_caps_on_sign_ups_are_settings(
    make_running: MakeSite, settings: dict[str, Any], passes: int, sum_to_do: bool
) -> None:
    site = make_running(**settings)

    answers = [sign_up(site, f"ann{n}@victim.example.com") for n in range(passes + 1)]

    assert [one.status_code for one in answers] == [200] * passes + [429]
    assert ("data-at-once" in answers[-1].text) is sum_to_do


@pytest.mark.parametrize("usual", [0, 50_000, 5_000_000])
def test_the_proof_of_work_past_a_cap_is_harder_than_the_usual_one(
    tmp_path: Path, usual: int
) -> None:
    app = app_of(tmp_path / "digest.db", Clock(), proof_of_work=usual)
    cache = NewsletterCache(app.database)
    harder = site_config(app, Theme(app.settings, cache), lambda: None).harder
    assert harder is not None
    assert harder.most == max(500_000, 4 * usual)
    app.database.close()


def test_how_many_letters_a_mailbox_gets_is_a_setting(tmp_path: Path) -> None:
    app = app_of(tmp_path / "digest.db", Clock(), letters_per_day=1, letters_per_month=4)
    assert (
        app.public_site.rate_limits.address.count,
        app.public_site.rate_limits.address.monthly,
    ) == (1, 4)
    app.database.close()
