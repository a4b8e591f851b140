"""The command `digest web`: serve the public site without the service's jobs.

Hides how the site is bound to a socket.
"""

from __future__ import annotations

from typing import Annotated

import typer

from digest.cli.context import Port, call_of
from digest.web.app import make_site
from digest.web.server import listen, serve, url_of

app = typer.Typer()


@app.command()
def web(
    context: typer.Context,
    port: Port = 8000,
    host: Annotated[
        str, typer.Option(help="The address to listen on, such as 0.0.0.0 or ::1.")
    ] = "127.0.0.1",
) -> None:
    """Serve the public site: archive, sign-up, unsubscribe and the event webhook."""
    call = call_of(context)
    call.app.require_secrets()
    site = make_site(call.app)  # raises for settings that can't be used, before a word is said
    sock = listen(port, host)
    call.out.print(f"The site is at {url_of(sock)}  (stop with Ctrl-C)")
    if not call.app.database.is_sqlite:
        call.out.print("Letters are sent by workers, here or elsewhere: digest worker")
    if call.app.provider.posts_events and not call.settings.webhook_key_list():
        call.err.print(
            "The site refuses the provider's events, because DIGEST_WEBHOOK_KEYS is missing."
        )
    serve(site, sock)
