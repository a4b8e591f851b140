"""How an exception of the template engine becomes a fault with file, line and column, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType

from jinja2 import StrictUndefined, TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.utils import missing

from digest.errors import TemplateBroken


class TemplateFault(TemplateBroken):
    """A template can't be rendered.

    *file* is the template's name; *line* and *column* count from 1 and are ``None``, and *words*
    empty, when they aren't known.
    """

    def __init__(
        self,
        what: str,
        *,
        file: str,
        line: int | None = None,
        column: int | None = None,
        words: str = "",
    ) -> None:
        where = ":".join(str(part) for part in (file, line, column) if part)
        super().__init__(f"{where}: {what}")
        self.what, self.file, self.line, self.column, self.words = what, file, line, column, words


class UnknownName(StrictUndefined):
    """What a template gets for a name that stands for nothing: any use of it fails, in words."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return super()._undefined_message
        owner = self._undefined_obj
        if not isinstance(self._undefined_name, str):
            return f"{kind_of(owner)} has no element {self._undefined_name}"
        name = self._undefined_name
        named = owner if isinstance(owner, Mapping) else dir(owner)
        known = [other for other in named if isinstance(other, str) and other[:1] != "_"]
        return f"{kind_of(owner)} has no '{name}'{_meant(name, known)}"


def kind_of(value: object) -> str:
    """Return what a value is, in words: "the comparison", "a list", "nothing"."""
    if value is None:
        return "nothing"
    name = type(value).__name__
    if name.endswith("View"):
        return f"the {name.removesuffix('View').lower()}"
    known = {"str": "text", "tuple": "a list", "dict": "a mapping", "bool": "a yes or no"}
    return known.get(name, f"{'an' if name[:1] in 'aeiou' else 'a'} {name.lower()}")


def of_jinja(
    fault: Exception, name: str, folders: tuple[Path, ...], known: Iterable[str] = ()
) -> TemplateFault:
    """Return the fault of a Jinja exception, with its place in the templates of *folders*.

    *known* are the names that the template was given.
    """
    if isinstance(fault, TemplateNotFound):
        searched = ", ".join(str(folder) for folder in folders)
        return TemplateFault(f"no template {fault.name} in {searched}", file=name)
    if isinstance(fault, TemplateSyntaxError):
        return TemplateFault(fault.message or "syntax", file=fault.name or name, line=fault.lineno)
    file, line = _last_template_line(fault.__traceback__, folders) or (name, None)
    return TemplateFault(_reason(fault, known), file=file, line=line)


def _reason(fault: Exception, known: Iterable[str]) -> str:
    reason = str(fault)
    if not isinstance(fault, (UndefinedError, TypeError, ValueError)):  # others say too little
        return f"{reason} ({type(fault).__name__})"
    undefined = re.fullmatch(r"'(\w+)' is undefined", reason)
    return reason + _meant(undefined[1], known) if undefined else reason


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(known), 1, 0.6)
    return f". Did you mean {close[0]}?" if close else ""


def _last_template_line(
    trace: TracebackType | None, folders: tuple[Path, ...]
) -> tuple[str, int] | None:
    """Return file and line of the innermost template frame; Jinja sets its line numbers."""
    location = None
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        for folder in folders:
            if path.is_relative_to(folder):
                location = (path.relative_to(folder).as_posix(), trace.tb_lineno)
        trace = trace.tb_next
    return location
