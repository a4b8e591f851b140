"""Post what waits, to every endpoint at the same time and to each one message after the other.

This module hides the threads. Each endpoint has one of its own while something is due to it, so one
that hangs delays no other. A run looks for newly due endpoints until `RUN_SECONDS` have passed, and
then ends with the posts that are under way: what is left is for the next run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from threading import Event
from typing import TYPE_CHECKING, Protocol

import orjson

from digest.errors import DigestError
from digest.webhooks.endpoints import MOST_ENDPOINTS
from digest.webhooks.message_queue import (
    DueMessage,
    claim,
    due_endpoints,
    park_overdue,
    settle,
    test_message,
)
from digest.webhooks.webhook_retries import PostResult, result_of
from digest.webhooks.webhook_signature import WebhookSigner
from subscribers.sql import UnitOfWork

if TYPE_CHECKING:  # long to import, and not needed to list endpoints
    from digest.http_client import Answer, Limits

RUN_SECONDS = 20.0
LOOK_SECONDS = 1.0  #: between two looks for endpoints that something is due to
DELIVERED, FAILED = "delivered", "failed"


class Poster(Protocol):
    """What posts to other servers: `digest.http_client.OutboundClient`."""

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
        """Post *body* and return the answer; raises `DigestError` where no whole one comes."""
        ...


@dataclass(frozen=True, kw_only=True)
class WebhookSending:
    """What posts an installation's messages."""

    store: UnitOfWork
    poster: Poster
    limits: Limits  #: of one post
    signer: WebhookSigner
    clock: Callable[[], datetime]
    random: Callable[[], float]  #: from 0 to 1
    seconds: Callable[[], float] = time.monotonic
    owner: str = field(default_factory=lambda: token_hex(8))

    def post_waiting(self, stopping: Event) -> Counter[str]:
        """Post what is due until nothing is, *stopping* is set, or the time of a run is over.

        Return how many posts were delivered and how many failed, and how many messages were parked.
        """
        end = self.seconds() + RUN_SECONDS
        counts: Counter[str] = Counter()
        with ThreadPoolExecutor(MOST_ENDPOINTS, "webhooks") as threads:
            running: dict[Future[Counter[str]], int] = {}
            while not stopping.is_set() and self.seconds() < end:
                for endpoint in self._due(but=set(running.values())):
                    posted = threads.submit(self._post_to, endpoint, stopping, end)
                    running[posted] = endpoint
                if not running:
                    break
                for done in wait(running, LOOK_SECONDS, FIRST_COMPLETED).done:
                    del running[done]
                    counts += done.result()
        for posted in running:
            counts += posted.result()
        return counts + self._parked()

    def test(self, endpoint_id: int) -> PostResult:
        """Post a message that isn't queued, and return what it came to; raises `NotFound`."""
        with self.store.read() as session:
            message = test_message(session, endpoint_id, self.clock())
        return self._post(message)

    def _due(self, *, but: set[int]) -> list[int]:
        with self.store.read() as session:
            return [each for each in due_endpoints(session, self.clock()) if each not in but]

    def _parked(self) -> Counter[str]:
        with self.store.write() as session:
            return Counter({"parked": park_overdue(session, self.clock())})

    def _post_to(self, endpoint_id: int, stopping: Event, end: float) -> Counter[str]:
        counts: Counter[str] = Counter()
        with self.store.write() as session:
            message = claim(session, endpoint_id, self.owner, self.clock())
        while message is not None:
            result = self._post(message)
            counts[DELIVERED if result.delivered else FAILED] += 1
            more = not stopping.is_set() and self.seconds() < end
            with self.store.write() as session:
                message = settle(
                    session,
                    message,
                    result,
                    self.owner,
                    self.clock(),
                    random=self.random,
                    more=more,
                )
        return counts

    def _post(self, message: DueMessage) -> PostResult:
        told = {"type": message.type, "timestamp": message.at, "data": _data(message)}
        body = orjson.dumps(told)
        now = self.clock()
        signed = self.signer.headers(message.nonces, message.message_id, now, body)
        headers = {"content-type": "application/json", **signed}
        try:
            answer = self.poster.post(message.url, body=body, headers=headers, limits=self.limits)
        except DigestError as fault:
            steps = (str(fault), fault.next_step)
            return PostResult(said="; ".join(step for step in steps if step))
        return result_of(answer.status, answer.headers, now)


def _data(message: DueMessage) -> dict[str, object]:
    data: dict[str, object] = orjson.loads(message.data)
    return {**data, "address": message.address} if message.tells_address else data
