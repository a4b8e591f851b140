"""Write the client's types and methods from the OpenAPI document of the API.

    python scripts/client_types.py [--check]

With --check nothing is written: it ends with 1 where the files aren't those that would be.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from secrets import token_hex
from textwrap import fill
from typing import Any

from digest import client
from digest.api.app import make_api
from digest.app.installation import open_app
from digest.settings import load

ROOT = Path(__file__).parents[1]
FOLDER = Path(client.__file__).parent
_NOTE = (
    "Made by scripts/client_types.py from the OpenAPI document: change the API, and run it again."
)
_NAMES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_METHODS = ("get", "put", "post", "patch", "delete")
_WIDTH = 92
Schema = Mapping[str, Any]


def document() -> dict[str, Any]:
    """Return the OpenAPI document of an installation with nothing in it."""
    settings = load({}, database_url="sqlite:///nothing.db", secret=token_hex(32))
    return make_api(open_app(settings)).openapi()


class Types:
    """The types of schemas, by the name that the document has for each."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def module(self) -> str:
        """Return the module with a class for each object."""
        classes = [
            self._class(name, schema)
            for name, schema in sorted(self._schemas.items())
            if "properties" in schema and not self.item_of(schema)
        ]
        head = f'"""The JSON that the API takes and returns, an object a class.\n\n{_NOTE}\n"""\n\n'
        imports = "from typing import Any, Literal, NotRequired, TypedDict\n\n\n"
        return head + "from __future__ import annotations\n\n" + imports + "\n\n".join(classes)

    def named(self, schema: Schema) -> str:
        """Return the type of a schema."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            target = self._schemas[name]
            return f"{name}Json" if "properties" in target else self.named(target)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return " | ".join(dict.fromkeys(map(self.named, schema[several])))
        if "enum" in schema or "const" in schema:
            values = schema.get("enum", [schema.get("const")])
            return f"Literal[{', '.join(map(repr, values))}]"
        if schema.get("type") == "array":
            return f"list[{self.named(schema.get('items', {}))}]"
        if schema.get("type") == "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {self.named(more) if isinstance(more, Mapping) else 'Any'}]"
        return _NAMES.get(str(schema.get("type")), "Any")

    def item_of(self, schema: Schema) -> str:
        """Return the type of a page's items, empty for what is no page of a list."""
        target = self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        properties = target.get("properties", {})
        return (
            self.named(properties["items"]["items"]) if {"items", "next"} == {*properties} else ""
        )

    def _class(self, name: str, schema: Schema) -> str:
        required = schema.get("required", ())
        fields = []
        for key, value in schema["properties"].items():
            if not key.isidentifier() or iskeyword(key):
                raise SystemExit(f"{name}.{key} can't be a name in Python: call it something else")
            told = self.named(value)
            fields.append(f"    {key}: {told if key in required else f'NotRequired[{told}]'}\n")
        says = _docstring(schema.get("description") or f"{name}.", indent="    ")
        return f"class {name}Json(TypedDict):\n{says}\n{''.join(fields)}"


def operations(document: Mapping[str, Any], types: Types) -> str:
    """Return the module with a method for each operation."""
    methods = [_method(*each, types) for each in _operations(document)]
    used = sorted({name for each in methods for name in re.findall(r"\w+Json\b", each)})
    imports = "".join(f"    {name},\n" for name in used)
    literal = "from typing import Literal\n" if "Literal[" in "".join(methods) else ""
    return (
        f'"""A method for each operation of the API.\n\n{_NOTE}\n"""\n\n'
        "from __future__ import annotations\n\n"
        f"from collections.abc import Iterator\n{literal}from urllib.parse import quote\n\n"
        "from digest.client.api_connection import ApiConnection\n"
        f"from digest.client.api_types import (\n{imports})\n\n\n"
        "class Operations:\n"
        '    """The operations of the API, over one connection.\n\n'
        "    Each raises `ApiProblem` for a refusal, and `ApiUnreachable` where no answer came.\n"
        '    """\n\n'
        "    def __init__(self, connection: ApiConnection) -> None:\n"
        "        self._connection = connection\n\n" + "\n".join(methods) + _PART
    )


