"""What views tell templates of votes: our readers', the published share, and where to vote."""

from __future__ import annotations

from digest.issues.content.background import Background
from digest.issues.content.branding import branded
from digest.issues.content.compose import comparison_view
from digest.mail.mailing import vote_tag
from digest.votes import VoteCount
from tests.render.samples import make_contender, make_issue, make_newsletter, make_revision


def test_our_readers_votes_and_the_community_share_are_two_things() -> None:
    revision = make_revision(make_contender(0, community_share=62.0), make_contender(1))
    revision.comparison_id = 7
    background = Background(counts={7: {1: VoteCount(434, 178)}}, shown_from=5)

    left, right = comparison_view(
        revision, base_url="", web_url="", background=background
    ).contenders

    assert (left.readers, left.readers_interval) == ("71% would ship · 612 votes", "67–74%")
    assert (left.published, left.tool) == ("62% would ship", "lantern-code-3")
    assert (right.readers, right.readers_interval, right.published) == ("No votes yet", "", "")


def test_a_view_that_shows_no_votes_says_nothing_of_readers() -> None:
    side = comparison_view(make_revision(), base_url="", web_url="").contenders[0]

    assert (side.readers, side.readers_interval, side.published) == ("", "", "")
    assert (side.ship_url, side.skip_url) == ("", "")


def test_an_issue_has_the_links_of_two_votes_a_tool() -> None:
    first, second = make_issue(make_revision(), make_revision(title="Another one")).comparisons
    base = "https://news.example.com/v/-digest_vote"

    assert first.contenders[0].ship_url == f"{base}_1_token-/lantern-code-3/ship"
    assert first.contenders[0].skip_url == f"{base}_1_token-/lantern-code-3/skip"
    assert second.vote_url == f"{base}_2_token-"


def test_the_link_of_a_tool_with_a_slug_too_long_opens_the_page_without_a_choice() -> None:
    revision = make_revision(make_contender(0, "\N{CJK UNIFIED IDEOGRAPH-6C49}" * 80))
    side = make_issue(revision).comparisons[0].contenders[0]

    assert side.ship_url == side.skip_url == f"https://news.example.com/v/{vote_tag(1)}"


def test_links_to_vote_carry_no_tags_for_statistics() -> None:
    newsletter = make_newsletter()
    newsletter.utm = True
    view = branded(make_issue(newsletter=newsletter), newsletter, None).comparisons[0]

    assert "utm_source" in view.url
    links = [view.vote_url, *(each.ship_url + each.skip_url for each in view.contenders)]
    assert "utm_" not in "".join(links)
