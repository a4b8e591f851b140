"""An error that prevents the preview, with its place: file, line, column and excerpt.

Hides how a place is found for each kind of error: template, comparison file, setting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from digest.errors import BadSetting, ComparisonUnreadable, DigestError
from digest.render.template_errors import TemplateFault

_QUOTED = re.compile(r"['\"“`]([^'\"“”`]{2,60})['\"”`]")
_COLUMN = re.compile(r",? column (\d+)")
_AROUND = 2  # lines shown before and after the fault
_LONGEST = 160  # characters of a line that are shown


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """A line of a file as the preview shows it; *mark* is the part in error."""

    number: int
    before: str
    mark: str
    after: str
    here: bool


@dataclass(frozen=True, kw_only=True)
class BuildError:
    """One error; *line* and *column* count from 1, and are 0 where they are unknown."""

    what: str
    file: str = ""
    line: int = 0
    column: int = 0
    lines: Sequence[SourceLine] = ()
    next_step: str = ""

    @property
    def title(self) -> str:
        """The message with a capital first letter, unless it starts with a name or key."""
        first = self.what.split(" ", 1)[0]
        return self.what[:1].upper() + self.what[1:] if first.isalpha() else self.what

    @property
    def where(self) -> str:
        """The place as file:line:column, as far as it is known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


def of_error(fault: DigestError, folders: Sequence[Path]) -> BuildError:
    """Return an error with its place; *folders* are the folders templates are read from."""
    if isinstance(fault, TemplateFault):
        path = next(
            (folder / fault.file for folder in folders if (folder / fault.file).is_file()), None
        )
        return _placed(
            fault.what, path, fault.file, fault.line or 0, fault.column or 0, fault.words
        )
    if isinstance(fault, ComparisonUnreadable):
        column_match = _COLUMN.search(fault.reason)
        message = _COLUMN.sub("", fault.reason)
        path = Path(fault.source)
        column = int(column_match[1]) if column_match else 0
        return _placed(message, path, path.name, fault.line or 0, column, "")
    if isinstance(fault, BadSetting):
        return _of_setting(fault)
    return BuildError(what=str(fault), next_step=fault.next_step or "")


def _of_setting(fault: BadSetting) -> BuildError:
    name = str(fault).partition(":")[0]
    path = Path(".env")
    for number, line in enumerate(_lines(path), 1):
        if line.strip().startswith(name):
            return _placed(str(fault), path, ".env", number, 0, line.partition("=")[2].strip())
    return BuildError(what=str(fault), next_step=fault.next_step or "")


def _placed(
    message: str, path: Path | None, name: str, line: int, column: int, words: str
) -> BuildError:
    lines = _lines(path) if path else []
    if not 0 < line <= len(lines):
        return BuildError(what=message, file=name, line=line)
    words = words.split("\n")[0] or _quoted_in(message, lines[line - 1])
    at = column - 1 if column else _column_of(lines[line - 1], words)
    width = len(words) if words and lines[line - 1][at:].startswith(words) else 1
    first = max(1, line - _AROUND)
    return BuildError(
        what=message,
        file=name,
        line=line,
        column=at + 1,
        lines=[
            _line(number, text, at, width, is_faulty=number == line)
            for number, text in enumerate(lines[first - 1 : line + _AROUND], first)
        ],
    )


def _line(number: int, text: str, at: int, width: int, *, is_faulty: bool) -> SourceLine:
    if not is_faulty:
        return SourceLine(number=number, before=text[:_LONGEST], mark="", after="", here=False)
    start = max(0, at - _LONGEST // 2)
    return SourceLine(
        number=number,
        before=("…" if start else "") + text[start:at],
        mark=text[at : at + width] or " ",
        after=text[at + width : start + _LONGEST],
        here=True,
    )


def _quoted_in(message: str, line: str) -> str:
    """Return the longest text quoted in the message that occurs in the line."""
    quoted = [words for words in _QUOTED.findall(message) if words in line]
    return max(quoted, key=len, default="")


def _column_of(line: str, words: str) -> int:
    at = line.find(words) if words else -1
    return at if at >= 0 else len(line) - len(line.lstrip())


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
