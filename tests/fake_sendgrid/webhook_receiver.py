"""A webhook that keeps the posts it receives."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """What was posted; *answers* are given in turn, then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in json.loads(body)]

    def kinds(self, address: str) -> list[str]:
        return [event["event"] for event in self.events if event["email"] == address]


@contextmanager
def running_webhook() -> Iterator[Webhook]:
    webhook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            webhook.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            webhook.headers.append(dict(self.headers.items()))
            webhook.arrived.set()
            self.send_response(webhook.answers.pop(0) if webhook.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        webhook.url = f"http://127.0.0.1:{server.server_port}/events"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield webhook
        server.shutdown()
