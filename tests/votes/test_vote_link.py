"""A vote link is good for one reader and one comparison, for some days, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.comparisons.models import Call
from digest.votes import (
    BY_LETTER,
    VoteLinkExpired,
    VoteTarget,
    copy_signer,
    letter_token,
    read_vote_token,
    vote_path,
)
from subscribers.errors import BadToken
from subscribers.tokens import Links, LinkTarget, Purpose, Tokens

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
TOKENS = Tokens(["a secret that is long enough to be one"])


def test_a_copy_s_link_names_its_reader_its_comparison_and_its_edition() -> None:
    [token] = copy_signer(TOKENS, 7, NOW)([41], 3)
    day = NOW.replace(hour=0, minute=0)
    assert read_vote_token(TOKENS, token, NOW, days=60) == VoteTarget(41, 3, 7, day)


def test_a_letter_s_link_may_subscribe_as_well() -> None:
    token = letter_token(TOKENS, 41, 3, NOW, newsletter="weekly:odd")
    target = read_vote_token(TOKENS, token, NOW, days=60)
    assert target == VoteTarget(41, 3, BY_LETTER, NOW, "weekly:odd")


def test_a_link_ends_after_its_days() -> None:
    token = letter_token(TOKENS, 41, 3, NOW)
    assert read_vote_token(TOKENS, token, NOW + timedelta(days=60), days=60).subscriber_id == 41
    with pytest.raises(VoteLinkExpired):
        read_vote_token(TOKENS, token, NOW + timedelta(days=60, seconds=1), days=60)


def test_a_link_for_another_purpose_takes_no_vote_and_a_vote_link_nothing_else() -> None:
    with pytest.raises(BadToken):
        read_vote_token(TOKENS, TOKENS.sign(Purpose.UNSUBSCRIBE, "41:3:7:0:"), NOW, days=60)
    with pytest.raises(BadToken):
        read_vote_token(TOKENS, TOKENS.sign(Purpose.VOTE, "41:weekly"), NOW, days=60)
    links = Links("https://news.example.com", TOKENS)
    for token in (*copy_signer(TOKENS, 7, NOW)([41], 3), letter_token(TOKENS, 41, 3, NOW)):
        with pytest.raises(BadToken):
            links.read_unsubscribe(token)
    with pytest.raises(BadToken):
        read_vote_token(
            TOKENS, links.unsubscribe(LinkTarget(41, "weekly")).rpartition("/")[2], NOW, days=60
        )


def test_the_path_names_a_choice_or_none() -> None:
    assert vote_path("abc", "modal", Call.SHIP) == "/v/abc/modal/ship"
    assert vote_path("abc") == "/v/abc"
