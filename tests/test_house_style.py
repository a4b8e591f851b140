"""House rules for every module that no linter checks."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import digest
import subscribers

USUAL_FUNCTION = 20  #: lines; nine of ten stay within it today
MOST_FILES = 16  #: Python files in one folder
MODULES = sorted(
    path
    for package in (digest, subscribers)
    for path in Path(str(package.__file__)).parent.rglob("*.py")
    if "versions" not in path.parts
)
#: Shapes that several packages have, and are named alike on purpose.
SHAPES = {"__init__", "__main__", "app", "errors", "models", "store"}


def name(path: Path) -> str:
    return "/".join(path.parts[-3:])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


def places_of_classes() -> dict[str, list[str]]:
    """Map each public class name to the modules that define such a class."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name(path))
    return places


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 100


def test_every_module_says_in_a_sentence_what_it_is_for() -> None:
    assert [at for at in MODULES if not docstring(at).partition("\n\n")[0].endswith(".")] == []


def test_every_package_says_how_data_flows_through_it() -> None:
    packages = [path for path in MODULES if path.name == "__init__.py"]
    sentences = {path: re.findall(r"\.(?=\s|$)", docstring(path)) for path in packages}
    assert [name(path) for path, ends in sentences.items() if len(ends) <= 1] == []


def test_no_public_class_name_stands_for_two_things() -> None:
    assert {one: where for one, where in places_of_classes().items() if len(where) > 1} == {}


def test_no_module_name_stands_for_two_things() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        if path.stem not in SHAPES:
            places[path.stem].append(name(path))
    assert {stem: where for stem, where in places.items() if len(where) > 1} == {}


def test_no_folder_is_a_corridor() -> None:
    files: dict[Path, int] = defaultdict(int)
    for path in MODULES:
        files[path.parent] += 1
    assert {str(at): count for at, count in files.items() if count > MOST_FILES} == {}


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


@pytest.mark.parametrize(
    "paper",
    ["vocabulary", "architecture", "adding-a-provider", "adding-a-section", "adding-a-language"],
)
def test_every_module_a_paper_names_is_there(paper: str) -> None:
    page = Path(__file__).parents[1] / "docs" / f"{paper}.md"
    roots = {
        package.__name__: Path(str(package.__file__)).parent for package in (digest, subscribers)
    }
    named = re.findall(r"`((?:digest|subscribers)(?:\.[a-z_]+)+)`", page.read_text("utf-8"))
    paths = {
        module: roots[module.split(".")[0]].joinpath(*module.split(".")[1:]) for module in named
    }
    missing = {
        at for at, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").exists())
    }
    assert named
    assert missing == set()
