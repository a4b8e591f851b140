"""A bare HTTP sink in a process of its own: reads requests, answers 202, keeps nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANSWER = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n"


class _Sink(asyncio.Protocol):
    """One connection; counts a body down by its Content-Length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._head = b""
        self._left = 0

    def data_received(self, data: bytes) -> None:
        while data:
            if self._left == 0:
                data = self._begin(data)
                continue
            used = min(self._left, len(data))
            self._left -= used
            data = data[used:]
            if self._left == 0:
                self._transport.write(ANSWER)  # type: ignore[attr-defined]

    def _begin(self, data: bytes) -> bytes:
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found:
            return b""
        self._head = b""
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                self._left = int(value)
        return rest


@contextmanager
def running_sink() -> Iterator[str]:
    """Start a sink on a free port; yields its URL."""
    command = [sys.executable, "-m", "benchmarks.sink"]
    root = Path(__file__).parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:  # noqa: S603 - our own interpreter
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # ends by itself when its starter is gone
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(_serve())
