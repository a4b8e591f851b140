"""The documentation that ships with the engine, on the command line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from digest.cli.context import call_of
from digest.errors import NotFound

app = typer.Typer()


@app.command()
def docs(
    context: typer.Context,
    page: Annotated[str | None, typer.Argument(metavar="PAGE", help="Its name.")] = None,
) -> None:
    """Print a page of the documentation, or list the pages."""
    found = pages()
    if page is None:
        for name, path in found.items():
            title = path.read_text("utf-8").partition("\n")[0].removeprefix("# ")
            call_of(context).out.print(f"{name:<20} {title}", markup=False)
    elif page not in found:
        raise NotFound(f"there is no page called {page}", next_step="digest docs")
    else:
        sys.stdout.write(found[page].read_text("utf-8"))


def pages() -> dict[str, Path]:
    """Return every page by its name: from the package, or beside src/ in a checkout."""
    package = Path(__file__).resolve().parents[1]
    folders = (package / "docs", package.parents[1] / "docs")
    found = next((each for each in folders if each.is_dir()), folders[0])
    return {path.stem: path for path in sorted(found.glob("*.md"))}
