"""How an exception of the template engine becomes a fault with file, line and column."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from jinja2 import TemplateNotFound, TemplateSyntaxError

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


def of_jinja(fault: Exception, name: str, folders: tuple[Path, ...]) -> TemplateFault:
    """Return the fault of a Jinja exception, with its place in the templates of *folders*."""
    if isinstance(fault, TemplateNotFound):
        searched = ", ".join(str(folder) for folder in folders)
        return TemplateFault(f"no template {fault.name} in {searched}", file=name)
    if isinstance(fault, TemplateSyntaxError):
        return TemplateFault(fault.message or "syntax", file=fault.name or name, line=fault.lineno)
    file, line = _last_template_line(fault.__traceback__, folders) or (name, None)
    return TemplateFault(f"{fault} ({type(fault).__name__})", file=file, line=line)


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
