"""Where templates are looked up: an installation's folder first, then the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

from jinja2 import Environment, TemplateSyntaxError, meta

from digest.errors import TemplateBroken

_PARTS = (".subject.txt", ".mjml", ".txt")


def template_sources(name: str, *, folder: Path | None = None) -> dict[str, str]:
    """Return the source of every template the mail *name* may use, by template name.

    A file in *folder* replaces the shipped one of its name. Raises `TemplateBroken` when a template
    is missing.
    """
    folders = template_folders("email", folder)
    sources: dict[str, str] = {}
    waiting = [f"{name}{part}" for part in _PARTS]
    while waiting:
        template = waiting.pop()
        if template not in sources:
            sources[template] = _read(template, folders)
            waiting.extend(_referenced(sources[template], folders))
    return dict(sorted(sources.items()))


def _read(name: str, folders: tuple[Path, ...]) -> str:
    for folder in folders:
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path.read_text(encoding="utf-8")
    raise TemplateBroken(f"{name}: there is no such template")


def _referenced(source: str, folders: tuple[Path, ...]) -> Iterator[str]:
    """Yield the templates a source refers to: for a computed name, every template there is."""
    for name in _references(source):
        if name is not None:
            yield name
        else:
            yield from {
                path.relative_to(folder).as_posix()
                for folder in folders
                for path in folder.rglob("*")
                if path.is_file()
            }


@lru_cache(maxsize=64)
def _references(source: str) -> tuple[str | None, ...]:
    try:
        return tuple(meta.find_referenced_templates(_SYNTAX.parse(source)))
    except TemplateSyntaxError:
        return ()


_SYNTAX = Environment()  # noqa: S701  - parses, renders nothing

Kind = Literal["email", "web", "preview", "report"]


def template_folders(kind: Kind, own: Path | None = None) -> tuple[Path, ...]:
    """Return the folders to search, in order: *own*, then the shipped templates of *kind*.

    Raises `TemplateBroken` when *own* isn't a folder.
    """
    if own is None:
        return (shipped_templates(kind),)
    if not own.is_dir():
        raise TemplateBroken(f"{own}: there is no such folder of templates")
    return (own, shipped_templates(kind))


def shipped_templates(kind: Kind) -> Path:
    """Return the shipped folder of *kind*: in the package of a wheel, beside src/ in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "templates", package.parents[1] / "templates"):
        if (root / kind).is_dir():
            return root / kind
    raise TemplateBroken(f"the {kind} templates are missing: install digest-engine again")
