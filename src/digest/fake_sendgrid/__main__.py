"""Serve with `python -m digest.fake_sendgrid OPTIONS`; OPTIONS is JSON, as `running_fake` does."""

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

LOOK_SECONDS = 0.5


def announce(url: str, _public_key: str) -> None:
    """Print where the server listens, for whoever started it."""
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def end_with(parent: int) -> None:
    """End this process once *parent* is gone, however it ended: nothing may be left running."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    chosen = Options(**orjson.loads(sys.argv[1]))
    logging.basicConfig(level=logging.WARNING if chosen.quiet else logging.INFO)
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    try:
        asyncio.run(serve(chosen, announce))
    except DigestError as fault:
        sys.exit(f"fake-sendgrid: {fault}")
