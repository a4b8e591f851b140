"""How a place in filled MJML is traced to its place in the templates.

Before the templates are filled, a mark is put before each ``<`` of their sources, so that the
output of any include, macro or loop still tells its origin.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from jinja2 import BaseLoader, Environment

from digest.render.engine import FolderLoader, fill
from digest.render.lint.finding import Finding
from digest.render.lint.mjml.check import check_mjml, line_and_column, line_starts
from digest.render.lint.mjml.parser import MjmlFault

_JINJA_OR_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<", re.DOTALL)
_MARK_START, _MARK_END = "\ue000", "\ue001"
_MARK = re.compile(f"{_MARK_START}(\\d+){_MARK_END}")
_SEARCHED = 4_000  # characters after a mark that are searched for the words of a fault


def fill_checked(
    name: str, context: Mapping[str, object], folders: tuple[Path, ...]
) -> tuple[str, list[Finding]]:
    """Return a template filled as `digest.render.engine.fill` does, and its findings.

    Raises `TemplateBroken` when the templates can't be filled.
    """
    loader = _loader(folders)
    source, marks = _unmark(fill(name, context, folders, loader=loader))
    return source, check_mjml(source, locate=_locator(name, marks, loader))


class _MarkingLoader(BaseLoader):
    """A loader that puts a mark before each ``<`` that may begin a tag."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._inner = FolderLoader(folders)
        self.places: list[tuple[str, int]] = []
        self.sources: dict[str, str] = {}

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, fresh = self._inner.get_source(environment, template)
        self.sources[template] = source

        def mark(match: re.Match[str]) -> str:
            if match[0] != "<":
                return match[0]
            self.places.append((template, match.start()))
            return f"{_MARK_START}{len(self.places) - 1}{_MARK_END}<"

        return _JINJA_OR_TAG.sub(mark, source), path, fresh


@lru_cache(maxsize=8)
def _loader(folders: tuple[Path, ...]) -> _MarkingLoader:
    return _MarkingLoader(folders)


def _unmark(filled: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without its marks, and the (offset, number) of each mark."""
    parts, marks, at, length = [], [], 0, 0
    for match in _MARK.finditer(filled):
        parts.append(filled[at : match.start()])
        length += match.start() - at
        marks.append((length, int(match[1])))
        at = match.end()
    return "".join([*parts, filled[at:]]), marks


def _locator(
    name: str, marks: list[tuple[int, int]], loader: _MarkingLoader
) -> Callable[[MjmlFault], tuple[str, int, int]]:
    offsets = [offset for offset, _ in marks]

    def locate(fault: MjmlFault) -> tuple[str, int, int]:
        before = bisect_right(offsets, fault.at) - 1
        number = marks[before][1] if before >= 0 else -1
        file, start = loader.places[number] if 0 <= number < len(loader.places) else (name, 0)
        source = loader.sources.get(file, "")
        words = fault.words.split("\n")[0]
        offset = source.find(words, start, start + _SEARCHED) if words else start
        return (file, *line_and_column(line_starts(source), offset if offset >= 0 else start))

    return locate
