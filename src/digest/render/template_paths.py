"""Where templates are: an installation's own folder first, then the ones that ship."""

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

    *folder* hides the shipped templates name by name. Raises `TemplateBroken` when one is missing.
    """
    looked = template_folders("email", folder)
    found: dict[str, str] = {}
    waiting = [f"{name}{part}" for part in _PARTS]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = _read(each, looked)
            waiting.extend(_named(found[each], looked))
    return dict(sorted(found.items()))


def _read(name: str, looked: tuple[Path, ...]) -> str:
    for folder in looked:
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return path.read_text(encoding="utf-8")
    raise TemplateBroken(f"{name}: there is no such template")


def _named(source: str, looked: tuple[Path, ...]) -> Iterator[str]:
    """Yield the templates a source names; a name that is worked out may be any of them."""
    for name in _references(source):
        if name is not None:
            yield name
        else:
            yield from {
                path.relative_to(folder).as_posix()
                for folder in looked
                for path in folder.rglob("*")
                if path.is_file()
            }


@lru_cache(maxsize=64)
def _references(source: str) -> tuple[str | None, ...]:
    try:
        return tuple(meta.find_referenced_templates(_SYNTAX.parse(source)))
    except TemplateSyntaxError:
        return ()


_SYNTAX = Environment()  # noqa: S701  - reads the syntax, renders nothing

Kind = Literal["email", "web", "desk", "report"]


def template_folders(kind: Kind, own: Path | None = None) -> tuple[Path, ...]:
    """Return the folders to look in, in order; a name found in *own* hides the shipped one.

    Raises `TemplateBroken` when *own* is no folder.
    """
    if own is None:
        return (shipped_templates(kind),)
    if not own.is_dir():
        raise TemplateBroken(f"{own}: there is no such folder of templates")
    return (own, shipped_templates(kind))


def shipped_templates(kind: Kind) -> Path:
    """Return the folder that ships: inside the package in a wheel, beside src/ in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for root in (package / "templates", package.parents[1] / "templates"):
        if (root / kind).is_dir():
            return root / kind
    raise TemplateBroken(f"the {kind} templates are missing: install digest-engine again")
