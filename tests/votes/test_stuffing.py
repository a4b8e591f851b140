"""Stuffed votes are held apart: throwaway addresses, one mailbox twice, one network often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.votes.models import BY_LETTER, HeldReason
from subscribers import consent, lifecycle, store, suppression
from subscribers.models import ConsentAct, Standing, SuppressionReason
from subscribers.store import Evidence
from subscribers.tokens import DatedTarget, Hashes
from tests.votes.conftest import SHIP, SKIP, Poll

NETWORK = HeldReason.NETWORK


def test_a_fourth_new_address_of_a_network_holds_all_four(poll: Poll) -> None:
    readers = poll.readers(5, new=True)
    assert poll.cast(*[poll.ballot(reader, SHIP, SKIP) for reader in readers[:3]]) == [None] * 3
    assert poll.count() == (3, 0)
    assert poll.cast(poll.ballot(readers[3])) == [NETWORK]
    assert (poll.count(0), poll.count(1)) == ((0, 0), (0, 0))
    assert poll.cast(poll.ballot(readers[4]), poll.ballot(readers[0])) == [NETWORK, NETWORK]


def test_many_of_a_network_may_come_at_once(poll: Poll) -> None:
    readers = poll.readers(6, new=True)
    held = poll.cast(*[poll.ballot(reader) for reader in readers])
    assert held[3:] == [NETWORK] * 3
    assert poll.held() == [NETWORK] * 6


def test_those_who_have_long_been_readers_may_share_a_network(poll: Poll) -> None:
    readers = [*poll.readers(5), *poll.readers(3, new=True)]
    assert poll.cast(*[poll.ballot(reader) for reader in readers]) == [None] * 8


def test_those_whom_an_editor_imported_may_share_a_network_in_the_first_week(poll: Poll) -> None:
    readers, listed = poll.readers(5, new=True), Evidence(channel="import")
    with poll.database.write() as session:
        for reader in readers:
            consent.record(session, reader, "weekly", ConsentAct.IMPORTED, listed, poll.now)
    assert poll.cast(*[poll.ballot(reader) for reader in readers]) == [None] * 5


def test_another_network_and_another_comparison_are_counted_apart(poll: Poll) -> None:
    readers, second = poll.readers(6, new=True), poll.comparison()
    poll.cast(*[poll.ballot(reader) for reader in readers[:3]])
    assert poll.cast(poll.ballot(readers[3], network="198.51.100.0/24")) == [None]
    assert poll.cast(poll.ballot(readers[4], comparison=second)) == [None]
    assert poll.cast(poll.ballot(readers[5], network="")) == [None]


def test_a_vote_held_for_its_network_counts_once_the_address_is_no_longer_new(poll: Poll) -> None:
    readers = poll.readers(4, new=True)
    poll.cast(*[poll.ballot(reader) for reader in readers])
    with poll.database.write() as session:
        store.join(session, readers[0], "weekly", Standing.CONFIRMED, poll.now, source="form")
    assert poll.cast(poll.ballot(readers[0])) == [NETWORK]
    poll.later(days=6)
    assert poll.cast(poll.ballot(readers[0])) == [NETWORK], "a week is more patience than a day"
    poll.later(days=1, seconds=1)
    assert poll.held() == [NETWORK] * 4, "nothing but the reader's own press frees a vote"
    assert poll.cast(poll.ballot(readers[0])) == [None]


def test_a_disposable_domain_is_held(poll: Poll) -> None:
    poll.terms = replace(poll.terms, disposable=frozenset({"throw.example"}))
    assert poll.cast(poll.ballot(poll.reader("a@throw.example"))) == [HeldReason.DISPOSABLE]


def test_so_is_a_domain_below_it(poll: Poll) -> None:
    poll.terms = replace(poll.terms, disposable=frozenset({"throw.example"}))
    assert poll.cast(poll.ballot(poll.reader("a@inbox.throw.example"))) == [HeldReason.DISPOSABLE]
    assert poll.cast(poll.ballot(poll.reader("a@overthrow.example"))) == [None]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ann@example.com", "ann+2@example.com"),
        ("a.nn@gmail.com", "ann+x@googlemail.com"),
    ],
)
def test_a_second_spelling_of_a_mailbox_is_held(poll: Poll, first: str, second: str) -> None:
    one, other = poll.reader(first), poll.reader(second)
    assert poll.cast(poll.ballot(one, SHIP), poll.ballot(other, None, SKIP)) == [
        None,
        HeldReason.MAILBOX,
    ]
    assert poll.cast(poll.ballot(other, SHIP, comparison=poll.comparison())) == [None]


def test_the_second_spelling_counts_by_pressing_again_once_the_first_took_its_vote_back(
    poll: Poll,
) -> None:
    one, other = poll.reader("ann@example.com"), poll.reader("ann+2@example.com")
    poll.cast(poll.ballot(one), poll.ballot(other))
    poll.cast(poll.ballot(one, None))
    assert poll.count() == (0, 0), "a held vote waits for its reader"
    assert poll.cast(poll.ballot(other)) == [None]
    assert poll.cast(poll.ballot(one)) == [HeldReason.MAILBOX]
    assert poll.count() == (1, 0)


def test_a_mailbox_is_known_under_an_earlier_secret(poll: Poll) -> None:
    poll.cast(poll.ballot(poll.reader("ann@example.com")))
    hashes = Hashes(
        ["another secret, also long enough to be", "a secret for these tests, long enough"]
    )
    poll.terms = replace(poll.terms, hashes=hashes)
    assert poll.cast(poll.ballot(poll.reader("ann+2@example.com"))) == [HeldReason.MAILBOX]


def suppress(poll: Poll, address: str, reason: SuppressionReason) -> None:
    with poll.database.write() as session:
        suppression.suppress(session, address, reason, poll.terms.hashes, poll.now)


def test_a_vote_of_a_suppressed_address_is_held_and_an_earlier_one_stays(poll: Poll) -> None:
    early, late = poll.reader("early@example.com"), poll.reader("late@example.com")
    poll.cast(poll.ballot(early))
    for address in ("early@example.com", "late@example.com"):
        suppress(poll, address, SuppressionReason.COMPLAINT)
    assert poll.cast(poll.ballot(late)) == [HeldReason.SUPPRESSED]
    assert poll.cast(poll.ballot(early)) == [None], "the vote that counts already stays"
    assert poll.count() == (1, 0)
    assert poll.cast(poll.ballot(early, SKIP)) == [HeldReason.SUPPRESSED]
    assert poll.count() == (0, 0), "a reader who changes the vote no longer stands by the first"


@pytest.mark.parametrize(
    ("reason", "held"),
    [
        (SuppressionReason.LEFT, None),
        (SuppressionReason.HARD_BOUNCE, None),
        (SuppressionReason.COMPLAINT, HeldReason.SUPPRESSED),
        (SuppressionReason.MANUAL, HeldReason.SUPPRESSED),
    ],
)
def test_the_answer_to_a_letter_counts_where_it_would_lift_the_suppression(
    poll: Poll, reason: SuppressionReason, held: HeldReason | None
) -> None:
    reader = poll.reader("reader@example.com", new=True)
    suppress(poll, "reader@example.com", reason)
    assert poll.cast(poll.ballot(reader, edition=BY_LETTER)) == [held]


def test_a_vote_by_letter_counts_at_once_and_confirming_later_counts_nothing_twice(
    poll: Poll,
) -> None:
    reader = poll.reader(new=True)
    with poll.database.write() as session:
        store.join(session, reader, "weekly", Standing.PENDING, poll.now, source="form")
    assert poll.cast(poll.ballot(reader, edition=BY_LETTER)) == [None]
    poll.later(hours=1)
    with poll.database.write() as session:
        asked = DatedTarget(reader, "weekly", poll.now - timedelta(hours=1))
        lifecycle.confirm(session, asked, Evidence(channel="page"), poll.terms.hashes, poll.now)
    assert poll.cast(poll.ballot(reader, edition=BY_LETTER)) == [None]
    assert poll.count() == (1, 0)
