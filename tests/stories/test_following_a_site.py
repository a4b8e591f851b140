"""From the address of a site to a sent issue, without a file."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.fake_sendgrid import running_fake
from tests.sources.site.site_server import NETWORK, RunningSite, running_site
from tests.stories.conftest import ENOUGH, Installation, last_week
from tests.stories.test_interrupted_send import until
from tests.stories.test_provider_outage import told_of
from tests.stories.warm_start import Warm

PAGES = 7


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(PAGES) as running:
        yield running


@pytest.fixture
def desk(warmed: Warm, tmp_path: Path, site: RunningSite) -> Installation:
    """An installation that follows the site."""
    made = Installation(warmed, tmp_path, {**ENOUGH, "DIGEST_ALLOWED_NETWORKS": NETWORK})
    made.done("init")
    made.done("sources", "add", f"{site.url}/sitemap.xml")
    site.reset_counts()
    return made


def bodies(site: RunningSite) -> int:
    """How many bodies of pages and lists the site has sent since the counts began."""
    sent = site.counts()["bodies"]
    return sum(number for path, number in sent.items() if path != "/robots.txt")


def pages_asked(site: RunningSite) -> int:
    asked = site.counts()["requests"]
    return sum(number for path, number in asked.items() if path.startswith("/comparisons/"))


def test_a_site_becomes_an_issue_without_a_file(desk: Installation, site: RunningSite) -> None:
    desk.done("subscribers", "add", "reader@example.org", "--consent", "They ticked the box.")
    assert desk.done("sources", "poll").out.startswith("source 1: 7 pages: 7 new")
    assert bodies(site) == PAGES + 1
    assert desk.done("comparisons", "list", "--json").facts == []
    assert desk.run("build", "--period", last_week(), "--yes").code == 1

    site.reset_counts()
    again = desk.done("sources", "poll", "--json").facts[0]
    assert (again["pages"]["unchanged"], again["bodies"], bodies(site)) == (PAGES, 0, 0)

    desk.done("sources", "accept", "--all", "--by", "Edith")
    desk.done("build", "--period", last_week(), "--yes")
    (lead, *_) = desk.done("pick", "--period", last_week(), "--json").facts["chosen"]
    desk.done("approve", "1", "--by", "Edith", "--despite", "local-host")
    with running_fake(desk.folder, hold_events=True) as fake:
        told_of(desk, fake).done("send", "1")
        (sent,) = fake.messages()
        assert lead["title"] in fake.message(sent["id"])["text"]


def test_what_a_site_changes_is_decided_by_an_editor(desk: Installation, site: RunningSite) -> None:
    desk.done("sources", "poll")
    desk.done("sources", "accept", "--all", "--by", "Edith")
    slugs = site.slugs()
    site.change(*slugs[1:6:2])
    site.remove(slugs[0])
    site.damage(slugs[6])
    desk.done("sources", "poll")

    waiting = desk.done("sources", "proposals", "--json").facts
    assert Counter(each["kind"] for each in waiting) == {"revision": 3, "withdrawal": 1}
    assert all(each["changes"] for each in waiting if each["kind"] == "revision")
    listed = desk.done("comparisons", "list", "--json").facts
    assert {(each["revision"], each["withdrawn"]) for each in listed} == {(1, False)}
    pages = desk.done("sources", "show", "1", "--json").facts["page_list"]
    (refused,) = [page for page in pages if page["outcome"] == "refused"]
    assert refused["line"] == 33  # the last: what is missing was to follow
    assert "reviewer scorecard" in refused["reason"].lower()

    desk.done("sources", "accept", "--all", "--by", "Edith")
    (gone,) = [str(each["id"]) for each in waiting if each["kind"] == "withdrawal"]
    desk.done("sources", "accept", gone, "--by", "Edith")
    listed = desk.done("comparisons", "list", "--json").facts
    assert sorted(each["revision"] for each in listed) == [1, 1, 1, 1, 2, 2, 2]
    assert sum(each["withdrawn"] for each in listed) == 1


def test_a_poll_that_was_killed_goes_on(desk: Installation, site: RunningSite) -> None:
    site.set_crawl_delay(1.5)
    with desk.started("sources", "poll", "1") as poll:
        until(lambda: pages_asked(site) >= 2)
        os.kill(poll.pid, signal.SIGKILL)
    assert desk.done("sources", "list", "--json").facts[0]["under_way"]

    site.set_crawl_delay(0)
    assert desk.done("sources", "poll", "1", "--json").facts[0]["pages"]["new"] == PAGES
    assert pages_asked(site) <= PAGES + 1  # what was under way is asked for again
    assert len(desk.done("sources", "proposals", "--json").facts) == PAGES


def test_one_page_is_imported_by_its_address_where_that_is_allowed(
    desk: Installation, site: RunningSite
) -> None:
    url = f"{site.url}/comparisons/{site.slugs()[0]}"
    refused = desk.run("import", url, DIGEST_ALLOWED_NETWORKS="")
    assert refused.code == 1
    assert "DIGEST_ALLOWED_NETWORKS" in refused.err

    (imported,) = desk.done("import", url, "--json").facts["files"]
    assert (imported["file"], imported["outcome"]) == (url, "new")
    unreachable = desk.run("sources", "add", "http://127.0.0.2:9/")
    assert unreachable.code == 1
    assert len(desk.done("sources", "list", "--json").facts) == 1


def test_accepting_all_withdraws_nothing(desk: Installation, site: RunningSite) -> None:
    desk.done("sources", "poll")
    desk.done("sources", "accept", "--all")
    site.remove(site.slugs()[0])
    desk.done("sources", "poll")
    desk.done("sources", "poll")
    assert "digest sources accept 8" in desk.done("sources", "accept", "--all").out
    (gone,) = desk.done("sources", "proposals", "--json").facts
    assert gone["kind"] == "withdrawal"
    desk.done("sources", "accept", str(gone["id"]))
    assert desk.done("sources", "proposals", "--json").facts == []
