"""Which files are read as comparisons, and by which parser: .txt as a page, .json as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from digest.comparisons.json_parser import parse_json
from digest.comparisons.page_parser import parse_page
from digest.comparisons.sanitize import MAX_BYTES, decode
from digest.comparisons.schema import ComparisonDraft
from digest.errors import ComparisonUnreadable

_PARSERS = {".txt": parse_page, ".json": parse_json}


def read_file(path: Path) -> ComparisonDraft:
    """Return the draft of one file, parsed by its suffix; raises only `ComparisonUnreadable`."""
    source = str(path)
    if path.is_dir():
        raise ComparisonUnreadable("no .txt or .json file is in this folder", source=source)
    parse = _PARSERS.get(path.suffix.lower())
    if not path.exists():
        raise ComparisonUnreadable("there is no such file or folder", source=source)
    if parse is None:
        raise ComparisonUnreadable("the name ends neither in .txt nor in .json", source=source)
    return parse(decode(_read(path, source), source=source), source=source)


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of *paths*: a folder yields its .txt and .json files, sorted by name.

    Hidden files and subfolders are skipped. A folder without such a file is yielded itself, so
    that `read_file` reports it.
    """
    for path in paths:
        yield from _files_of(path) or [path]


def _read(path: Path, source: str) -> bytes:
    try:
        if not path.is_file():  # reading a pipe may never end
            raise ComparisonUnreadable("this is no plain file", source=source)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as fault:
        reason = f"the file can't be read: {fault.strerror}"
        raise ComparisonUnreadable(reason, source=source) from None


def _files_of(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _is_readable(path))
    except OSError:  # no folder, or one that can't be read
        return []


def _is_readable(path: Path) -> bool:
    return path.suffix.lower() in _PARSERS and not path.name.startswith(".") and path.is_file()
