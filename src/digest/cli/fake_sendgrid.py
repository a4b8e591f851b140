"""The command `digest fake-sendgrid`: run the fake SendGrid server.

Hides how the options become the fake's configuration.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from digest.cli.context import CommandContext, Port, call_of
from digest.errors import BadSetting
from digest.fake_sendgrid import DEFAULT_PORT, Options, serve

app = typer.Typer(add_completion=False)


@app.command("fake-sendgrid")
def fake_sendgrid(  # noqa: PLR0913, PLR0917 - each argument is an option of the command line
    context: typer.Context,
    port: Port = DEFAULT_PORT,
    ledger: Annotated[Path, typer.Option(help="The file that records accepted mails.")] = Path(
        "fake-sendgrid.db"
    ),
    events_to: Annotated[
        str | None, typer.Option(metavar="URL", help="The webhook on this machine to post to.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The only key to accept; by default, any.")
    ] = None,
    unscoped_key: Annotated[
        str | None, typer.Option(help="A known key without permission to send.")
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option(help="The verified sender, an address or a domain; by default, any."),
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(min=1, help="Requests per second; by default, unlimited.")
    ] = None,
    faults: Annotated[Path | None, typer.Option(help="A JSON file of the faults to stage.")] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENT=SHARE", help="Such as bounce=0.1, or all=0; repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same outcomes.")] = 0,
    webhook_key: Annotated[
        Path | None, typer.Option(help="A private P-256 key in PEM to sign events with.")
    ] = None,
    hold_events: Annotated[
        bool, typer.Option("--hold-events", help="Post events only on request.")
    ] = False,
    lenient: Annotated[
        bool,
        typer.Option("--lenient", help="Accept everything that SendGrid isn't known to refuse."),
    ] = False,
    may_kill: Annotated[
        bool, typer.Option("--may-kill", help="Allow faults to kill the process they name.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Don't log each request.")] = False,
) -> None:
    """Run a fake SendGrid on 127.0.0.1 that records every mail, until Ctrl-C."""
    call = call_of(context)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("digest.fake_sendgrid").setLevel(logging.WARNING if quiet else logging.INFO)
    options = Options(
        ledger=str(ledger), port=port, events_to=events_to, key=key, unscoped_key=unscoped_key,
        sender=sender, rate_limit=rate_limit, faults=_script(faults), shares=_shares(share or []),
        seed=seed, webhook_key=webhook_key.read_text("ascii") if webhook_key else None,
        hold_events=hold_events, lenient=lenient, may_kill=may_kill, quiet=quiet,
    )  # fmt: skip
    asyncio.run(serve(options, lambda url, public_key: _announce(call, url, public_key)))


def _script(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        return orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as fault:
        raise BadSetting(f"{path}: not JSON: {fault}") from None


def _shares(pairs: list[str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for pair in pairs:
        name, _, share = pair.partition("=")
        try:
            shares[name] = float(share)
        except ValueError:
            raise BadSetting(f"--share {pair}: must look like bounce=0.1") from None
    return shares


def _announce(call: CommandContext, url: str, public_key: str) -> None:
    call.out.print(
        f"Fake SendGrid listens on {url} (open it to read the mails; Ctrl-C ends it)\n"
        f"To send to it:       DIGEST_TRANSPORT=sendgrid DIGEST_SENDGRID_URL={url}"
        f" DIGEST_SENDGRID_API_KEY=anything\n"
        f"To trust its events: DIGEST_WEBHOOK_KEYS={public_key}"
    )
