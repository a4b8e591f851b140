"""A reader's votes on the site: in the download of their data, and gone with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import select

from digest.errors import BadSetting
from digest.votes import VoteCount
from digest.votes.models import Vote
from digest.web.app import make_site
from subscribers.tokens import LinkTarget
from tests.web.conftest import SLUG, Clock, MakeSite, Running, app_of
from tests.web.voter import LEFT, READER, RIGHT, counted, link, vote


def own_path(site: Running) -> str:
    url = site.links.preferences(LinkTarget(READER, "weekly"), "ada@example.org")
    return url.removeprefix(site.app.settings.base_url)


def test_a_reader_downloads_their_votes(site: Running) -> None:
    vote(site, link(site), {LEFT: "ship", RIGHT: "skip"})
    votes = site.get(f"{own_path(site)}/data").json()["votes"]
    assert [(each["comparison"], each["tool"], each["call"]) for each in votes] == [
        (SLUG, LEFT, "ship"),
        (SLUG, RIGHT, "skip"),
    ]
    assert votes[0]["history"] == [{"counted_as": "ship", "at": votes[0]["at"]}]


@pytest.mark.parametrize(("setting", "left"), [("keep", 1), ("remove", 0)])
def test_who_is_erased_leaves_a_vote_without_a_person_or_none(
    make_running: MakeSite, setting: str, left: int
) -> None:
    site = make_running(votes_of_erased=setting)
    path = link(site)
    vote(site, path, {LEFT: "ship"})
    assert site.http.post(f"{own_path(site)}/erase").status_code == 200
    assert counted(site)[LEFT] == VoteCount(left, 0)
    with site.app.database.read() as session:
        assert [each.subscriber_id for each in session.exec(select(Vote))] == [None] * left
    assert vote(site, path, {LEFT: "skip"}).status_code == 410


def test_a_site_doesn_t_start_with_a_faulty_list_of_scanners(stock: Path, tmp_path: Path) -> None:
    (tmp_path / "networks").write_text("London", "utf-8")
    app = app_of(stock, Clock(), scanner_networks=tmp_path / "networks")
    with pytest.raises(BadSetting, match="DIGEST_SCANNER_NETWORKS, line 1"):
        make_site(app)
    app.database.close()
