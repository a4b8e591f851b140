"""Commands about the shipped templates: list, copy.

Hides which copies an editor has changed: those that are neither as shipped nor made by a copy.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from digest.cli.context import CommandContext, JsonFlag, Told, call_of, counted, tells
from digest.errors import DigestError
from digest.render.template_paths import Kind, shipped_templates

app = typer.Typer(
    help="List the templates of mails and pages, or copy them to edit your own.",
    no_args_is_help=True,
)
_SHOWN = 3  #: names in an error
#: What an installation may have of its own.
KINDS: tuple[Kind, ...] = ("email", "web")


class Changed(DigestError):
    """Files in the folder differ from the shipped ones."""


@app.command("list")
def list_(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the shipped templates and your own."""
    call = call_of(context)
    own = call.settings.templates
    facts = [{"template": name, "own": (own / name).is_file()} for name in shipped()]
    if as_json:
        call.json(facts)
        return
    for fact in facts:
        yours = f"  (your own, in {own})" if fact["own"] else ""
        call.out.print(f"{fact['template']}{yours}", markup=False)
    call.out.print(f"To edit them: digest templates copy {quote(str(own))}", markup=False)


@app.command()
@tells
def copy(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]", help="The target; by default, the folder in the settings."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that differ from the shipped ones.")
    ] = False,
) -> Told:
    """Copy the shipped templates into a folder; files that you changed there stay.

    A file in the folder replaces the shipped one of its name: delete those that you don't change,
    so that they follow the next version.
    """
    call = call_of(context)
    folder = folder or call.settings.templates
    sources = shipped()
    copies = {name: folder / name for name in sources}
    differ = [
        name
        for name, path in copies.items()
        if path.exists() and path.read_bytes() != sources[name].read_bytes()
    ]
    if differ and not force:
        shown = ", ".join(differ[:_SHOWN]) + (", ..." if len(differ) > _SHOWN else "")
        raise Changed(
            f"{counted(len(differ), 'file')} in {folder} would be overwritten: {shown}",
            next_step=f"copy to another folder, or overwrite them with --force: {_command(folder)}",
        )
    written = [name for name, path in copies.items() if name in differ or not path.exists()]
    for name in written:
        copies[name].parent.mkdir(parents=True, exist_ok=True)
        copies[name].write_bytes(sources[name].read_bytes())
    facts: dict[str, Any] = {"folder": str(folder), "copied": written, "of": len(copies)}
    told = f"{counted(len(written), 'template')} copied to {folder}."
    rest = "Delete those that you don't change, so that you get their next versions."
    return Told(facts, told, _use(call, folder), rest)


def shipped() -> dict[str, Path]:
    """Return the path of each shipped template that an installation may replace, by its name."""
    return {
        f"{kind}/{path.relative_to(shipped_templates(kind)).as_posix()}": path
        for kind in KINDS
        for path in sorted(shipped_templates(kind).rglob("*"))
        if path.is_file()
    }


def _use(call: CommandContext, folder: Path) -> str:
    """Return how the copies come into use."""
    if folder.absolute() == call.settings.templates.absolute():
        return "Digest uses them from now on. To see your changes as you edit: digest preview"
    return f"To use them, set DIGEST_TEMPLATES={quote(str(folder))}, in .env for example."


def _command(folder: Path) -> str:
    return f"digest templates copy {quote(str(folder))} --force"
