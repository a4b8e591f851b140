"""Fixtures for webhooks: endpoints, messages, and a receiver that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlmodel import col, select

from digest.db import Database
from digest.http_client import Answer, Limits
from digest.webhooks import WebhookSending, WebhookSigner, add
from subscribers.announcements import announce
from subscribers.announcements.models import AnnouncementKind, MessageState, WebhookMessage

SECRET = "a secret of an installation, long enough"
LEFT = AnnouncementKind.SUBSCRIBER_LEFT
URL = "https://hooks.example/in"


def answer(status: int, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=given, body=b"", url=URL)


@dataclass
class Clock:
    """A clock that goes on when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def on(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True, kw_only=True)
class Post:
    """One post that the receiver got."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def subject(self) -> Any:
        return self.told["data"]["subject"]


@dataclass
class Receiver:
    """In place of the network: keeps every post, and answers as *say* says."""

    say: Callable[[Post], Answer] = lambda _: answer(204)
    posts: list[Post] = field(default_factory=list)

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
        post = Post(url=url, body=body, headers=dict(headers))
        self.posts.append(post)
        return self.say(post)

    @property
    def subjects(self) -> list[Any]:
        return [post.subject for post in self.posts]


@dataclass
class Works:
    """An installation's webhooks: a receiver in place of the network, and a clock."""

    database: Database
    clock: Clock
    receiver: Receiver
    signer: WebhookSigner = field(default_factory=lambda: WebhookSigner([SECRET]))
    stopping: Event = field(default_factory=Event)

    @property
    def sending(self) -> WebhookSending:
        return WebhookSending(
            store=self.database,
            poster=self.receiver,
            limits=Limits(bytes=64_000, seconds=10.0, redirects=0),
            signer=self.signer,
            clock=self.clock,
            random=lambda: 0.5,  # no jitter
        )

    def add(self, url: str = URL, **given: Any) -> int:
        with self.database.write() as session:
            row = add(session, url, given.pop("kinds", [LEFT]), now=self.clock(), **given)
            return row.id or 0

    def tell(self, *subjects: str, **given: Any) -> None:
        for subject in subjects:
            with self.database.write() as session:
                announce(session, LEFT, subject, {"subject": subject}, self.clock(), **given)

    def post(self) -> dict[str, int]:
        return dict(self.sending.post_waiting(self.stopping))

    def rows(self) -> list[WebhookMessage]:
        with self.database.read() as session:
            return list(session.exec(select(WebhookMessage).order_by(col(WebhookMessage.id))))

    def states(self) -> list[MessageState]:
        return [row.state for row in self.rows()]

    def change(self, what: Callable[..., Any], *given: Any, **more: Any) -> Any:
        with self.database.write() as session:
            return what(session, *given, **more)


@pytest.fixture
def works(database: Database, now: datetime) -> Works:
    return Works(database, Clock(now), Receiver())
