"""Which files are read as comparisons: their suffixes, size and encoding, and each one's parser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from digest.comparisons.json_parser import is_comparison, parse_json
from digest.comparisons.page_parser import is_page, parse_page
from digest.comparisons.schema import ComparisonDraft
from digest.errors import ComparisonUnreadable

MAX_BYTES = 1_000_000  #: one file

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


def holds_comparison(path: Path) -> bool | None:
    """Return whether a file is meant as a comparison, sound or faulty, by what is written in it.

    ``None`` where that can't be told: the file can't be read, or is neither text nor JSON.
    """
    try:
        text = decode(_read(path, str(path)), source=str(path))
    except ComparisonUnreadable:
        return None
    return is_comparison(text) if path.suffix.lower() == ".json" else is_page(text)


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of *paths*: a folder yields its .txt and .json files, sorted by name.

    Hidden files and subfolders are skipped. A folder without such a file is yielded itself, so
    that `read_file` reports it.
    """
    for path in paths:
        yield from _files_of(path) or [path]


def decode(raw: bytes, *, source: str) -> str:
    """Return *raw* as text without a byte order mark; raises `ComparisonUnreadable`."""
    if len(raw) > MAX_BYTES:
        raise ComparisonUnreadable(
            f"the file is larger than {MAX_BYTES:,} bytes; a comparison has about 10,000",
            source=source,
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        raise ComparisonUnreadable(
            "this isn't UTF-8 text; save the file as UTF-8", line=line, source=source
        ) from None


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
