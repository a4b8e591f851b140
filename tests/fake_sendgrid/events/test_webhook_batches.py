"""Webhook batches: framing, size limits, and the faults of event posts."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from digest.fake_sendgrid.events.webhook_batches import (
    MAX_BYTES,
    EventFaults,
    cut,
    disorder_events,
    seeded_random,
)

EVENTS: list[dict[str, Any]] = [{"event": "open", "sg_event_id": str(n)} for n in range(10)]


def test_a_post_is_framed_as_the_provider_frames_it() -> None:
    (post,) = cut([{"a": 1}, {"b": 2}])
    assert post.body == b'[{"a":1},\r\n{"b":2}]\r\n'


@given(st.lists(st.integers(0, 5000), max_size=400))
def test_posts_stay_within_their_limits_and_lose_nothing(sizes: list[int]) -> None:
    events = [{"n": n, "x": "y" * size} for n, size in enumerate(sizes)]
    posts = list(cut(events))
    assert all(len(post.body) <= MAX_BYTES and post.events <= 1000 for post in posts)
    assert [event for post in posts for event in json.loads(post.body)] == events


def test_more_than_a_thousand_events_take_another_post() -> None:
    assert [post.events for post in cut({"n": n} for n in range(2001))] == [1000, 1000, 1]


def test_copies_keep_their_id_unless_asked_otherwise() -> None:
    same = disorder_events(EVENTS, EventFaults(duplicate=46), seeded_random(0))
    other = disorder_events(EVENTS, EventFaults(duplicate=46, new_ids=True), seeded_random(0))
    assert (len(same), len({event["sg_event_id"] for event in same})) == (460, 10)
    assert (len(other), len({event["sg_event_id"] for event in other})) == (460, 460)


def test_shuffling_keeps_every_event() -> None:
    shuffled = disorder_events(EVENTS, EventFaults(shuffle=True), seeded_random(0))
    assert shuffled != EVENTS
    assert sorted(e["sg_event_id"] for e in shuffled) == [e["sg_event_id"] for e in EVENTS]


def test_dropped_events_are_gone() -> None:
    assert disorder_events(EVENTS, EventFaults(drop=1.0), seeded_random(0)) == []
