"""Dependencies: every import is declared and pinned, for production and development."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import digest
import subscribers

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
#: Declared, and asked for by no import of ours.
BY_OTHERS = {
    "idna",  # email-validator's; the floor is ours
    "httptools",  # uvicorn parses with it where it is there
    "tzdata",  # holds data alone
}


def name(requirement: str) -> str:
    """The package a requirement or a pin is about."""
    return re.split(r"[\[<>=!~ ;]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def declared() -> dict[str, str]:
    """Every requirement of an installation with all extras, by its package."""
    extras = [
        requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra
    ]
    return {name(requirement): requirement for requirement in (*PROJECT["dependencies"], *extras)}


def imported() -> set[str]:
    """The packages that modules of ours import, anywhere in them."""
    owners, ours = packages_distributions(), {"digest", "subscribers"}
    roots = [Path(str(package.__file__)).parent for package in (digest, subscribers)]
    modules: set[str] = set()
    for path in (each for root in roots for each in root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module)
    tops = {module.partition(".")[0] for module in modules} - ours - set(sys.stdlib_module_names)
    return {name(owner) for top in tops for owner in owners[top]}


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return {name(line): line for line in lines if re.match(r"[a-z0-9]", line)}


def test_what_is_imported_is_declared_and_nothing_else_is() -> None:
    assert imported() == declared().keys() - BY_OTHERS


def test_every_requirement_has_a_floor() -> None:
    assert [requirement for requirement in declared().values() if ">=" not in requirement] == []


def test_production_gets_no_packages_of_developers_and_no_charts() -> None:
    group = {name(requirement) for requirement in PYPROJECT["dependency-groups"]["dev"]}
    charts = {name(requirement) for requirement in PROJECT["optional-dependencies"]["charts"]}
    production, work = pins("requirements.txt"), pins("requirements-dev.txt")
    assert (group | charts) & production.keys() == set()
    assert group | charts <= work.keys()


def test_what_is_tested_is_what_production_gets() -> None:
    production, work = pins("requirements.txt"), pins("requirements-dev.txt")
    assert declared().keys() - {"vl-convert-python"} <= production.keys()
    assert {work.get(package) for package in production} == set(production.values())


def test_no_pin_names_a_package_index() -> None:
    files = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
    text = "".join(file.read_text("utf-8") for file in files)
    assert ("://" in text, "--" in text) == (False, False)
