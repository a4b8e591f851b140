"""A bare HTTP sink in a process of its own: reads requests, answers 202, keeps nothing.

It answers at once, or after as many seconds as it is told to.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ANSWER = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n"


class _Sink(asyncio.Protocol):
    """One connection; counts a body down by its Content-Length."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

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
                self._answer()

    def _answer(self) -> None:
        write = self._transport.write  # type: ignore[attr-defined]  # it writes
        if self._seconds:
            asyncio.get_running_loop().call_later(self._seconds, write, ANSWER)
        else:
            write(ANSWER)

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
def running_sink(seconds: float = 0.0) -> Iterator[str]:
    """Start a sink on a free port; yields its URL."""
    with started("benchmarks.sink", str(seconds)) as (_, port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def started(module: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a sink's module; yields its process and its port, and ends it."""
    command = [sys.executable, "-m", module, *arguments]
    root, pipe = Path(__file__).parent.parent, subprocess.PIPE
    how: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "text": True, "start_new_session": True}
    with subprocess.Popen(command, cwd=root, **how) as process:  # noqa: S603 - our own interpreter
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.terminate()


async def _serve(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Sink(seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # ends by itself when its starter is gone
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
