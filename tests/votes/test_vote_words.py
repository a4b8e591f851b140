"""What readers read of the votes on a tool."""

from __future__ import annotations

import pytest

from digest.votes import VoteCount, interval_in_words, votes_in_words


@pytest.mark.parametrize(
    ("count", "words", "interval"),
    [
        (VoteCount(), "No votes yet", ""),
        (VoteCount(1, 0), "1 vote so far", ""),
        (VoteCount(1, 3), "4 votes so far", ""),
        (VoteCount(5, 0), "100% would ship · 5 votes", "57–100%"),
        (VoteCount(0, 5), "0% would ship · 5 votes", "0–43%"),
        (VoteCount(434, 178), "71% would ship · 612 votes", "67–74%"),
        (VoteCount(1999, 1), "99% would ship · 2,000 votes", ""),  # never all while one skips
        (VoteCount(1, 1999), "1% would ship · 2,000 votes", ""),
        (VoteCount(710_000, 290_000), "71% would ship · 1,000,000 votes", ""),
    ],
)
def test_votes_read_as_a_share_from_the_minimum_on(
    count: VoteCount, words: str, interval: str
) -> None:
    assert votes_in_words(count, "en", shown_from=5) == words
    assert interval_in_words(count, "en", shown_from=5) == interval


def test_votes_read_in_german() -> None:
    assert votes_in_words(VoteCount(1000, 234), "de", shown_from=5) == (
        "81\N{NO-BREAK SPACE}% dafür · 1.234 Stimmen"
    )
    assert votes_in_words(VoteCount(1, 0), "de", shown_from=5) == "Bisher 1 Stimme"
    assert votes_in_words(VoteCount(1, 0), "de", shown_from=1) == (
        "100\N{NO-BREAK SPACE}% dafür · 1 Stimme"
    )
    assert interval_in_words(VoteCount(434, 178), "de", shown_from=5) == (
        "67–74\N{NO-BREAK SPACE}%"
    )


def test_the_minimum_is_a_setting_and_never_less_than_one_vote() -> None:
    assert votes_in_words(VoteCount(2, 0), "en", shown_from=3) == "2 votes so far"
    assert votes_in_words(VoteCount(2, 0), "en", shown_from=2) == "100% would ship · 2 votes"
    assert votes_in_words(VoteCount(), "en", shown_from=0) == "No votes yet"
    assert interval_in_words(VoteCount(), "en", shown_from=0) == ""
