"""What a press of a vote page's button does, and what its answer says."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from digest.comparisons.models import Call, Comparison, Contender, Tool
from digest.votes import HeldReason, VoteCount
from digest.votes.models import ScannedCopy, Vote, VoteLinkVisit
from subscribers import lifecycle, suppression
from subscribers.models import SuppressionReason
from subscribers.store import Evidence
from tests.web.conftest import MakeSite, Running
from tests.web.voter import (
    BROWSER,
    LEFT,
    READER,
    RIGHT,
    comparison_id,
    counted,
    link,
    text_of,
    vote,
)


def test_the_button_casts_the_vote_and_the_answer_tells_it(site: Running) -> None:
    answer = vote(site, link(site), {LEFT: "ship", RIGHT: "skip"})

    assert answer.status_code == 200
    assert "<h1>Thank you for your vote</h1>" in answer.text
    assert 'role="status">You’d ship Lintwick and skip Ravelin Coder 2.</p>' in answer.text
    assert counted(site) == {LEFT: VoteCount(1, 0), RIGHT: VoteCount(0, 1)}


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        ({LEFT: "ship"}, "You’d ship Lintwick."),
        ({RIGHT: "skip"}, "You’d skip Ravelin Coder 2."),
        ({LEFT: "ship", RIGHT: "ship"}, "You’d ship Lintwick and Ravelin Coder 2."),
        ({LEFT: "skip", RIGHT: "skip"}, "You’d skip Lintwick and Ravelin Coder 2."),
    ],
)
def test_one_may_vote_on_one_tool_or_on_both(
    site: Running, choices: dict[str, str], told: str
) -> None:
    assert told in text_of(vote(site, link(site), choices).text)


def test_the_last_vote_counts_and_a_repeated_one_counts_once(site: Running) -> None:
    for call in ("ship", "skip", "skip"):
        vote(site, link(site), {LEFT: call})

    assert counted(site)[LEFT] == VoteCount(0, 1)


def test_after_the_vote_readers_and_panel_are_told_side_by_side(make_running: MakeSite) -> None:
    site = make_running(votes_shown_from=1)
    told = text_of(vote(site, link(site), {LEFT: "ship"}).text)

    assert "You Ship Readers 100% would ship · 1 vote (likely 21–100%) Panel" in told
    assert "You No vote Readers No votes yet Panel 75% · 3 ship · 1 skip" in told


def test_below_the_minimum_only_the_number_of_votes_is_told(site: Running) -> None:
    assert "You Ship Readers 1 vote so far Panel" in text_of(
        vote(site, link(site), {LEFT: "ship"}).text
    )


def test_a_vote_is_taken_back_by_one_button_and_the_other_stays(site: Running) -> None:
    path = link(site)
    answer = vote(site, path, {LEFT: "ship", RIGHT: "skip"})
    assert answer.text.count(f'action="{path}/take-back"') == 2
    for _ in range(2):  # pressed twice
        back = vote(site, f"{path}/take-back", {}, tool=LEFT)

    assert "<h1>Vote taken back</h1>" in back.text
    assert "Your vote on Lintwick no longer counts." in back.text
    assert counted(site) == {LEFT: VoteCount(), RIGHT: VoteCount(0, 1)}
    assert back.text.count(f'action="{path}/take-back"') == 1


def test_reloading_an_answer_by_its_address_shows_the_form(site: Running) -> None:
    assert "Would you ship Lintwick?" in site.get(f"{link(site)}/take-back").text


@pytest.mark.parametrize("choices", [{}, {LEFT: ""}, {LEFT: "perhaps"}])
def test_an_empty_form_is_refused_in_words_and_keeps_the_vote(
    site: Running, choices: dict[str, str]
) -> None:
    vote(site, link(site), {LEFT: "ship"})
    answer = vote(site, link(site), choices)

    assert answer.status_code == 422
    assert 'role="alert" id="fault">Please choose ship or skip for at least one' in answer.text
    assert counted(site)[LEFT] == VoteCount(1, 0)


def test_a_tool_that_has_left_the_comparison_takes_no_vote(site: Running) -> None:
    with site.app.database.write() as session:
        tool = Tool(slug="marlow", name="Marlow")
        session.add(tool)
        session.flush()
        for side in session.exec(select(Contender).join(Tool).where(col(Tool.slug) == RIGHT)):
            side.tool = tool
            session.add(side)

    for path, choices in (("", {RIGHT: "ship"}), ("/take-back", {"tool": RIGHT})):
        fields = choices if path else {f"tool-{slug}": call for slug, call in choices.items()}
        answer = site.http.post(link(site) + path, data=fields, headers=BROWSER)
        assert answer.status_code == 422
        assert "This comparison has changed since the link was sent." in answer.text
    assert 'name="tool-marlow"' in answer.text


def test_a_look_by_get_or_head_casts_nothing_and_is_noted(site: Running) -> None:
    path = link(site, LEFT, Call.SHIP)
    site.get(path, headers=BROWSER)
    site.clock.advance(seconds=30)
    site.http.head(path, headers=BROWSER)
    vote(site, link(site), {RIGHT: "ship"})  # written after the looks

    with site.app.database.read() as session:
        looks = session.exec(select(VoteLinkVisit).order_by(col(VoteLinkVisit.moment))).all()
        assert [(look.subscriber_id, look.edition_id, look.machine) for look in looks] == [
            (READER, 1, 0),
            (READER, 1, 1),
        ]
    assert counted(site)[LEFT] == VoteCount()


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
        {"User-Agent": "curl/8.14"},
    ],
)
def test_a_client_that_is_no_browser_or_prefetches_is_noted_as_one(
    site: Running, headers: dict[str, str]
) -> None:
    site.get(link(site, LEFT, Call.SHIP), headers=BROWSER | headers)
    vote(site, link(site), {RIGHT: "ship"})

    with site.app.database.read() as session:
        assert [look.machine for look in session.exec(select(VoteLinkVisit))] == [1]
        assert session.exec(select(ScannedCopy)).one().subscriber_id == READER


def test_a_program_that_opens_every_link_and_presses_is_held_and_told_what_to_do(
    site: Running,
) -> None:
    for slug in (LEFT, RIGHT):
        for call in Call:
            site.get(link(site, slug, call), headers=BROWSER)
    answer = vote(site, link(site), {LEFT: "ship"})

    assert "<h1>Please press the button again</h1>" in answer.text
    assert "This doesn’t count yet" in answer.text
    assert f'<input type="hidden" name="tool-{LEFT}" value="ship">' in answer.text
    assert counted(site)[LEFT] == VoteCount()

    site.clock.advance(minutes=3)
    again = vote(site, link(site), {LEFT: "ship"})
    assert "<h1>Thank you for your vote</h1>" in again.text
    assert counted(site)[LEFT] == VoteCount(1, 0)


@pytest.mark.parametrize(
    ("scanners", "headers", "why"),
    [
        ("", {"User-Agent": "curl/8.14"}, "in another browser."),
        ("127.0.0.0/8", {}, "in another network, such as your phone’s."),
    ],
)
def test_where_no_minute_helps_a_reader_is_told_what_does(
    make_running: MakeSite, tmp_path: Path, scanners: str, headers: dict[str, str], why: str
) -> None:
    networks = tmp_path / "scanners.txt"
    networks.write_text(scanners)
    site = make_running(scanner_networks=networks)
    for choices in ({LEFT: "ship"}, {LEFT: "skip"}):
        answer = vote(site, link(site), choices, headers=headers)
        assert "<h1>Please open the link elsewhere</h1>" in answer.text
        assert why in answer.text
        assert "minute" not in answer.text
        assert "Vote again" not in answer.text
    assert counted(site)[LEFT] == VoteCount()


def test_a_vote_that_is_not_counted_is_told_why(site: Running) -> None:
    with site.app.database.write() as session:
        key = "ada@example.org"
        suppression.suppress(
            session, key, SuppressionReason.HARD_BOUNCE, site.app.hashes, site.clock()
        )
    answer = vote(site, link(site), {LEFT: "ship"})

    assert "<h1>Your vote isn’t counted</h1>" in answer.text
    assert "because we can’t send email to your address." in answer.text
    with site.app.database.read() as session:
        assert session.exec(select(Vote.held)).all() == [HeldReason.SUPPRESSED]


def test_an_erased_reader_s_link_votes_no_more(site: Running) -> None:
    path = link(site)
    with site.app.database.write() as session:
        evidence = Evidence(channel="page", language="en", network=None)
        assert lifecycle.erase(session, READER, evidence, site.app.hashes, site.clock())

    for answer in (site.get(path), vote(site, path, {LEFT: "ship"})):
        assert answer.status_code == 410
        assert "It was sent to an address that isn’t on our list any more." in answer.text


def test_a_withdrawn_comparison_takes_no_vote(site: Running) -> None:
    with site.app.database.write() as session:
        session.get_one(Comparison, comparison_id(site)).withdrawn_at = site.clock()

    assert vote(site, link(site), {LEFT: "ship"}).status_code == 410
    assert counted(site)[LEFT] == VoteCount()


def test_a_database_that_is_away_loses_no_vote_in_silence(
    site: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with site.app.database.write() as session:
        session.connection().execute(text("ALTER TABLE vote RENAME TO away"))

    path = link(site)
    answer = vote(site, path, {LEFT: "ship"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert path.split("/")[2] not in caplog.text
    with site.app.database.write() as session:
        session.connection().execute(text("ALTER TABLE away RENAME TO vote"))
    assert vote(site, path, {LEFT: "ship"}).status_code == 200


def test_an_answer_speaks_german_and_keeps_the_language(site: Running) -> None:
    path = link(site)
    answer = vote(site, path, {LEFT: "ship", RIGHT: "skip"}, lang="de")

    told = text_of(answer.text)
    assert "Sie würden Lintwick nehmen und auf Ravelin Coder 2 verzichten." in told
    assert answer.text.count('<input type="hidden" name="lang" value="de">') == 2
    assert f'href="{path}?lang=de"' in answer.text


def test_no_token_or_address_is_logged(site: Running, caplog: pytest.LogCaptureFixture) -> None:
    path = link(site)
    with caplog.at_level(logging.DEBUG):
        site.get(path, headers=BROWSER)
        vote(site, path, {LEFT: "ship"})
        vote(site, path, {})

    ours = [
        line for line in caplog.text.splitlines() if "httpx" not in line and "httpcore" not in line
    ]
    assert [line for line in ours if path.split("/")[2] in line or "ada@" in line] == []


def test_readers_who_vote_alike_each_get_their_own_links(site: Running) -> None:
    with site.app.database.write() as session:
        session.connection().execute(
            text(
                "INSERT INTO subscriber (id, address, address_key, language, created_at)"
                " VALUES (2, 'bo@example.org', 'bo@example.org', 'en', '2026-01-01 00:00:00')"
            )
        )
    paths = [link(site), link(site, reader=2)]
    for _ in range(2):
        answers = [vote(site, path, {LEFT: "ship"}).text for path in paths]

    assert counted(site)[LEFT] == VoteCount(2, 0)
    for path, answer in zip(paths, answers, strict=True):
        assert set(re.findall(r"/v/[\w-]+", answer)) == {path}
