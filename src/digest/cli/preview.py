"""The command `digest preview`: run the preview server for one editor.

Hides how session, file watcher, render process and socket are started and stopped.
"""

from __future__ import annotations

import os
from getpass import getuser
from pathlib import Path
from secrets import token_urlsafe
from shlex import quote
from typing import Annotated

import typer

from digest.app.installation import App, open_app
from digest.cli.context import CommandContext, NewsletterOption, Port, call_of
from digest.cli.installation.init import prepare
from digest.cli.issue.drafting import PeriodOption
from digest.errors import NotFound
from digest.issues.store import newsletters
from digest.preview import (
    LINK_FIELD,
    FileWatcher,
    PreviewSession,
    import_samples,
    make_preview,
    templates,
)
from digest.render.sandbox import RenderProcess
from digest.settings import load
from digest.web.server import listen, serve, url_of

app = typer.Typer()
USUAL = "weekly"  #: the newsletter that `digest init` makes
SECONDS, MEGABYTES = 5.0, 512  # limits of one rendering
_ENDS, _SSH = 4, "22"  #: fields of SSH_CONNECTION, and the usual port


@app.command()
def preview(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="The folder with comparisons and templates/.")
    ] = Path(),
    port: Port = 8025,
    period: PeriodOption = None,
    newsletter: NewsletterOption = USUAL,
    remote_images: Annotated[
        bool, typer.Option("--remote-images", help="Load the mail's images from the web.")
    ] = False,
    with_samples: Annotated[
        bool,
        typer.Option("--samples", help="Import the samples if there are no comparisons yet."),
    ] = False,
) -> None:
    """Open the editor's desk: the next issue in a browser, updated as you edit.

    On a server, reach it by a tunnel from your own machine: ssh -N -L 8025:127.0.0.1:8025 SERVER
    """
    call = call_of(context)
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", next_step=f"mkdir -p {quote(str(folder))}")
    _prepare_database(call)
    sock = listen(port)
    with RenderProcess(seconds=SECONDS, megabytes=MEGABYTES) as confined:
        session = PreviewSession(
            lambda: _reload(call),
            folder.absolute(),
            newsletter=_existing(call, newsletter),
            period=period,
            confined=confined,
            remote_images=remote_images,
        )
        watcher = FileWatcher(session, templates=templates(session.app.template_folder))
        _begin(session, with_samples=with_samples)
        watcher.start()
        token = token_urlsafe(16)
        call.out.print(f"The desk is at {url_of(sock)}/?{LINK_FIELD}={token}  (stop with Ctrl-C)")
        at = sock.getsockname()[1]
        if over_ssh := os.environ.get("SSH_CONNECTION"):
            call.out.print(tunnel_words(over_ssh, getuser(), at), markup=False)
        try:
            serve(make_preview(session, watcher, port=at, token=token), sock, at_exit=watcher.stop)
        finally:
            watcher.stop()
            session.app.database.close()


def tunnel_words(connection: str, user: str, port: int) -> str:
    """Return how to reach the desk from where a person has logged in from.

    *connection* is what ssh sets as SSH_CONNECTION: the addresses and ports of both ends.
    """
    ends = connection.split()
    server, ssh_port = (ends[2], ends[3]) if len(ends) == _ENDS else ("SERVER", _SSH)
    other = "" if ssh_port == _SSH else f"-p {ssh_port} "
    return (
        "It only answers on this server. Run this on your own machine, and open the link there:\n"
        f"ssh -N -L {port}:127.0.0.1:{port} {other}{user}@{server}"
    )


def _begin(session: PreviewSession, *, with_samples: bool) -> None:
    """Take the first snapshot; where no comparison is known, import the samples if asked to."""
    empty = session.renew().empty
    if with_samples and empty is not None and not empty.comparisons:
        with session.app.database.write() as opened:
            import_samples(opened, session.app.clock())
        session.renew()


def _existing(call: CommandContext, slug: str) -> str:
    """Return *slug*; where that is the usual one and there is none of that name, the first."""
    with call.app.database.read() as session:
        slugs = [row.slug for row in newsletters(session) if row.archived_at is None]
    return slugs[0] if slug == USUAL and slugs and slug not in slugs else slug


def _prepare_database(call: CommandContext) -> None:
    """Create the database where there is none, so that a folder of comparisons is enough."""
    call.may_create = True
    path = call.app.database.path
    if path is not None and not path.exists():
        prepare(call)
        call.out.print(f"Created a database for drafts and approvals: {path}")


def _reload(call: CommandContext) -> App:
    """Return the installation with settings read again, over the same database."""
    settings = load(database_url=call.database_url)
    app = open_app(settings)
    if app.database.url == call.app.database.url:
        app.database.close()
        return App(settings=settings, database=call.app.database, clock=app.clock)
    return app
