"""Connections that are made for requests to come: used once, or thrown away unused."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from digest.mail.sendgrid.connections_ahead import (
    ENOUGH,
    FRESH,
    LOOKED_UP,
    ConnectionsAhead,
    OpeningConnection,
)
from digest.mail.sendgrid.http_exchange import post
from digest.mail.sendgrid.sendgrid_transport import SendGrid
from digest.mail.transport import Accepted, Answer, InDoubt, NotSent
from tests.mail.smtp.relay import make_certificate
from tests.mail.test_transports import a_mailing

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: %d\r\nContent-Length: 0\r\n\r\n"
LONG = 60.0  #: seconds, for what happens at once unless something is broken

Act = Callable[[ssl.SSLSocket], None]


@dataclass
class TLSProvider:
    """Answers each request, and does what it is told to do with single connections."""

    certificate: Path
    acts: dict[int, Act] = field(
        default_factory=dict
    )  #: right after the handshake, by the connection's number
    answer_after: dict[int, int] = field(
        default_factory=dict
    )  #: a request: once that connection is open
    requests: list[int] = field(default_factory=list)  #: the connection of each
    opened: list[threading.Event] = field(
        default_factory=lambda: [threading.Event() for _ in range(20)]
    )
    cut: dict[int, str] = field(default_factory=dict)  #: "within" or "after" their request
    silent: set[int] = field(default_factory=set)  #: connections without a handshake
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def transport(self, seconds: float = LONG) -> SendGrid:
        url = f"https://127.0.0.1:{self.port}"
        return SendGrid(api_key="key", url=url, seconds=seconds, tls=cache(self.client_tls))

    def client_tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)

    def stop_listening(self) -> None:
        with suppress(OSError):  # it may have stopped
            self.listener.shutdown(socket.SHUT_RDWR)

    def accept(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        with suppress(OSError):
            for number in range(20):
                accepted, _ = self.listener.accept()
                thread = threading.Thread(target=self.serve, args=(number, accepted, context))
                self.threads.append(thread)
                thread.start()

    def serve(self, number: int, accepted: socket.socket, context: ssl.SSLContext) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it's there when it's sent
        with accepted, suppress(OSError):
            if number in self.silent:
                self.opened[number].set()
                accepted.recv(100_000)
                accepted.recv(100_000)
                return
            with context.wrap_socket(accepted, server_side=True) as connection:
                if act := self.acts.get(number):
                    act(connection)
                self.opened[number].set()
                self.answer(number, connection)

    def answer(self, number: int, connection: ssl.SSLSocket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(100_000)
            if not part:
                return
            data += part
        if self.cut.get(number) == "within":
            reset(connection)
            return
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-len"))
        while len(body) < length:
            body += connection.recv(100_000)
        self.requests.append(number)
        if self.cut.get(number) == "after":
            reset(connection)
            return
        if (before := self.answer_after.get(len(self.requests))) is not None:
            self.opened[before].wait(LONG)
        connection.sendall(ACCEPTED % number)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "provider.pem")


@pytest.fixture
def tls(certificate: Path) -> Iterator[TLSProvider]:
    provider = TLSProvider(certificate)
    accepting = threading.Thread(target=provider.accept)
    accepting.start()
    yield provider
    provider.stop_listening()
    accepting.join(LONG)
    for thread in provider.threads:
        thread.join(LONG)
    provider.listener.close()


def hand_over(transport: SendGrid, html: str = "") -> Answer:
    mailing = a_mailing("one@example.org")
    mailing = replace(mailing, content=replace(mailing.content, html=html or "<p>Hello</p>"))
    return transport.hand_over(transport.prepare(mailing))


def reset(connection: ssl.SSLSocket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end(connection: ssl.SSLSocket) -> None:
    connection.close()


def say_bye(connection: ssl.SSLSocket) -> None:
    with suppress(OSError):
        connection.setblocking(False)
        connection.unwrap()


def speak(connection: ssl.SSLSocket) -> None:
    connection.sendall(ACCEPTED % 99)


def test_B16_B17_a_request_has_the_connection_made_beside_the_one_before(tls: TLSProvider) -> None:
    """The second request is answered only once the third one's connection is open."""
    tls.answer_after = {2: 2}
    transport = tls.transport()
    answers = [hand_over(transport) for _ in range(3)]
    assert [type(answer) for answer in answers] == [Accepted] * 3
    assert tls.requests == [0, 1, 2]
    assert len({answer.provider_id for answer in answers if isinstance(answer, Accepted)}) == 3


@pytest.mark.parametrize("act", [reset, end, say_bye, speak])
def test_B16_B17_a_connection_that_ended_or_spoke_unused_is_thrown_away(
    tls: TLSProvider, act: Act
) -> None:
    tls.answer_after, tls.acts = {2: 2}, {2: act}
    transport = tls.transport()
    answers = [hand_over(transport) for _ in range(3)]
    assert [type(answer) for answer in answers] == [Accepted] * 3
    assert 2 not in tls.requests
    assert len(set(tls.requests)) == 3


@pytest.mark.parametrize(
    ("cuts", "size", "kind"),
    [("after", 1_000, InDoubt), ("within", 20_000_000, NotSent)],
)
def test_B12_B13_a_request_that_is_cut_on_a_connection_made_ahead_is_judged_as_on_any(
    tls: TLSProvider, cuts: str, size: int, kind: type[Answer]
) -> None:
    tls.answer_after, tls.cut = {2: 2}, {2: cuts}
    transport = tls.transport()
    assert [type(hand_over(transport)) for _ in range(2)] == [Accepted] * 2
    assert isinstance(hand_over(transport, html="x" * size), kind)
    assert tls.requests == [0, 1, *([2] if cuts == "after" else [])]


