"""Connections that are kept between requests: no answer is blurred by it (B16, B17)."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from digest.mail.mailing import Mailing
from digest.mail.sendgrid.kept_sockets import IDLE_SECONDS, KeptSockets
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.transport import Accepted, Answer, InDoubt
from tests.mail.test_transports import CONTENT, a_mailing

HEAD = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: a\r\n"
TAKEN = HEAD + b"Content-Length: 0\r\n\r\n"
NEXT, THIRD = TAKEN.replace(b" a", b" b"), TAKEN.replace(b" a", b" c")
LARGE = a_mailing(*(f"reader{n:0300}@example.org" for n in range(900)))


@dataclass
class Provider:
    """Answers by a script: what it says after each whole request, connection by connection.

    ``None`` resets the connection instead, and a function reads the request itself.
    """

    script: list[list[bytes | Callable[[socket.socket], None] | None]]
    whole: list[int] = field(default_factory=list)  #: whole requests, by connection
    url: str = ""
    left: threading.Event = field(default_factory=threading.Event)

    def serve(self, listener: socket.socket) -> None:
        for answers in self.script:
            connection, _ = listener.accept()
            self.whole.append(0)
            with connection, suppress(ConnectionError):
                for answer in answers:
                    if callable(answer):
                        answer(connection)
                        break
                    if not read_request(connection):
                        break
                    self.whole[-1] += 1
                    if answer is None:
                        reset(connection)
                        break
                    connection.sendall(answer)
            self.left.set()


def reset(connection: socket.socket) -> None:
    """Let the end of a connection be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_early(connection: socket.socket) -> None:
    """Reset the connection after a part of the request."""
    connection.recv(1000)
    reset(connection)


def speak_early(connection: socket.socket) -> None:
    """Say something in the middle of the request, and read on until there is no more."""
    connection.recv(1000)
    connection.sendall(TAKEN)
    while connection.recv(1_000_000):
        pass


def read_request(connection: socket.socket) -> bool:
    """Read one request; return whether it was whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65536)):
            return False
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
    left = length - len(rest)
    while left > 0:
        if not (part := connection.recv(1_000_000)):
            return False
        left -= len(part)
    return True


@contextmanager
def provider(*script: list[bytes | Callable[[socket.socket], None] | None]) -> Iterator[Provider]:
    found = Provider(list(script))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=found.serve, args=[listener])
        thread.start()
        yield found
        thread.join(10)
        assert not thread.is_alive()


def sender(provider: Provider) -> Callable[..., Answer]:
    sendgrid = SendGrid(api_key="a-key", url=provider.url, seconds=5)

    def send(mailing: Mailing = LARGE) -> Answer:
        return sendgrid.hand_over(sendgrid.prepare(mailing))

    return send


def test_requests_share_a_connection_that_the_provider_keeps() -> None:
    with provider([TAKEN, NEXT, THIRD]) as there:
        send = sender(there)
        assert [send() for _ in range(3)] == [
            Accepted(status=202, provider_id=each) for each in ("a", "b", "c")
        ]
    assert there.whole == [3]


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n",
        TAKEN.replace(b"1.1", b"1.0").replace(b"Content", b"Connection: keep-alive\r\nContent"),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + TAKEN,
        TAKEN + TAKEN,
        TAKEN + b"H",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["it closes", "an old one", "chunks", "early hints", "twice", "a byte more", "no id"],
)
def test_B16_a_connection_whose_answer_did_not_end_plainly_is_not_used_again(answer: bytes) -> None:
    with provider([answer], [TAKEN]) as there:
        send = sender(there)
        assert [type(send()), type(send())] == [Accepted, Accepted]
    assert there.whole == [1, 1]


def test_B17_a_connection_that_the_provider_closed_meanwhile_is_not_used_again() -> None:
    with provider([TAKEN], [TAKEN]) as there:
        send = sender(there)
        send()
        assert there.left.wait(10)
        assert isinstance(send(), Accepted)
    assert there.whole == [1, 1]


def test_B16_the_answer_before_once_more_is_no_answer() -> None:
    with provider([TAKEN, TAKEN], [TAKEN], [TAKEN]) as there:
        send = sender(there)
        assert [type(send()), type(send())] == [Accepted, InDoubt]
        assert [type(send()), type(send())] == [Accepted, Accepted]  # none is kept after that
    assert there.whole == [2, 1, 1]


def test_B13_a_used_connection_that_is_reset_after_the_request_leaves_doubt() -> None:
    with provider([TAKEN, None], [TAKEN], [TAKEN]) as there:
        send = sender(there)
        assert [type(send()), type(send())] == [Accepted, InDoubt]
        assert [type(send()), type(send())] == [Accepted, Accepted]  # none is kept after that
    assert there.whole == [2, 1, 1]


@pytest.mark.parametrize("fault", [reset_early, speak_early])
def test_B12_B16_what_ends_within_a_request_on_a_used_connection_is_sent_on_a_new_one(
    fault: Callable[[socket.socket], None],
) -> None:
    huge = replace(LARGE, content=replace(CONTENT, html="x" * 20_000_000))  # no buffer takes it
    with provider([TAKEN, fault], [TAKEN]) as there:
        send = sender(there)
        assert [type(send()), type(send(huge))] == [Accepted, Accepted]
    assert there.whole == [1, 1]


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_B16_what_comes_by_a_kept_connection_ends_it() -> None:
    ours, theirs = pair()
    kept = KeptSockets()
    kept.keep(ours, "a")
    theirs.sendall(TAKEN)
    with theirs:
        assert kept.take() is None
    assert ours.fileno() == -1


def test_a_connection_is_kept_for_a_moment() -> None:
    now = [0.0]
    kept, (ours, theirs) = KeptSockets(clock=lambda: now[0]), pair()
    with theirs:
        kept.keep(ours, "a")
        now[0] = IDLE_SECONDS
        assert kept.take() == (ours, "a", 0.0)
        kept.keep(ours, "a")
        now[0] += IDLE_SECONDS + 0.1
        assert kept.take() is None
    assert ours.fileno() == -1


def test_a_forked_process_uses_none_of_its_parent_s_connections() -> None:
    process = [1]
    kept, (ours, theirs) = KeptSockets(process=lambda: process[0]), pair()
    kept.keep(ours, "a")
    process[0] = 2
    with theirs:
        assert kept.take() is None
