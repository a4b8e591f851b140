"""Lets `python -m digest.testing OPTIONS` serve; OPTIONS is JSON, as `running_fake` writes it."""

import asyncio
import logging
import sys

import orjson

from digest.errors import DigestError
from digest.testing.options import Options
from digest.testing.server import serve


def announce(url: str, _public_key: str) -> None:
    """Print where the server listens, for whoever started it."""
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    chosen = Options(**orjson.loads(sys.argv[1]))
    logging.basicConfig(level=logging.WARNING if chosen.quiet else logging.INFO)
    try:
        asyncio.run(serve(chosen, announce))
    except DigestError as fault:
        sys.exit(f"fake-sendgrid: {fault}")
