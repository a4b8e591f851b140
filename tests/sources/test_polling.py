"""A poll: what each answer of a site means, and how a poll that was cut off goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from digest.comparisons.store import summaries
from digest.db import Database
from digest.errors import NotFound, WrongState
from digest.sources import proposals, store
from digest.sources.models import (
    AcceptRule,
    PageOutcome,
    Proposal,
    ProposalKind,
    Source,
    SourceKind,
    SourcePage,
)
from digest.sources.polling import FAILURES_IN_A_ROW, LEASE, MOST_WAITING
from tests.conftest import NOW
from tests.history.query_plans import scans, seen_statements
from tests.sources.conftest import SITE
from tests.sources.fake_site import Death, FakeSite

NAMES = ("Lathe", "Anvil", "Chisel")


@pytest.fixture
def site(database: Database) -> FakeSite:
    """A followed site of three pages."""
    with database.write() as session:
        session.add(
            Source(
                url=f"{SITE}/sitemap.xml",
                kind=SourceKind.SITEMAP,
                added_at=NOW,
                next_poll_at=NOW,
            )
        )
    made = FakeSite(database)
    made.fill(NAMES)
    return made


def page(site: FakeSite, path: str) -> SourcePage:
    with site.database.read() as session:
        return session.exec(select(SourcePage).where(SourcePage.url == f"{SITE}{path}")).one()


def source(site: FakeSite) -> Source:
    with site.database.read() as session:
        return store.by_id(session, 1)


def waiting(site: FakeSite) -> list[ProposalKind]:
    with site.database.read() as session:
        return [row.kind for row in proposals.waiting(session)]


def accept_all(site: FakeSite) -> None:
    with site.database.write() as session:
        for row in proposals.waiting(session):
            proposals.accept(session, row.id or 0, "Edith", site.now)


def set_rule(site: FakeSite, rule: AcceptRule) -> None:
    with site.database.write() as session:
        store.by_id(session, 1).accept = rule


def test_the_first_poll_proposes_every_page(site: FakeSite) -> None:
    result = site.poll()
    assert result.pages == {PageOutcome.NEW: 3}
    assert (result.done, result.requests, result.bodies, result.waiting) == (True, 3, 3, 3)
    assert waiting(site) == [ProposalKind.NEW] * 3
    with site.database.read() as session:
        assert summaries(session) == []


def test_the_second_poll_fetches_no_body(site: FakeSite) -> None:
    site.poll()
    result = site.poll()
    assert result.pages == {PageOutcome.UNCHANGED: 3}
    assert (result.requests, result.bodies) == (3, 0)


def test_other_bytes_of_the_same_content_are_no_change(site: FakeSite) -> None:
    site.poll()
    site.pages["/lathe"] += " "
    result = site.poll()
    assert result.bodies == 1
    assert result.pages == {PageOutcome.UNCHANGED: 3}


def test_a_site_without_etags_is_compared_by_its_bytes(site: FakeSite) -> None:
    site.tags = False
    site.poll()
    result = site.poll()
    assert result.bodies == 3
    assert result.pages == {PageOutcome.UNCHANGED: 3}


def test_a_changed_page_is_a_revision(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    site.pages["/lathe"] = "Lathe: Which one now?"
    assert site.poll().pages == {PageOutcome.CHANGED: 1, PageOutcome.UNCHANGED: 2}
    assert waiting(site) == [ProposalKind.REVISION]


def test_a_proposal_is_locked_before_its_page(site: FakeSite) -> None:
    """As accepting it does: the other way round, each could wait for the other."""
    site.poll()
    site.pages["/lathe"] = "Lathe: Which one now?"
    with seen_statements(site.database) as seen:
        site.poll()
    both = ("FROM proposal \nWHERE proposal.page_id", "UPDATE source_page SET checked_at")
    order = [text for each in seen.first for text in both if text in each]
    assert order[0] == both[0]


def test_a_rule_lets_changes_through(site: FakeSite) -> None:
    set_rule(site, AcceptRule.ALL)
    site.poll()
    site.pages["/lathe"] = "Lathe: Which one now?"
    site.poll()
    assert waiting(site) == []
    with site.database.read() as session:
        assert [row.revision for row in summaries(session)] == [1, 1, 2]


def test_a_page_is_gone_after_two_answers_of_404(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    site.statuses["/lathe"] = 404
    assert site.poll().pages == {PageOutcome.FAILED: 1, PageOutcome.UNCHANGED: 2}
    assert waiting(site) == []
    assert site.poll().pages == {PageOutcome.GONE: 1, PageOutcome.UNCHANGED: 2}
    assert waiting(site) == [ProposalKind.WITHDRAWAL]


def test_a_page_that_is_neither_listed_nor_there_is_gone_at_once(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    del site.pages["/lathe"]
    assert site.poll().pages == {PageOutcome.GONE: 1, PageOutcome.UNCHANGED: 2}
    assert waiting(site) == [ProposalKind.WITHDRAWAL]


def test_a_page_that_a_whole_list_lacks_twice_is_gone(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    site.unlisted.add("/lathe")
    site.poll()
    assert waiting(site) == []
    site.poll()
    assert waiting(site) == [ProposalKind.WITHDRAWAL]


def test_a_list_that_may_lack_pages_says_nothing_of_those_it_lacks(site: FakeSite) -> None:
    site.is_whole = False
    site.poll()
    accept_all(site)
    site.unlisted.add("/lathe")
    site.poll()
    assert site.poll().pages == {PageOutcome.UNCHANGED: 3}
    assert waiting(site) == []


def test_a_page_that_comes_back_ends_its_withdrawal(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    lost = site.pages.pop("/lathe")
    site.poll()
    site.pages["/lathe"] = lost
    assert site.poll().pages == {PageOutcome.UNCHANGED: 3}
    assert waiting(site) == []


def test_a_withdrawal_that_was_dismissed_is_not_proposed_again(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    site.statuses["/lathe"] = 410
    site.poll()
    site.poll()
    with site.database.write() as session:
        (row,) = proposals.waiting(session)
        proposals.dismiss(session, row.id or 0, "Edith", "it stays", site.now)
    site.poll()
    site.statuses["/lathe"] = 500
    site.poll()
    site.statuses["/lathe"] = 410
    site.poll()
    assert waiting(site) == []


def test_a_page_that_cannot_be_read_is_refused_with_its_line(site: FakeSite) -> None:
    site.pages["/lathe"] = "Lathe"
    assert site.poll().pages == {PageOutcome.NEW: 2, PageOutcome.REFUSED: 1}
    row = page(site, "/lathe")
    assert (row.refusal, row.line) == ("the question is missing", 1)


def test_a_refused_page_is_read_again_only_when_it_changes(site: FakeSite) -> None:
    site.pages["/lathe"] = "Lathe"
    site.poll()
    result = site.poll()
    assert result.bodies == 0
    assert result.pages == {PageOutcome.UNCHANGED: 2, PageOutcome.REFUSED: 1}
    assert page(site, "/lathe").line == 1
    site.pages["/lathe"] = "Lathe: Which one?"
    assert site.poll().pages == {PageOutcome.NEW: 1, PageOutcome.UNCHANGED: 2}


def test_the_reason_of_a_refusal_outlives_a_failure(site: FakeSite) -> None:
    site.pages["/lathe"] = "Lathe"
    site.poll()
    site.statuses["/lathe"] = 503
    site.poll()
    assert page(site, "/lathe").refusal == "its server answers 503; try again later"
    del site.statuses["/lathe"]
    site.poll()
    assert page(site, "/lathe").refusal == "the question is missing"


def test_what_a_redirect_leads_to_is_not_read_where_robots_forbid_it(site: FakeSite) -> None:
    site.pages |= {"/lathe": "Lathe: Which one?", "/kept-out": "Adze: Which one?"}
    site.moved["/lathe"] = "/kept-out"
    site.unlisted.add("/kept-out")
    site.forbidden.add("/kept-out")
    site.poll()
    assert "robots.txt" in page(site, "/lathe").refusal


def test_what_robots_forbid_is_not_asked_for(site: FakeSite) -> None:
    site.forbidden.add("/lathe")
    assert site.poll().pages == {PageOutcome.NEW: 2, PageOutcome.REFUSED: 1}
    assert "/lathe" not in site.asked
    assert "robots.txt" in page(site, "/lathe").refusal


def test_a_site_that_fails_is_left_alone(site: FakeSite) -> None:
    site.fill(f"Tool {number}" for number in range(20))
    site.away = True
    result = site.poll()
    assert len(site.asked) == FAILURES_IN_A_ROW
    assert "5 pages in a row failed, the last because nobody answers" in result.problem
    assert "try again later" in page(site, "/lathe").refusal
    assert source(site).ok is False
    site.away = False
    assert site.poll().pages == {PageOutcome.NEW: 23}


def test_pages_that_fail_on_their_own_keep_no_other_away(site: FakeSite) -> None:
    for number in range(2 * FAILURES_IN_A_ROW):
        site.pages[f"/large-{number}"] = ""
        site.statuses[f"/large-{number}"] = 403
    site.fill(["Punch"])
    assert site.poll().pages == {PageOutcome.NEW: 4, PageOutcome.FAILED: 10}


def test_the_pause_that_a_site_wants_is_kept(site: FakeSite) -> None:
    site.pause = 10.0
    site.poll()
    assert site.waited == [10.0, 10.0]


def test_a_run_ends_before_a_pause_that_is_too_long(site: FakeSite) -> None:
    site.pause = 40.0
    result = site.poll(until=site.now + timedelta(hours=1, seconds=60))
    assert (result.done, result.requests) == (False, 2)
    assert str(result) == "2 of 3 pages: 2 new; the rest follows"
    assert source(site).next_poll_at - site.now == timedelta(seconds=40)
    assert site.go_on().pages == {PageOutcome.NEW: 3}


def test_a_poll_that_was_stopped_goes_on_with_the_pages_it_has_left(site: FakeSite) -> None:
    site.stop_after = 1
    assert site.poll().done is False
    site.stop_after = None
    result = site.go_on()
    assert result.done
    assert site.asked == ["/lathe", "/anvil", "/chisel"]
    assert source(site).poll_began_at is None


def die_after_one_page(site: FakeSite) -> None:
    """Let a process die while it waits for the second page."""
    site.owner, site.dies_waiting, site.pause = "dead", True, 1.0
    with pytest.raises(Death):
        site.poll()
    site.owner, site.dies_waiting, site.pause = "next", False, 0.0


def test_a_poll_of_a_process_that_may_be_alive_is_left_to_it(site: FakeSite) -> None:
    die_after_one_page(site)
    with pytest.raises(WrongState, match="another process"):
        site.go_on()
    site.now += LEASE
    assert site.go_on().pages == {PageOutcome.NEW: 3}
    assert site.asked == ["/lathe", "/anvil", "/chisel"]


def test_a_poll_of_a_process_that_died_here_goes_on_at_once(site: FakeSite) -> None:
    die_after_one_page(site)
    site.others_alive = False
    assert site.go_on().pages == {PageOutcome.NEW: 3}


def test_a_poll_lasts_for_some_pages_and_the_next_goes_on(site: FakeSite) -> None:
    site.most_pages = 2
    assert site.poll().pages == {PageOutcome.NEW: 2}
    assert site.poll().pages == {PageOutcome.NEW: 1, PageOutcome.UNCHANGED: 1}


def test_a_page_without_a_comparison_is_forgotten_when_it_is_gone(site: FakeSite) -> None:
    site.poll()
    del site.pages["/lathe"]
    site.poll()
    with site.database.read() as session:
        assert store.count_pages(session, 1) == 2
    assert waiting(site) == [ProposalKind.NEW] * 2


def test_what_forgotten_pages_proposed_is_found_by_an_index(site: FakeSite) -> None:
    site.poll()
    del site.pages["/lathe"]
    with seen_statements(site.database) as seen:
        site.poll()
    deleting = [each for each in seen.first if each.startswith("DELETE FROM proposal")]
    with site.database.read() as session:
        connection = session.connection()
        for each in deleting:
            assert scans(connection, each, seen.first[each], {"proposal"}) == set()
    assert any("page_id IN" in each for each in deleting)


def test_a_source_that_nobody_decides_on_is_read_no_further(site: FakeSite) -> None:
    numbers = range(1, MOST_WAITING)
    told: dict[str, Any] = {"source_id": 1, "kind": ProposalKind.NEW, "title": "A", "found_at": NOW}
    with site.database.write() as session:
        session.add_all(
            SourcePage(source_id=1, url=f"{SITE}/{number}", listed_at=NOW, checked_at=NOW)
            for number in numbers
        )
        session.flush()
        pages = session.exec(select(SourcePage.id)).all()
        session.add_all(Proposal(page_id=page_id or 0, **told) for page_id in pages)
    site.is_whole = False
    result = site.poll()
    assert result.pages == {PageOutcome.NEW: 1}
    assert "1,000 proposals" in result.problem


def test_a_paused_source_is_not_polled(site: FakeSite) -> None:
    with site.database.write() as session:
        store.by_id(session, 1).paused_at = NOW
    with site.database.read() as session:
        assert store.due(session, site.now) == []
    with pytest.raises(WrongState, match="paused"):
        site.poll()


def test_the_next_poll_is_an_hour_later(site: FakeSite) -> None:
    site.poll()
    assert source(site).next_poll_at - site.now == timedelta(hours=1)
    with site.database.read() as session:
        assert store.due(session, site.now) == []
        assert store.due(session, site.now + timedelta(hours=1)) == [1]


def test_a_source_that_is_removed_keeps_its_comparisons(site: FakeSite) -> None:
    site.poll()
    accept_all(site)
    site.pages["/lathe"] = "Lathe: Which one now?"
    site.poll()
    with site.database.write() as session:
        assert store.remove(session, store.by_id(session, 1)) == 1
    with site.database.read() as session:
        assert len(summaries(session)) == 3
        assert session.exec(select(SourcePage)).all() == []
    with pytest.raises(NotFound, match="no source 1"):
        site.poll()


def test_a_page_at_two_addresses_is_proposed_once(site: FakeSite) -> None:
    site.pages["/lathe?from=list"] = site.pages["/lathe"]
    assert site.poll().pages == {PageOutcome.NEW: 3, PageOutcome.UNCHANGED: 1}
    accept_all(site)
    for path in ("/lathe", "/lathe?from=list"):
        site.pages[path] = "Lathe: Which one now?"
    assert site.poll().pages == {PageOutcome.CHANGED: 1, PageOutcome.UNCHANGED: 3}
    accept_all(site)
    with site.database.read() as session:
        assert [row.revision for row in summaries(session)] == [1, 1, 2]


def test_a_page_that_stands_at_another_address_is_not_gone(site: FakeSite) -> None:
    site.pages["/lathe?from=list"] = site.pages["/lathe"]
    site.poll()
    accept_all(site)
    del site.pages["/lathe"]
    assert site.poll().pages == {PageOutcome.GONE: 1, PageOutcome.UNCHANGED: 3}
    assert waiting(site) == []
    del site.pages["/lathe?from=list"]
    site.poll()
    assert waiting(site) == [ProposalKind.WITHDRAWAL]


def test_another_address_proposes_what_the_first_no_longer_does(site: FakeSite) -> None:
    site.pages["/lathe?from=list"] = site.pages["/lathe"]
    site.poll()
    del site.pages["/lathe"]
    site.poll()
    site.poll()
    assert waiting(site) == [ProposalKind.NEW] * 3
