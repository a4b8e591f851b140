"""Connections: a deadline for each request head, and a limit to open connections."""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from errno import EMFILE
from typing import Any
from urllib.request import urlopen

import pytest
import uvicorn

from digest.web.server import (
    COMPLAINT_SECONDS,
    HEAD_SECONDS,
    AcceptErrorHandler,
    Connection,
    Connections,
)
from subscribers.web import WHOLE

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
FEW = 256  # descriptors
#: Serves a page that says "here", with few descriptors; says its port.
SERVER = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({FEW}, {FEW}))
from starlette.responses import PlainTextResponse
from digest.web.server import listen, serve
sock = listen(0)
print(sock.getsockname()[1], flush=True)
serve(PlainTextResponse("here"), sock)
"""


class StubLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock the test advances."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def answer(_scope: Any, receive: Any, send: Any) -> None:
    """Answer when the request is whole."""
    while (await receive()).get("more_body"):
        pass
    head = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"ok"})


@dataclass
class ConnectionHarness:
    """The connections of one server, and their clients."""

    loop: StubLoop = field(default_factory=StubLoop)
    shared: Connections = field(default_factory=Connections)
    ends: list[socket.socket] = field(default_factory=list)
    application: Any = answer

    def connect(self) -> socket.socket:
        """Open a connection."""
        ours, theirs = socket.socketpair()
        self.ends.append(theirs)
        theirs.setblocking(False)
        config = uvicorn.Config(self.application, log_config=None)
        taken = self.loop.create_connection(
            lambda: Connection(config, self.shared, {}, _loop=self.loop), sock=ours
        )
        self.loop.run_until_complete(taken)
        self.turn()
        return theirs

    def turn(self) -> None:
        """Run the callbacks that are due."""
        for _ in range(10):
            self.loop.run_until_complete(asyncio.sleep(0))

    def pass_by(self, seconds: float) -> None:
        self.loop.ahead += seconds
        self.turn()

    def send(self, end: socket.socket, data: bytes) -> None:
        end.sendall(data)
        self.turn()

    def is_open(self, end: socket.socket) -> bool:
        """Return whether the site is still there; reads what it said."""
        self.turn()
        try:
            while end.recv(65536):
                pass
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def harness() -> Iterator[ConnectionHarness]:
    made = ConnectionHarness()
    yield made
    for end in made.ends:
        end.close()
    made.turn()
    made.loop.close()


@pytest.mark.parametrize("said", [b"", b"G", HEAD])
def test_a_head_that_is_not_whole_in_time_ends_its_connection(
    harness: ConnectionHarness, said: bytes
) -> None:
    end = harness.connect()
    harness.send(end, said)
    harness.pass_by(HEAD_SECONDS - 1)
    assert harness.is_open(end)

    harness.pass_by(2)
    assert not harness.is_open(end)


def test_a_head_that_trickles_in_has_no_more_time(harness: ConnectionHarness) -> None:
    end = harness.connect()
    for _ in range(3):
        harness.pass_by(HEAD_SECONDS / 4)
        harness.send(end, b"X-More: a\r\n" if _ else HEAD)
    harness.pass_by(HEAD_SECONDS / 2)

    assert not harness.is_open(end)


def test_the_next_head_on_a_connection_has_a_time_as_well(harness: ConnectionHarness) -> None:
    end = harness.connect()
    harness.send(end, HEAD + b"\r\n")
    harness.send(end, HEAD)
    harness.pass_by(HEAD_SECONDS + 1)

    assert not harness.is_open(end)


def test_an_answer_that_takes_long_is_waited_for(harness: ConnectionHarness) -> None:
    end = harness.connect()
    harness.send(end, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
    harness.pass_by(HEAD_SECONDS * 3)

    assert harness.is_open(end)


def test_a_newcomer_takes_the_place_of_who_has_been_silent_longest(
    harness: ConnectionHarness,
) -> None:
    harness.shared.most = 3
    at_work = harness.connect()
    harness.send(at_work, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
    silent = [harness.connect() for _ in range(4)]

    assert [harness.is_open(end) for end in silent] == [False, False, True, True]
    assert harness.is_open(at_work)


def test_where_all_are_at_work_a_newcomer_is_turned_away(harness: ConnectionHarness) -> None:
    harness.shared.most = 2
    at_work = [harness.connect() for _ in range(2)]
    for end in at_work:
        harness.send(end, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")

    assert not harness.is_open(harness.connect())
    assert all(harness.is_open(end) for end in at_work)


def test_no_whole_response_is_written_where_the_client_does_not_read() -> None:
    said: list[bool] = []

    async def at_once(scope: Any, _receive: Any, _send: Any) -> None:
        said.append(scope["extensions"][WHOLE].respond(200, b"", b"a" * 10_000_000))

    harness = ConnectionHarness(application=at_once)
    end = harness.connect()
    harness.send(end, (HEAD + b"\r\n") * 2)
    end.close()
    harness.turn()
    harness.loop.close()

    assert said == [True, False]


def test_silent_connections_neither_stop_the_site_nor_fill_its_log() -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > FEW * 3
    with (
        ExitStack() as held,
        subprocess.Popen(  # noqa: S603 - these lines
            [sys.executable, "-c", SERVER],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        port = int(process.stdout.readline())
        for _ in range(FEW * 2):
            held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            text = page.read()
        for wrong in (
            b"\x16\x03\x01\r\n\r\n",
            HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as other:
                other.sendall(wrong)
                assert other.recv(65536).startswith(b"HTTP/1.1 ")
        process.terminate()
        logged = process.communicate(timeout=20)[1]

    assert text == b"here"
    assert logged == ""


def test_connections_that_can_not_be_taken_are_reported_once_in_a_while(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    complaints = AcceptErrorHandler()
    for _ in range(50):
        complaints(harness.loop, {"exception": OSError(EMFILE, "Too many open files")})
    harness.loop.ahead += COMPLAINT_SECONDS
    complaints(harness.loop, {"exception": OSError(EMFILE, "Too many open files")})

    assert [each.message for each in caplog.records] == [
        "no connection can be taken: Too many open files; next: raise LimitNOFILE"
    ] * 2