class Beside:
    """A connection in use, and the connections that are made beside it."""

    def __init__(self, provider: TLSProvider) -> None:
        self.now = 100.0
        self.ahead = ConnectionsAhead(provider.client_tls, clock=lambda: self.now)
        context = self.ahead.tls()
        self.connection = HTTPSConnection("127.0.0.1", provider.port, context=context)
        self.connection.connect()
        self.ahead.note_lookup()
        self.ahead.keep([])  # a request just ended

    def begin(self) -> int:
        begun = self.ahead.begin(self.connection, 1)
        for each in begun:
            each.advance(LONG)
        self.ahead.keep(begun)
        return len(begun)

    def takes(self) -> bool:
        sock, _ = self.ahead.take(LONG)
        if sock is not None:
            sock.close()
        return sock is not None


@pytest.fixture
def beside(tls: TLSProvider) -> Iterator[Beside]:
    one = Beside(tls)
    yield one
    one.connection.close()


def test_a_connection_is_taken_once(beside: Beside) -> None:
    beside.begin()
    assert (beside.takes(), beside.takes()) == (True, False)


def test_B17_a_connection_that_waited_for_too_long_is_not_used(beside: Beside) -> None:
    beside.begin()
    beside.now += FRESH
    assert not beside.takes()


def test_nothing_is_made_ahead_of_requests_that_come_now_and_then(beside: Beside) -> None:
    beside.now += FRESH
    assert beside.begin() == 0


def test_after_a_minute_the_name_is_looked_up_again(beside: Beside) -> None:
    beside.now += LOOKED_UP
    beside.ahead.keep([])
    assert beside.begin() == 0
    beside.ahead.note_lookup()
    assert beside.begin() == 1
    assert beside.takes()


def test_where_the_handshake_is_slow_only_so_many_connections_are_made_ahead(
    beside: Beside,
) -> None:
    begun = 0
    for _ in range(ENOUGH + 2):
        each = beside.ahead.begin(beside.connection, 1)
        beside.ahead.keep(each)
        begun += len(each)
    assert begun == ENOUGH
    beside.now += FRESH
    assert not beside.takes()  # which closes them


class NewKey:
    """In place of a connection: TLS has to write before it can read, and can't at once."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def settimeout(self, seconds: float) -> None:
        self.seconds = seconds

    def sendall(self, data: bytes) -> None:
        """Take everything."""

    def recv_into(self, buffer: memoryview) -> int:
        if self.seconds == 0:
            raise ssl.SSLWantWriteError
        answer = ACCEPTED % 0
        buffer[: len(answer)] = answer
        return len(answer)

    def close(self) -> None:
        """Nothing is open."""


class AheadOfNewKey(ConnectionsAhead):
    """Gives out that connection, with another one on its way."""

    def __init__(self, other: OpeningConnection) -> None:
        super().__init__(ssl.create_default_context)
        self._other = other

    def take(self, seconds: float) -> tuple[Any, int]:
        return NewKey(), 1

    def begin(self, connection: HTTPConnection, wanted: int) -> list[OpeningConnection]:
        return [self._other]


def test_B13_an_answer_is_read_where_tls_has_to_write_before_it(beside: Beside) -> None:
    (other,) = beside.ahead.begin(beside.connection, 1)
    ahead = AheadOfNewKey(other)
    result = post("http://127.0.0.1/", {}, b"{}", seconds=LONG, ahead=ahead)
    assert (result.status, result.fault) == (202, "")
    other.close()


def test_nothing_is_made_ahead_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ahead = ConnectionsAhead(ssl.create_default_context)
        connection = HTTPConnection("127.0.0.1", listener.getsockname()[1])
        connection.connect()
        ahead.note_lookup()
        ahead.keep([])
        assert ahead.begin(connection, 1) == []
        connection.close()


def test_B11_a_connection_that_is_refused_ahead_says_nothing(
    tls: TLSProvider, beside: Beside
) -> None:
    tls.stop_listening()
    assert beside.begin() == 1
    assert not beside.takes()


def test_a_connection_that_isn_t_open_yet_is_given_up_and_two_are_begun_instead(
    tls: TLSProvider, beside: Beside
) -> None:
    tls.silent = {1}
    beside.ahead.keep(beside.ahead.begin(beside.connection, 1))
    assert beside.ahead.take(0.0) == (None, 2)
    beside.begin()
    sock, wanted = beside.ahead.take(LONG)
    assert (sock is not None, wanted) == (True, 1)
    if sock is not None:
        sock.close()


def test_what_is_left_is_closed_with_the_transport(tls: TLSProvider) -> None:
    tls.answer_after = {2: 2}
    transport = tls.transport()
    assert [type(hand_over(transport)) for _ in range(2)] == [Accepted] * 2
    del transport
    tls.threads[2].join(LONG)  # it ends with its connection
    assert not tls.threads[2].is_alive()
    assert tls.requests == [0, 1]


def test_a_forked_process_uses_none_of_its_parent_s_connections(beside: Beside) -> None:
    beside.begin()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"used" if beside.takes() else b"none")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 4) == b"none"
    os.close(reading)
    os.close(writing)
    assert beside.takes()
