"""Serve by `python -m digest.fake_sendgrid OPTIONS`, OPTIONS being JSON: used by `running_fake`."""

import asyncio
import logging
import os
import signal
import sys
import threading
import time

import orjson

from digest.errors import DigestError
from digest.fake_sendgrid.options import Options
from digest.fake_sendgrid.socket_server import serve

PARENT_CHECK_SECONDS = 0.5


def announce(url: str, _public_key: str) -> None:
    """Print the URL of the server on standard output, for the process that started it."""
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def end_with(parent: int) -> None:
    """End this process once the process *parent* has ended, so that no server is left running."""
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    options = Options(**orjson.loads(sys.argv[1]))
    logging.basicConfig(level=logging.WARNING if options.quiet else logging.INFO)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    try:
        asyncio.run(serve(options, announce))
    except DigestError as fault:
        sys.exit(f"fake-sendgrid: {fault}")
