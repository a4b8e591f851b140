"""Scanners never count for or against; a reader whose mail was scanned counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from digest.comparisons.models import Call
from digest.votes.models import HeldReason
from digest.votes.terms import Copy, DeliveredState
from tests.votes.conftest import EDITION, SHIP, SKIP, Poll


def scan(poll: Poll, reader: int, after: float = 1.0) -> None:
    """Follow every link of the comparison."""
    for tool in (0, 1):
        for call in (SHIP, SKIP):
            poll.look(reader, tool, call, after=after)


def test_a_look_casts_no_vote_and_marks_no_copy(poll: Poll) -> None:
    reader = poll.reader()
    poll.look(reader)
    assert (poll.count(), poll.held(), poll.scans()) == ((0, 0), [], {})


def test_a_scanner_that_only_looks_marks_its_copy_and_the_reader_votes_later(poll: Poll) -> None:
    reader = poll.reader()
    scan(poll, reader)
    assert poll.scans() == {reader: ("burst", False)}
    poll.look(reader, after=3_600)
    poll.later(seconds=4)
    assert poll.cast(poll.ballot(reader, SHIP)) == [None]
    assert poll.count() == (1, 0)
    assert poll.scans() == {reader: ("burst", False)}


def test_a_scanner_that_presses_is_held_and_named(poll: Poll) -> None:
    reader = poll.reader()
    scan(poll, reader)
    assert poll.cast(poll.ballot(reader, SHIP, SHIP)) == [HeldReason.SCANNER]
    assert (poll.count(), poll.scans()) == ((0, 0), {reader: ("burst", True)})


def test_the_press_that_came_before_the_burst_is_held_in_hindsight(poll: Poll) -> None:
    reader = poll.reader()
    poll.look(reader)
    assert poll.cast(poll.ballot(reader, SHIP)) == [None]
    assert poll.count() == (1, 0)
    scan(poll, reader)
    assert (poll.count(), poll.held()) == ((0, 0), [HeldReason.SCANNER])
    assert poll.scans() == {reader: ("burst", True)}


def test_a_scanner_changes_no_vote_that_a_reader_has_cast(poll: Poll) -> None:
    reader = poll.reader()
    poll.cast(poll.ballot(reader, SHIP))
    poll.later(days=2)
    scan(poll, reader)
    assert poll.cast(poll.ballot(reader, SKIP)) == [HeldReason.SCANNER]
    assert poll.cast(poll.ballot(reader, None)) == [HeldReason.SCANNER]
    assert (poll.count(), poll.held()) == ((1, 0), [None])


def test_in_hindsight_a_vote_counts_again_as_before_the_scanner(poll: Poll) -> None:
    reader = poll.reader()
    poll.cast(poll.ballot(reader, SHIP, SKIP))
    poll.later(days=2)
    poll.look(reader, 0, SKIP)
    assert poll.cast(poll.ballot(reader, SKIP, None)) == [None]
    assert (poll.count(0), poll.count(1)) == ((0, 1), (0, 0))
    scan(poll, reader)
    assert (poll.count(0), poll.count(1)) == ((1, 0), (0, 1))


def test_a_held_reader_counts_by_pressing_again_later(poll: Poll) -> None:
    reader = poll.reader()
    scan(poll, reader)
    assert poll.cast(poll.ballot(reader, SHIP)) == [HeldReason.SCANNER]
    poll.later(seconds=61)
    assert poll.cast(poll.ballot(reader, SHIP)) == [None]
    assert (poll.count(), poll.held()) == ((1, 0), [None])


def test_presses_on_several_comparisons_at_once_are_a_program_s(poll: Poll) -> None:
    reader = poll.reader()
    numbers = [min(poll.pairs), poll.comparison(), poll.comparison()]
    held = poll.cast(*[poll.ballot(reader, SHIP, comparison=number) for number in numbers])
    assert held[-1] is HeldReason.SCANNER
    assert poll.held() == [HeldReason.SCANNER] * 3


def test_a_reader_who_votes_on_one_comparison_after_another_is_counted(poll: Poll) -> None:
    reader = poll.reader()
    for number in (min(poll.pairs), poll.comparison(), poll.comparison(), poll.comparison()):
        poll.look(reader, comparison=number, after=5)
        poll.later(seconds=4)
        assert poll.cast(poll.ballot(reader, SHIP, comparison=number)) == [None]
    assert poll.held() == [None] * 4


def test_a_known_scanner_s_network_never_counts(poll: Poll) -> None:
    poll.terms = replace(
        poll.terms, scanners=[ip_network("192.0.2.0/25"), ip_network("2001:db8::/32")]
    )
    readers = poll.readers(4)
    seen = ("192.0.2.7", "2001:db8::1", "192.0.2.128", "nonsense")
    ballots = [poll.ballot(r, address=a) for r, a in zip(readers, seen, strict=True)]
    assert poll.cast(*ballots) == [HeldReason.SCANNER, HeldReason.SCANNER, None, None]
    poll.look(readers[2], address="192.0.2.9")
    assert [sign for sign, _ in poll.scans().values()] == ["network"] * 3


def test_a_client_that_is_no_browser_never_counts(poll: Poll) -> None:
    reader, other = poll.readers(2)
    poll.look(reader, machine=True)
    assert poll.cast(poll.ballot(other, machine=True)) == [HeldReason.SCANNER]
    assert poll.scans() == {reader: ("machine", False), other: ("machine", True)}
    assert poll.cast(poll.ballot(reader)) == [None]


def test_a_press_within_seconds_of_delivery_is_held(poll: Poll) -> None:
    reader = poll.reader()
    poll.delivered(reader)
    poll.later(seconds=9)
    assert poll.cast(poll.ballot(reader)) == [HeldReason.SCANNER]
    poll.later(seconds=1)
    assert poll.cast(poll.ballot(reader)) == [None]


def test_a_delivery_that_is_still_to_come_holds_no_press(poll: Poll) -> None:
    near, far = poll.readers(2)
    poll.delivered(near, poll.now + timedelta(seconds=50))
    poll.delivered(far, poll.now + timedelta(minutes=10))
    assert poll.cast(poll.ballot(near), poll.ballot(far)) == [HeldReason.SCANNER, None]


def awaited(poll: Poll, reader: int) -> None:
    poll.arrivals[Copy(EDITION, reader)] = DeliveredState(awaited=True)


def test_a_vote_waits_until_its_copy_is_delivered(poll: Poll) -> None:
    reader, scanned, unheard = poll.readers(3)
    for number in (reader, scanned, unheard):
        awaited(poll, number)
    assert (
        poll.cast(*[poll.ballot(number) for number in (reader, scanned, unheard)])
        == [HeldReason.UNDELIVERED] * 3
    )
    voted_at = poll.now
    poll.delivered(reader, voted_at - timedelta(seconds=30))
    poll.delivered(scanned, voted_at - timedelta(seconds=2))
    poll.later(seconds=40)
    assert poll.judge() == 2
    assert poll.held() == [None, HeldReason.SCANNER, HeldReason.UNDELIVERED]
    assert poll.scans() == {scanned: ("early", True)}
    poll.later(minutes=9)
    assert poll.judge() == 0
    poll.later(minutes=1)
    assert poll.judge() == 1
    assert poll.count() == (2, 0)


def test_waiting_votes_are_judged_along_with_the_next_ballot(poll: Poll) -> None:
    reader, other = poll.readers(2)
    awaited(poll, reader)
    poll.cast(poll.ballot(reader))
    poll.delivered(reader, poll.now - timedelta(minutes=5))
    poll.later(seconds=20)
    poll.cast(poll.ballot(other))
    assert poll.held() == [None, None]


def test_the_links_of_a_copy_that_failed_are_a_scanner_s(poll: Poll) -> None:
    reader = poll.reader()
    awaited(poll, reader)
    poll.cast(poll.ballot(reader))
    poll.arrivals[Copy(EDITION, reader)] = DeliveredState(failed=True)
    assert poll.judge() == 1
    assert poll.held() == [HeldReason.SCANNER]


@pytest.mark.parametrize("call", [SKIP, None])
def test_a_vote_that_waits_is_changed_or_taken_back(poll: Poll, call: Call | None) -> None:
    reader = poll.reader()
    awaited(poll, reader)
    poll.cast(poll.ballot(reader, SHIP))
    poll.later(seconds=30)
    poll.cast(poll.ballot(reader, call))
    poll.later(minutes=11)
    poll.judge()
    assert poll.count() == ((0, 1) if call else (0, 0))


def test_a_look_that_was_too_early_marks_its_copy_once_the_news_is_there(poll: Poll) -> None:
    reader = poll.reader()
    awaited(poll, reader)
    poll.look(reader)
    poll.delivered(reader, poll.now - timedelta(seconds=3))
    poll.later(minutes=11)
    poll.judge()
    assert poll.scans() == {reader: ("early", False)}
