"""What a person reads before a command: `digest docs` prints the manual, `digest help` the help.

Hides where the pages are: in the installed package or in a checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from digest.cli.context import call_of
from digest.cli.help_text import help_of, help_width, subcommands
from digest.errors import NotFound

app = typer.Typer()


@app.command()
def docs(
    context: typer.Context,
    page: Annotated[str | None, typer.Argument(metavar="PAGE", help="The page's name.")] = None,
) -> None:
    """Print a page of the manual, or list its pages."""
    files = pages()
    if page is None:
        for name, path in files.items():
            title = path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
            call_of(context).out.print(f"{name:<20} {title}", markup=False)
    elif page not in files:
        raise NotFound(f"there is no page {page}", next_step="digest docs")
    else:
        sys.stdout.write(files[page].read_text("utf-8"))


@app.command("help")
def help_(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Such as: schedule set")
    ] = None,
) -> None:
    """Print a command's help, like its option --help."""
    root = context.find_root()
    command: Any = root.command
    path, rest = str(root.info_name), words or []
    while rest:
        if not subcommands(command):
            raise NotFound(f"{path} has no command {rest[0]}", next_step=f"{path} --help")
        name, command, rest = command.resolve_command(root, rest)
        path = f"{path} {name}"
    sys.stdout.write(f"{help_of(command, path, help_width())}\n")


def pages() -> dict[str, Path]:
    """Return the path of every page by name: in the package, or beside src/ in a checkout."""
    package = Path(__file__).resolve().parents[2]
    folders = (package / "docs", package.parents[1] / "docs")
    folder = next((path for path in folders if path.is_dir()), folders[0])
    return {path.stem: path for path in sorted(folder.glob("*.md"))}
