"""A sink behind TLS and a long way, in a process of its own: it answers 202, or 429 in a storm.

What is modelled: connecting, the handshake and each request cost a round trip each, whatever their
size. Nothing is lost, and there is no limit of bandwidth and no slow start: a body arrives at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

import orjson

from benchmarks.sink import started

ROUND_TRIP = 0.1  #: seconds
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
SLOW_DOWN = (
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
STORM_PERCENT = 30  #: of the requests in a storm that are told to slow down
STORM_AFTER, STORM_SECONDS = 3.0, 10.0  #: seconds from the first request in which none is taken


@dataclass
class Counts:
    """What the sink was asked, and what it took."""

    connections: int = 0
    accepted: int = 0
    slowed: int = 0
    readers: Counter[str] = field(default_factory=Counter)  #: in a storm, how often each was taken

    def facts(self) -> dict[str, int]:
        """Return the numbers; *again* is the mails beyond the first to a reader."""
        again = sum(self.readers.values()) - len(self.readers)
        return {
            "connections": self.connections,
            "accepted": self.accepted,
            "slowed": self.slowed,
            "readers": len(self.readers),
            "again": again,
        }


class DistantSink(asyncio.Protocol):
    """One connection; whatever it says is on its way for a round trip."""

    def __init__(self, context: ssl.SSLContext, counts: Counts, storm: Storm | None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._counts, self._storm = counts, storm
        self._is_open = False
        self._request = bytearray()
        self._length = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note when the client began to connect: it learns of the connection a round trip later."""
        assert isinstance(transport, asyncio.Transport)
        self._loop, self._transport = asyncio.get_running_loop(), transport
        self._silent_until = self._loop.time() + 2 * ROUND_TRIP
        self._counts.connections += 1

    def data_received(self, data: bytes) -> None:
        """Take what came; answer once a request is whole."""
        self._incoming.write(data)
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
            while part := self._tls.read(256 * 1024):
                self._take(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._transport.close()
        self._say()

    def _take(self, part: bytes) -> None:
        self._request += part
        if not self._length:
            head, found, _ = bytes(self._request[:8192]).partition(b"\r\n\r\n")
            if not found:
                return
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            self._length = len(head) + 4 + int(fields[b"content-length"])
        if len(self._request) >= self._length:
            self._tls.write(self._answer())

    def _answer(self) -> bytes:
        if self._storm is not None:
            if self._storm.says_no(self._loop.time()):
                self._counts.slowed += 1
                return SLOW_DOWN
            body = orjson.loads(self._request.partition(b"\r\n\r\n")[2])
            self._counts.readers.update(each["to"][0]["email"] for each in body["personalizations"])
        self._counts.accepted += 1
        return ACCEPTED

    def _say(self) -> None:
        said = self._outgoing.read()
        if said:
            at = max(self._loop.time() + ROUND_TRIP, self._silent_until)
            self._loop.call_at(at, self._transport.write, said)


@dataclass
class Storm:
    """Which requests are told to slow down: some of them, and for a while all."""

    began: float = 0.0
    asked: int = 0  #: requests so far

    def says_no(self, now: float) -> bool:
        """Return whether a request is told to slow down."""
        self.began = self.began or now
        self.asked += 1
        none = STORM_AFTER <= now - self.began < STORM_AFTER + STORM_SECONDS
        return none or crc32(b"%d" % self.asked) % 100 < STORM_PERCENT


@dataclass
class RunningSink:
    """A sink that runs, and its facts once it has ended."""

    url: str
    facts: dict[str, int] = field(default_factory=dict)


@contextmanager
def distant_sink(folder: Path, *, storm: bool = False) -> Iterator[RunningSink]:
    """Start a sink whose certificate is in *folder*, on a free port; its facts come at the end."""
    with started("benchmarks.distant_sink", str(folder), str(int(storm))) as (process, port):
        running = RunningSink(f"https://localhost:{port}")
        yield running
        running.facts = json.loads(process.communicate()[0])


def certificate(folder: Path) -> Path:
    """Write a key and its own certificate for localhost; return what to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, form, plain))
    path = folder / "certificate.pem"
    path.write_bytes(signed.public_bytes(encoding))
    return path


async def _serve(folder: Path, *, storm: bool) -> None:
    loop, counts = asyncio.get_running_loop(), Counts()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    storms = Storm() if storm else None
    server = await loop.create_server(
        lambda: DistantSink(context, counts, storms), "127.0.0.1", 0, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # ends with its starter
    print(json.dumps(counts.facts()), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), storm=sys.argv[2] == "1"))
