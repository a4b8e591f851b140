"""Event posts: their size limits, their framing as bytes, and the faults of their order."""

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
    """The faults of event posts, as a fault script sets them."""

    duplicate: int = 1  #: how often each event is posted
    new_ids: bool = False  #: whether each copy has an id of its own
    shuffle: bool = False  #: whether the events of one page of mails are posted in random order
    drop: float = 0.0  #: the share of events that are never posted
    delay: float = 0.0  #: seconds each post is held back
    corrupt: float = 0.0  #: the share of posts that are corrupt on every try
    how: Literal["signature", "json"] = (
        "signature"  #: body changed after signing, or broken JSON signed
    )


@dataclass(frozen=True, slots=True)
class WebhookBatch:
    """The body of one post; *first* is the id of the earliest mail of its events, 0 for none."""

    body: bytes
    events: int
    first: int = 0
    spoilt: bool = False  #: whether the signature must not match the body


def frame(lines: Iterable[bytes]) -> bytes:
    r"""Return events joined as the provider joins them: ``[a,\r\nb]\r\n``."""
    return b"[" + b",\r\n".join(lines) + b"]\r\n"


def cut(events: Iterable[Mapping[str, Any]], first: int = 0) -> Iterator[WebhookBatch]:
    """Yield posts of at most 1,000 events and 768,000 bytes; one event is never cut."""
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


def seeded_random(seed: int) -> Random:
    """Return a random generator that repeats for the same seed."""
    return Random(seed)  # noqa: S311 - repeatable is the point


def disorder_events(
    events: list[dict[str, Any]], faults: EventFaults, chance: Random
) -> list[dict[str, Any]]:
    """Return the events dropped, repeated, given new ids and shuffled as *faults* says."""
    kept = [event for event in events if not faults.drop or chance.random() >= faults.drop]
    copies = kept * max(1, faults.duplicate)
    if faults.new_ids:
        copies = [{**event, "sg_event_id": secrets.token_urlsafe(16)} for event in copies]
    if faults.shuffle:
        chance.shuffle(copies)
    return copies


def corrupt(post: WebhookBatch, faults: EventFaults, chance: Random) -> WebhookBatch:
    """Return *post*, or a corrupt one with the probability that *faults* says."""
    if not faults.corrupt or chance.random() >= faults.corrupt:
        return post
    if faults.how == "json":
        return WebhookBatch(post.body[: len(post.body) // 2], post.events, post.first)
    return WebhookBatch(post.body, post.events, post.first, spoilt=True)
