"""Event posts: cut to size, framed as the provider frames them, disordered on request."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import orjson

MAX_EVENTS = 1000
MAX_BYTES = 768_000


@dataclass(frozen=True, kw_only=True)
class EventFaults:
    """What goes wrong with events on their way."""

    duplicate: int = 1  #: how often each event is posted
    new_ids: bool = False  #: whether each copy has an id of its own
    shuffle: bool = False  #: whether the events of a round are posted in any order
    drop: float = 0.0  #: the share of events that are never posted
    delay: float = 0.0  #: seconds each post is held back
    corrupt: float = 0.0  #: the share of posts that are spoilt on every try
    how: Literal["signature", "json"] = "signature"  #: changed after signing, or signed broken


@dataclass(frozen=True, slots=True)
class WebhookBatch:
    """The body of one post; *first* is the earliest mail it speaks of, 0 for none."""

    body: bytes
    events: int
    first: int = 0
    spoilt: bool = False  #: whether its signature won't fit


def frame(lines: Iterable[bytes]) -> bytes:
    r"""Join events as they arrive from the provider: ``[a,\r\nb]\r\n``."""
    return b"[" + b",\r\n".join(lines) + b"]\r\n"


def cut(events: Iterable[Mapping[str, Any]], first: int = 0) -> Iterator[WebhookBatch]:
    """Cut events into posts of at most 1,000 events and 768,000 bytes."""
    lines: list[bytes] = []
    size = 0
    for event in events:
        line = orjson.dumps(event)
        if lines and (len(lines) == MAX_EVENTS or size + len(line) + 3 > MAX_BYTES):
            yield WebhookBatch(frame(lines), len(lines), first)
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 3
    if lines:
        yield WebhookBatch(frame(lines), len(lines), first)


def dice(seed: int) -> Random:
    """Return dice that fall the same way for the same seed."""
    return Random(seed)  # noqa: S311 - repeatable is the point


def disorder_events(
    events: list[dict[str, Any]], faults: EventFaults, chance: Random
) -> list[dict[str, Any]]:
    """Drop, repeat, rename and shuffle events as asked."""
    kept = [event for event in events if not faults.drop or chance.random() >= faults.drop]
    copies = kept * max(1, faults.duplicate)
    if faults.new_ids:
        copies = [{**event, "sg_event_id": secrets.token_urlsafe(16)} for event in copies]
    if faults.shuffle:
        chance.shuffle(copies)
    return copies


def corrupt(post: WebhookBatch, faults: EventFaults, chance: Random) -> WebhookBatch:
    """Spoil a post with the chance asked for."""
    if not faults.corrupt or chance.random() >= faults.corrupt:
        return post
    if faults.how == "json":
        return WebhookBatch(post.body[: len(post.body) // 2], post.events, post.first)
    return WebhookBatch(post.body, post.events, post.first, spoilt=True)
