"""A server of the API that is killed between its commit and its answer, and started again.

Each server is forked from a process that has imported everything and holds the socket, so that a
client who comes in between waits in the backlog.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers

from digest.api.app import make_api
from digest.app.installation import open_app
from digest.settings import load
from digest.web.server import listen, serve
from tests.api import notes

DIE = "X-Die"
HERE = Path(__file__).parents[2]


def dying(asgi: Any) -> Any:
    """Return an application that kills its process in place of an answer, if it is asked to."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        asked = scope["type"] == "http" and DIE in Headers(scope=scope)

        async def answer(message: Any) -> None:
            if asked:
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await asgi(scope, receive, answer)

    return call


@contextmanager
def dying_server(url: str, secret: str) -> Iterator[str]:
    """Serve the API of a database until the block ends, and yield its address."""
    sock = listen(0)
    settings = {"DIGEST_DATABASE_URL": url, "DIGEST_SECRET": secret}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.api.dying_server"],
        cwd=HERE,
        stdin=sock.fileno(),
        env={**os.environ, **settings, "DIGEST_API_REQUESTS_PER_TOKEN": "0"},
    ) as process:
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            process.terminate()
    sock.close()


def main() -> None:
    """Fork one server after another on the socket that is stdin, until SIGTERM."""
    sock = socket.socket(fileno=0)
    api = make_api(open_app(load()))
    api.include_router(notes.router)
    server = 0

    def stop(*_: object) -> None:
        if server:
            os.kill(server, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        server = os.fork()
        if not server:
            serve(dying(api), sock)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        os.waitpid(server, 0)
        server = 0


if __name__ == "__main__":
    main()