_PART = '''

def _part(value: object) -> str:
    """Return a value as a part of a path."""
    return quote(str(value), safe="")
'''


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _method(method: str, path: str, operation: Mapping[str, Any], types: Types) -> str:
    """Return the method that makes one request."""
    parameters = operation.get("parameters", [])
    paths = [each for each in parameters if each["in"] == "path"]
    queries = [each for each in parameters if each["in"] == "query"]
    item, told = _answer(operation, types)
    if item:
        queries = [each for each in queries if each["name"] != "after"]
    positional = [f"{each['name']}: {types.named(each['schema'])}" for each in paths]
    keywords = [_keyword(each, types) for each in queries]
    body = _body(operation, types)
    if body:
        positional.append(body)
    takes_match = any(each["name"] == "If-Match" for each in parameters)
    if takes_match:
        keywords.append("if_match: str | None = None")
    signature = ", ".join(["self", *positional, *(["*", *keywords] if keywords else [])])
    given = [f'"{method}"'] if not item else []
    given.append(_path(path))
    if queries:
        pairs = ", ".join(f'"{each["name"]}": {each["name"]}' for each in queries)
        given.append(f"query={{{pairs}}}")
    given += ["body=body"] if body else []
    given += ["if_match=if_match"] if takes_match else []
    says = _docstring(operation.get("description") or operation["summary"], indent="        ")
    name = _name(operation["operationId"])
    if item:
        ending = f"        return self._connection.walk({', '.join(given)})\n"
        return f"    def {name}({signature}) -> Iterator[{told}]:\n{says}{ending}"
    ending = f"        answer: {told} = self._connection.send({', '.join(given)}).value\n"
    return f"    def {name}({signature}) -> {told}:\n{says}{ending}        return answer\n"


def _name(operation_id: str) -> str:
    """Return `comparisons` for listComparisons, `add_source` for addSource."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", operation_id).lower()
    return words.removeprefix("list_").removeprefix("get_")


def _path(path: str) -> str:
    text = re.sub(r"\{(\w+)\}", r"{_part(\1)}", path)
    return f'f"{text}"' if text != path else f'"{path}"'


def _keyword(parameter: Mapping[str, Any], types: Types) -> str:
    told = types.named(parameter["schema"])
    if parameter.get("required"):
        return f"{parameter['name']}: {told}"
    return f"{parameter['name']}: {told.removesuffix(' | None')} | None = None"


def _body(operation: Mapping[str, Any], types: Types) -> str:
    body = operation.get("requestBody")
    if body is None:
        return ""
    told = types.named(body["content"]["application/json"]["schema"]).removesuffix(" | None")
    return f"body: {told}" if body.get("required") else f"body: {told} | None = None"


def _answer(operation: Mapping[str, Any], types: Types) -> tuple[bool, str]:
    """Return whether the answer is a page of a list, and its type or that of an item."""
    status = min(code for code in operation["responses"] if code.startswith("2"))
    content = operation["responses"][status].get("content", {})
    if "application/json" not in content:
        return False, "str" if content else "None"
    schema = content["application/json"]["schema"]
    item = types.item_of(schema)
    return bool(item), item or types.named(schema)


def _docstring(text: str, *, indent: str) -> str:
    """Return a docstring: its first sentence in a line of its own, the rest below."""
    plain = " ".join(text.replace("\\", "").split())
    first, _, rest = plain.partition(". ")
    first = first.rstrip(".") + "."
    if len(indent) + len(first) > _WIDTH or not rest:
        if len(indent) + len(first) <= _WIDTH:
            return f'{indent}"""{first}"""\n'
        head, _, tail = first.partition(": ") if ": " in first else first.partition(", ")
        first, rest = head.rstrip(".") + ".", f"{tail[:1].upper()}{tail[1:]} {rest}".strip()
    body = fill(rest, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f'{indent}"""{first}\n\n{body}\n{indent}"""\n'


def formatted(text: str) -> str:
    """Return a module in the project's format."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": True, "cwd": ROOT}
    sorted_ = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--quiet", "--fix", "--select", "I", "-"],
        input=text,
        **options,
    )
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "-"], input=sorted_.stdout, **options
    )
    return str(done.stdout)


def main() -> int:
    """Write both modules, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and compare")
    check = parser.parse_args().check
    told = document()
    types = Types(told["components"]["schemas"])
    made = {"api_types": types.module(), "operations": operations(told, types)}
    stale = []
    for name, text in made.items():
        path, text = FOLDER / f"{name}.py", formatted(text)
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(path.name)
            if not check:
                path.write_text(text, "utf-8")
    if stale and check:
        names = ", ".join(stale)
        sys.stdout.write(f"not up to date: {names}; run python scripts/client_types.py\n")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
