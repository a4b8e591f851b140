"""The schema of MJML, read from ``tags.json``: tags, their parents, and attribute types.

``made_from`` in the file says which version of MJML it is of, and how it was made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import orjson

from digest.render.lint.css import parse_colour

Content = Literal["tags", "html", "words", "nothing"]
EVERYWHERE = frozenset({"css-class", "mj-class"})
_COLOUR = re.compile(
    r"#(?:[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})\Z|(?:rgb|hsl)a?\([\d.,%\s/deg]+\)\Z",
    re.IGNORECASE,
)
_NAMED = frozenset({"transparent", "inherit", "initial", "currentcolor", "none"})


@dataclass(frozen=True)
class TagSpec:
    """One tag: its content, its possible parents, and the type of each attribute."""

    content: Content
    inside: tuple[str, ...]
    attributes: dict[str, str]


@cache
def tag_specs() -> dict[str, TagSpec]:
    """Return the specification of every tag, by name."""
    return {
        name: TagSpec(fields["content"], tuple(fields["inside"]), fields["attributes"])
        for name, fields in _schema()["tags"].items()
    }


@cache
def every_attribute() -> frozenset[str]:
    """Return the names of all attributes of all tags."""
    return EVERYWHERE.union(*(kind.attributes for kind in tag_specs().values()))


@cache
def attributes_of(name: str) -> frozenset[str]:
    """Return the names of the attributes of a tag."""
    if name in {"mj-all", "mj-class"}:
        return every_attribute() | {"name"}
    if name == "mjml":
        return frozenset(tag_specs()[name].attributes) | {"version"}
    return frozenset(tag_specs()[name].attributes) | EVERYWHERE


def fits(kind: str, value: str) -> bool:
    """Return whether an attribute of type *kind* accepts *value*; empty values always pass."""
    if not value.strip() or kind == "string":
        return True
    if kind == "color":
        return bool(_COLOUR.match(value)) or value.lower() in _NAMED or _is_colour_name(value)
    if kind == "integer":
        return value.strip().isdigit()
    if kind == "boolean":
        return value in {"true", "false"}
    return bool(_pattern(kind).fullmatch(value.strip()))


def takes(kind: str) -> str:
    """Return in words the values that an attribute of type *kind* accepts."""
    inside = kind.partition("(")[2].partition(")")[0]
    if kind.startswith("enum"):
        return " or ".join(part for part in inside.split(",") if part)
    if kind.startswith("unit"):
        return f"a length in {' or '.join(part for part in inside.split(',') if part)}"
    return {"color": "a colour", "integer": "a whole number", "boolean": "true or false"}[kind]


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    inside = kind.partition("(")[2].partition(")")[0].split(",")
    if kind.startswith("enum"):
        return re.compile("|".join(map(re.escape, inside)))
    sign = "-?" if kind.startswith("unitWithNegative") else ""
    units = "|".join(map(re.escape, sorted((u for u in inside if u != "auto"), reverse=True)))
    auto = "|auto" if "auto" in inside else ""
    length = rf"(?:{sign}\d*\.?\d+(?:{units})|0{auto})"
    most = 3 if kind.endswith("{1,4}") else 0
    return re.compile(rf"{length}(?:\s+{length}){{0,{most}}}")


def _is_colour_name(value: str) -> bool:
    return value.isalpha() and parse_colour(value) is not None


@cache
def _schema() -> dict[str, Any]:
    raw = files("digest.render.lint.mjml").joinpath("tags.json").read_bytes()
    schema: dict[str, Any] = orjson.loads(raw)
    return schema
