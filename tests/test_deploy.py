"""The deployment files: they fit the project and each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text("utf-8")


def test_the_documented_build_keeps_the_health_check() -> None:
    [build] = re.findall(r"^#\s+podman build (.*)", CONTAINERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in CONTAINERFILE
    assert "--format docker" in build  # an OCI image, podman's own kind, has none


def test_the_container_copies_all_that_the_wheel_is_built_from() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = build["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {path.partition("/")[0] for path in wheel["only-include"]}
    needed |= {"pyproject.toml", build["project"]["readme"], *build["project"]["license-files"]}
    first = CONTAINERFILE.partition("\nFROM ")[2].partition("\nFROM ")[0]
    copied = {word for line in re.findall(r"^COPY (.*)", first, re.M) for word in line.split()[:-1]}
    assert {path for path in needed if not any(path.startswith(each) for each in copied)} == set()
    assert "requirements-dev" not in CONTAINERFILE


def test_what_a_package_index_shows_links_to_nothing_it_has_not_got() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    shown = (ROOT / build["project"]["readme"]).read_text("utf-8")
    assert re.findall(r"\]\((?!https://)", shown) == []
