"""A webhook called in memory, and signed posts for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlmodel import col, select
from starlette.applications import Starlette

from digest.app.installation import App
from digest.db import Database
from digest.delivery.models import Attempt, Batch, BatchState, Delivery
from digest.fake_sendgrid.events.signing import Signer, new_key
from digest.issues.models import Edition, Issue, IssueState, Newsletter
from digest.settings import load
from digest.web.provider_webhook import RejectedPosts, Webhook, routes
from subscribers.models import Standing, Subscriber, Subscription

SECRET = "a secret for tests only, long enough"
PATH = "/webhooks/sendgrid"
ATTEMPT = "a" * 32
DEADLINE = 20.0  #: seconds
Headers = dict[str, str]


def eventually(true: Callable[[], bool]) -> bool:
    """Wait for what another thread does, no longer than a bound."""
    end = time.monotonic() + DEADLINE
    ready = threading.Event()
    while not true() and time.monotonic() < end:
        ready.wait(0.01)
    return true()


@dataclass
class Answer:
    """A response, and how much of the request body was read."""

    status: int = 0
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    read: int = 0


@dataclass
class WebhookClient:
    """A client that calls the webhook without a network."""

    site: Starlette
    app: App
    signer: Signer
    now: datetime
    portal: BlockingPortal  #: to the one event loop, as a server has it
    rejected: RejectedPosts

    def post(self, body: bytes, headers: Headers | None = None, **how: Any) -> Answer:
        """POST *body*, signed unless headers are given."""
        given = self.signer.headers(body, self.now.timestamp()) if headers is None else headers
        return self.request([body], given, **how)

    def post_events(self, *events: dict[str, Any]) -> Answer:
        return self.post(orjson.dumps(list(events)))

    def request(
        self, chunks: Sequence[bytes], headers: Headers, *, method: str = "POST", path: str = PATH
    ) -> Answer:
        answer = Answer()
        waiting = list(chunks)

        async def receive() -> dict[str, Any]:
            part = waiting.pop(0) if waiting else b""
            answer.read += len(part)
            return {"type": "http.request", "body": part, "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
            "root_path": "", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
        }  # fmt: skip
        self.portal.call(self.site, scope, receive, send)
        return answer

    def event(self, kind: str = "delivered", delivery: int = 1, **own: Any) -> dict[str, Any]:
        return {
            "event": kind,
            "timestamp": int(self.now.timestamp()),
            "email": f"reader{delivery}@example.org",
            "digest_attempt": ATTEMPT,
            "digest_delivery": str(delivery),
            **own,
        }

    def replace_keys(self, *signers: Signer) -> None:
        """Replace the webhook's keys while it runs."""
        path = self.app.settings.webhook_keys_file
        assert path is not None
        _written(path, *signers)

    def statuses(self) -> list[str | None]:
        with self.app.database.read() as session:
            rows = session.exec(select(Delivery).order_by(col(Delivery.id))).all()
        return [row.news for row in rows]


@contextmanager
def open_webhook(database: Database, now: datetime, spool: Path) -> Iterator[WebhookClient]:
    """Open the webhook over a store with one issue sent to three readers."""
    signer = Signer(new_key())
    settings = load(
        env={},
        database_url=str(database.url),
        secret=SECRET,
        webhook_keys_file=_written(spool.with_name("keys"), signer),
        spool=spool,
    )
    _fill(database, now)
    app = App(settings=settings, database=database, clock=lambda: now + timedelta(hours=1))
    webhook = Webhook(app)
    site = Starlette(routes=routes(webhook))
    with start_blocking_portal() as portal:
        yield WebhookClient(
            site=site,
            app=app,
            signer=signer,
            now=now,
            portal=portal,
            rejected=webhook.rejected,
        )
    webhook.stop()


def _written(path: Path, *signers: Signer) -> Path:
    path.write_text("\n".join(signer.public_key for signer in signers), encoding="ascii")
    return path


def _fill(database: Database, now: datetime) -> None:
    with database.write() as session:
        session.add(Newsletter(id=1, slug="weekly", name="Weekly AI Tool Verdicts"))
        session.flush()
        session.add(
            Issue(
                id=1, newsletter_id=1, number=1, period="2026-W48", state=IssueState.SENT,
                built_at=now, prepared_at=now,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            Edition(
                id=1, issue_id=1, subject="S", html="<p>H</p>", text="T", fingerprint="f",
                frozen_at=now,
            )
        )  # fmt: skip
        session.flush()
        for n in (1, 2, 3):
            mail = f"reader{n}@example.org"
            session.add(Subscriber(id=n, address=mail, address_key=mail, created_at=now))
            session.flush()
            session.add(
                Subscription(
                    subscriber_id=n, newsletter="weekly", standing=Standing.CONFIRMED, since=now
                )
            )
            session.add(Delivery(id=n, edition_id=1, subscriber_id=n))
        session.add(
            Batch(
                id=1, key="b" * 32, root="b" * 32, edition_id=1, number=1, first_delivery=1,
                last_delivery=3, size=3, state=BatchState.ACCEPTED, attempt=ATTEMPT,
            )
        )  # fmt: skip
        session.flush()
        session.add(
            Attempt(key=ATTEMPT, batch_id=1, number=1, owner="t", claimed_at=now, lease_until=now)
        )
