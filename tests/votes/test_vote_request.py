"""What a visitor asks a letter for, as the queue keeps it."""

from __future__ import annotations

import pytest

from digest.comparisons.models import Call
from digest.votes import VoteRequest, read_request
from subscribers.signup.requests import MOST_ASKED

REQUESTS = {
    "12": VoteRequest(12, {}),
    "12 join": VoteRequest(12, {}, joins=True),
    "12 3=ship": VoteRequest(12, {3: Call.SHIP}),
    "12 join 3=ship 4=skip": VoteRequest(12, {3: Call.SHIP, 4: Call.SKIP}, joins=True),
}


@pytest.mark.parametrize("text", REQUESTS)
def test_a_request_is_read_as_it_was_written(text: str) -> None:
    assert REQUESTS[text].as_text() == text
    assert read_request(text) == REQUESTS[text]


def test_the_longest_request_fits_the_queue() -> None:
    largest = 2**63
    request = VoteRequest(largest, {largest: Call.SHIP, largest - 1: Call.SKIP}, joins=True)

    assert len(request.as_text()) <= MOST_ASKED


@pytest.mark.parametrize("text", ["", "join 12", "12 3=maybe", "12 3", "12 tool=ship"])
def test_another_text_is_no_request(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_request(text)
