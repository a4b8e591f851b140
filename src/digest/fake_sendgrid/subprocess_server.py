"""A fake SendGrid for the length of a test: started as a process, used over HTTP, stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import orjson

from digest.errors import DigestError
from digest.fake_sendgrid.options import Options

STOP_SECONDS = 15
#: Long enough for every event of a large send to be posted.
ASK_SECONDS = 300


class FakeAnswer(NamedTuple):
    """The answer of the fake to a plain request."""

    status: int
    headers: HTTPMessage
    body: bytes


@dataclass
class RunningFake:
    """A running fake: its address, its process, and the client of its control and read API.

    Each method that calls the API raises `DigestError` for an answer other than 200.
    """

    url: str
    ledger: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        """The id of the server process."""
        return self.process.pid

    def counts(self, issue: str | None = None) -> dict[str, Any]:
        """Return requests, messages, addresses, duplicates, doubled: in all, or of one issue."""
        return self._get("/_fake/counts", {"issue": issue})

    def arrived(self) -> dict[str, Any]:
        """Return connections, sends and answers by status, accepted or not."""
        return self._get("/_fake/arrived", {})

    def requests(self, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the accepted requests, oldest first."""
        rows: list[dict[str, Any]] = self._get("/_fake/requests", {"limit": limit})["requests"]
        return rows

    def messages(self, limit: int = 1000, **filters: Any) -> list[dict[str, Any]]:
        """Return accepted mails, oldest first.

        Filters: issue, address, delivery, batch, attempt, message_id, after.
        """
        rows: list[dict[str, Any]] = self._get("/_fake/messages", {"limit": limit, **filters})[
            "messages"
        ]
        return rows

    def message(self, number: int) -> dict[str, Any]:
        """Return one mail as its reader would receive it: subject, html, text, headers."""
        return self._get(f"/_fake/messages/{number}", {})

    def set_faults(self, script: Any) -> dict[str, Any]:
        """Set the fault script; the next request is number 1. Return the same as `faults`."""
        return self._post("/_fake/faults", script)

    def faults(self) -> dict[str, Any]:
        """Return how many requests were counted since the script was set, and how many each met."""
        return self._get("/_fake/faults", {})

    def flush_events(self, **settings: Any) -> dict[str, Any]:
        """Post every event now; return posts, events, refused, given_up, waiting, last_status.

        *settings*: ``to`` a URL, ``shares`` a mapping, ``raw`` a body to sign and post as it is.
        """
        return self._post("/_fake/events", settings)

    def emit(self, event: str, *, to: str | None = None, **of: Any) -> dict[str, Any]:
        """Post one event on request, and all waiting events, now.

        *of* selects the mail (address, id, delivery, issue; the newest that fits); ``fields``
        overrides fields of the event, ``anonymous`` leaves ids and custom arguments out.
        """
        request: dict[str, Any] = {"emit": [{"event": event, **of}]}
        return self._post("/_fake/events", request | ({"to": to} if to else {}))

    def events(self) -> dict[str, Any]:
        """Return where events are posted to, and what became of the posts so far."""
        return self._get("/_fake/events", {})

    @property
    def webhook_key(self) -> str:
        """The public key that verifies the event posts: base64 of DER."""
        return self.ask("GET", "/_fake/webhook-key").body.decode()

    def reset(self) -> None:
        """Delete every mail, event and count."""
        self._post("/_fake/reset", {})

    def send(self, body: Any, *, key: str | None = "any-key") -> FakeAnswer:
        """Post *body* (JSON, or raw bytes) to Mail Send; return the answer."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.ask("POST", "/v3/mail/send", raw, headers)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> FakeAnswer:
        """Return the answer to one request, made on a new connection."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=ASK_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return FakeAnswer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def stop(self) -> None:
        """End the process and wait for its end; kill it after 15 seconds."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
        if self.process.stdout:
            self.process.stdout.close()

    def _get(self, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        parameters = {name: value for name, value in query.items() if value is not None}
        return _facts(self.ask("GET", f"{path}?{urlencode(parameters)}"))

    def _post(self, path: str, value: Any) -> dict[str, Any]:
        json = {"Content-Type": "application/json"}
        return _facts(self.ask("POST", path, orjson.dumps(value), json))


def _facts(answer: FakeAnswer) -> dict[str, Any]:
    if answer.status != HTTPStatus.OK:
        raise DigestError(f"the fake answered {answer.status}: {answer.body[:500].decode()}")
    value: dict[str, Any] = orjson.loads(answer.body)
    return value


@contextmanager
def running_fake(folder: Path, **choices: Any) -> Iterator[RunningFake]:
    """Start a fake with its ledger in *folder*, and stop it afterwards.

    *choices* are fields of `Options`. A second fake in the same folder continues the ledger.
    Raise `DigestError` where the fake doesn't start.
    """
    defaults = {"ledger": str(folder / "fake-sendgrid.db"), "port": 0, "quiet": True}
    fake = start(Options(**{**defaults, **choices}))
    try:
        yield fake
    finally:
        fake.stop()


def start(options: Options) -> RunningFake:
    """Start a fake as a child process, and return once it accepts requests.

    Raise `DigestError` where the process ends before that; the reason is on its stderr.
    """
    arguments = orjson.dumps(asdict(options)).decode()
    process = subprocess.Popen(  # noqa: S603 - this very interpreter, and options as one argument
        [sys.executable, "-m", "digest.fake_sendgrid", arguments], stdout=subprocess.PIPE
    )
    url = process.stdout.readline().decode().strip() if process.stdout else ""
    fake = RunningFake(url, Path(options.ledger), process)
    if not url:
        fake.stop()
        raise DigestError("the fake SendGrid didn't start; what it says is on stderr")
    return fake
