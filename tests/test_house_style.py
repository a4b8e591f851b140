"""House rules for every module that no linter checks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import digest
import subscribers

USUAL_FUNCTION = 30  #: lines; nine of ten stay under it
MODULES = sorted(
    path
    for package in (digest, subscribers)
    for path in Path(str(package.__file__)).parent.rglob("*.py")
    if "versions" not in path.parts
)


def name(path: Path) -> str:
    return "/".join(path.parts[-3:])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 100


def test_every_module_says_in_a_sentence_what_it_is_for() -> None:
    said = {at: ast.get_docstring(ast.parse(at.read_text("utf-8"))) or "" for at in MODULES}
    assert [at for at, text in said.items() if not text.partition("\n\n")[0].endswith(".")] == []


def test_nine_of_ten_functions_are_short() -> None:
    lengths = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in MODULES
        for node in functions(path)
    ]
    assert sum(lines <= USUAL_FUNCTION for lines in lengths) >= 0.9 * len(lengths)


def test_both_packages_ship_their_types() -> None:
    roots = [Path(str(package.__file__)).parent for package in (digest, subscribers)]
    assert [root for root in roots if not (root / "py.typed").exists()] == []
