"""The command `digest preview`: run the preview server for one editor.

Hides how session, file watcher, render process and socket are started and stopped.
"""

from __future__ import annotations

from pathlib import Path
from secrets import token_urlsafe
from shlex import quote
from typing import Annotated

import typer

from digest.app.installation import App, open_app
from digest.cli.context import CommandContext, Port, call_of
from digest.cli.installation.init import prepare
from digest.cli.issue.drafting import NewsletterOption, PeriodOption
from digest.errors import NotFound
from digest.preview import LINK_FIELD, FileWatcher, PreviewSession, make_preview, templates
from digest.render.sandbox import RenderProcess
from digest.settings import load
from digest.web.server import listen, serve, url_of

app = typer.Typer()
SECONDS, MEGABYTES = 5.0, 512  # limits of one rendering


@app.command()
def preview(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Comparisons, and templates/ in it.")] = Path(),
    port: Port = 8025,
    period: PeriodOption = None,
    newsletter: NewsletterOption = "weekly",
    remote_images: Annotated[
        bool, typer.Option("--remote-images", help="Fetch the mail's images from where they are.")
    ] = False,
) -> None:
    """Show the next issue as readers will get it, rebuilt whenever a file is saved."""
    call = call_of(context)
    if not folder.is_dir():
        raise NotFound(f"there is no folder {folder}", next_step=f"mkdir -p {quote(str(folder))}")
    _prepare_database(call)
    sock = listen(port)
    with RenderProcess(seconds=SECONDS, megabytes=MEGABYTES) as confined:
        session = PreviewSession(
            lambda: _reload(call),
            folder.absolute(),
            newsletter=newsletter,
            period=period,
            confined=confined,
            remote_images=remote_images,
        )
        watcher = FileWatcher(session, templates=templates(session.app.template_folder))
        session.renew()
        watcher.start()
        token = token_urlsafe(16)
        call.out.print(f"The desk is at {url_of(sock)}/?{LINK_FIELD}={token}  (stop with Ctrl-C)")
        at = sock.getsockname()[1]
        try:
            serve(make_preview(session, watcher, port=at, token=token), sock, at_exit=watcher.stop)
        finally:
            watcher.stop()
            session.app.database.close()


def _prepare_database(call: CommandContext) -> None:
    """Create the database where there is none, so that a folder of comparisons is enough."""
    call.may_create = True
    path = call.app.database.path
    if path is not None and not path.exists():
        prepare(call)
        call.out.print(f"A store was made for drafts and approvals: {path}")


def _reload(call: CommandContext) -> App:
    """Return the installation with settings read again, over the same database."""
    settings = load(database_url=call.database_url)
    app = open_app(settings)
    if app.database.url == call.app.database.url:
        app.database.close()
        return App(settings=settings, database=call.app.database, clock=app.clock)
    return app
