"""Limits an hour: what batches they make, and that no hour has more than its limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.delivery.pace import Pace, domains_of, scope_of
from digest.delivery.pace.limits import most_at_once, slack, step


@pytest.mark.parametrize("limit", [1, 7, 49, 50, 51, 99, 100, 149, 5_000, 49_999, 50_000, 10**7])
def test_no_hour_can_have_more_than_its_limit_nor_much_less(limit: int) -> None:
    """Of batches back to back, as many as begin in an hour, after the longest idle time."""
    most = most_at_once(limit)
    begun = (timedelta(hours=1) + slack(limit)) / step(limit, most)
    assert -(-begun // 1) * most <= limit  # the last begins before the hour is over
    assert timedelta(hours=1) / step(limit, 1) >= 0.95 * limit


def test_a_batch_has_a_fiftieth_of_the_hour_and_no_more_than_asked_for() -> None:
    pace = Pace(per_hour=5_000, by_scope={"Gmail": 500})
    assert pace.batch_size(1000) == 100
    assert pace.batch_size(1000, "Gmail") == 10
    assert pace.batch_size(30) == 30
    assert Pace(per_hour=20).batch_size(1000) == 1
    assert Pace().batch_size(1000) == 1000


def test_a_provider_s_domains_count_together_and_any_other_domain_alone() -> None:
    assert scope_of("hotmail.com") == scope_of("outlook.com") == "Microsoft"
    assert {"gmail.com", "googlemail.com"} == set(domains_of("Gmail"))
    assert (scope_of("example.org"), domains_of("example.org")) == ("example.org", ["example.org"])


def test_addresses_count_against_each_limit_that_they_fall_under() -> None:
    pace = Pace(per_hour=100, by_scope={"Gmail": 10})
    addresses = ["a@gmail.com", "b@GoogleMail.com", "c@example.org"]
    assert pace.count(addresses) == {"all": 3, "Gmail": 2}
    assert Pace(by_scope={"Gmail": 10}).count(["c@example.org"]) == {}


@pytest.mark.parametrize(
    ("left", "sizes"), [(None, [2, 2, 1]), (1, [1, 2, 2]), (2, [2, 2, 1]), (9, [2, 2, 1])]
)
def test_a_batch_is_cut_to_what_may_go_at_once(left: int | None, sizes: list[int]) -> None:
    assert Pace(per_hour=100).parts([f"{n}@example.org" for n in range(5)], left) == sizes


def test_the_day_s_rest_cuts_a_batch_in_two() -> None:
    assert Pace(warm_up=True).parts([f"{n}@example.org" for n in range(9)], 4) == [4, 5]


def test_a_batch_of_many_providers_is_cut_for_the_tightest() -> None:
    pace = Pace(by_scope={"Gmail": 50})
    addresses = ["a@gmail.com", "b@example.org", "c@example.org", "d@gmail.com", "e@gmail.com"]
    assert pace.parts(addresses) == [3, 1, 1]
