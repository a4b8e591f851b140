"""Votes become a share, an interval, and sums of days."""

from __future__ import annotations

import pytest

from digest.votes import VoteCount


def test_a_share_is_of_those_who_voted_and_none_is_not_zero() -> None:
    assert VoteCount(3, 1).share == 75
    assert VoteCount(0, 4).share == 0
    assert VoteCount().share is None


@pytest.mark.parametrize(
    ("ships", "skips", "low", "high"),
    [
        (0, 0, 0.0, 100.0),
        (0, 10, 0.0, 27.75),
        (10, 0, 72.25, 100.0),
        (81, 182, 25.53, 36.62),  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (15, 133, 6.24, 16.05),
        (1, 28, 0.61, 17.18),
    ],
)
def test_the_interval_is_wilson_s(ships: int, skips: int, low: float, high: float) -> None:
    assert VoteCount(ships, skips).interval == pytest.approx((low, high), abs=0.01)
