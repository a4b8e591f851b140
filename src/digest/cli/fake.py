"""The SendGrid that runs here."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from digest.cli.context import Call, call_of
from digest.testing.options import DEFAULT_PORT, Options
from digest.testing.server import serve

app = typer.Typer()


@app.command("fake-sendgrid")
def fake_sendgrid(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free one.")] = DEFAULT_PORT,
    ledger: Annotated[Path, typer.Option(help="The file that keeps what was accepted.")] = Path(
        "fake-sendgrid.db"
    ),
    key: Annotated[str | None, typer.Option(help="The only key that opens; else any.")] = None,
    sender: Annotated[
        str | None, typer.Option(help="The verified sender: an address or a domain; else any.")
    ] = None,
    rate_limit: Annotated[int | None, typer.Option(help="Requests a second.")] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Be kind where the provider's ways aren't known.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed, the same luck.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each request.")] = False,
) -> None:
    """Run a SendGrid on 127.0.0.1 that keeps every mail and sends none."""
    call = call_of(context)
    level = logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    options = Options(
        ledger=str(ledger), port=port, key=key, sender=sender, rate_limit=rate_limit,
        lenient=lenient, seed=seed, quiet=quiet,
    )  # fmt: skip
    asyncio.run(serve(options, lambda url: _announce(call, url)))


def _announce(call: Call, url: str) -> None:
    call.out.print(f"Fake SendGrid listens on {url}  (look there; stop with Ctrl-C)")
    call.out.print(f"Send to it with DIGEST_TRANSPORT=sendgrid DIGEST_SENDGRID_URL={url}")
