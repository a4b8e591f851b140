"""Show the OpenAPI document to people, as a page of the site that needs no script.

This module hides how a JSON schema becomes words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, NamedTuple

from digest.api.problems import PREFIX, PROBLEMS
from digest.app.installation import App
from digest.render.pages import Site, reference_page

_METHODS = ("get", "post", "put", "patch", "delete")
_SPANS = re.compile(r"\*\*(.+?)\*\*|`(.+?)`")
Document = Mapping[str, Any]


class Span(NamedTuple):
    """A part of a sentence: *kind* is the HTML element around it, empty for none."""

    kind: str
    text: str


Words = Sequence[Span]


@dataclass(frozen=True, kw_only=True)
class TypeWords:
    """A type in words; *schema* is the schema that it leads to, empty for none."""

    before: str
    schema: str = ""
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class FieldView:
    """A parameter or a field of a body."""

    name: str
    type: TypeWords
    needed: bool
    words: Words
    where: str = ""  #: "path", "query", "header"; empty for a field


@dataclass(frozen=True, kw_only=True)
class OperationView:
    """One method of one path."""

    id: str
    title: str
    method: str
    path: str
    paragraphs: Sequence[Words]
    parameters: Sequence[FieldView]
    body: TypeWords | None
    answers: Sequence[tuple[str, Words, TypeWords | None]]  #: status, words, what it holds


@dataclass(frozen=True, kw_only=True)
class GroupView:
    """The operations of one noun."""

    name: str
    words: Words
    operations: Sequence[OperationView]


@dataclass(frozen=True, kw_only=True)
class SchemaView:
    """The fields of one kind of JSON object; *values* are those of a closed list."""

    name: str
    words: Words
    fields: Sequence[FieldView]
    values: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class ReferenceView:
    """The whole page."""

    title: str
    version: str
    paragraphs: Sequence[Words]
    groups: Sequence[GroupView]
    schemas: Sequence[SchemaView]
    problems: Sequence[tuple[str, int, str]]  #: the end of its type, HTTP's status, its title


def render_reference(app: App, document: Document) -> str:
    """Return the page; raises `TemplateBroken`."""
    settings = app.settings
    folder = (settings.templates / "web").absolute()
    site = Site(name=parseaddr(settings.sender)[0], postal_address=settings.postal_address)
    return reference_page(
        site, reference_view(document), folder=folder if folder.is_dir() else None
    )


def reference_view(document: Document) -> ReferenceView:
    """Return what the page shows of an OpenAPI document."""
    schemas = document["components"]["schemas"]
    return ReferenceView(
        title=document["info"]["title"],
        version=document["info"]["version"],
        paragraphs=_paragraphs(document["info"]["description"]),
        groups=[
            GroupView(
                name=tag["name"],
                words=_spans(tag["description"]),
                operations=list(_operations(document, tag["name"])),
            )
            for tag in document["tags"]
        ],
        schemas=[_schema(name, schemas[name]) for name in sorted(schemas)],
        problems=[(kind.value, status, title) for kind, (status, title) in PROBLEMS.items()],
    )


def _operations(document: Document, tag: str) -> Iterator[OperationView]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            operation = item.get(method)
            if operation is not None and tag in operation.get("tags", ()):
                yield _operation(path, method, operation)


def _operation(path: str, method: str, operation: Document) -> OperationView:
    body = operation.get("requestBody")
    return OperationView(
        id=operation["operationId"],
        title=operation["summary"],
        method=method.upper(),
        path=PREFIX + path,
        paragraphs=_paragraphs(operation.get("description", "")),
        parameters=[_parameter(each) for each in operation.get("parameters", ())],
        body=_content(body) if body else None,
        answers=[
            (status, _spans(answer["description"]), _content(answer))
            for status, answer in sorted(operation["responses"].items())
            if status != "default"
        ],
    )


def _content(holder: Document) -> TypeWords | None:
    for media_type, content in holder.get("content", {}).items():
        if media_type != "application/json":
            return TypeWords(before=media_type)
        return type_words(content["schema"])
    return None


def _parameter(parameter: Document) -> FieldView:
    return FieldView(
        name=parameter["name"],
        type=type_words(_given(parameter["schema"])),
        needed=parameter.get("required", False),
        words=_spans(parameter.get("description", "")),
        where=parameter["in"],
    )


def _given(schema: Document) -> Document:
    """Return the schema of a parameter that is given: one left out is null."""
    kinds = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else schema


def _schema(name: str, schema: Document) -> SchemaView:
    needed = set(schema.get("required", ()))
    return SchemaView(
        name=name,
        words=_spans(schema.get("description", "").partition("\n\n")[0]),
        fields=[
            FieldView(
                name=field,
                type=type_words(each),
                needed=field in needed,
                words=_spans(each.get("description", "")),
            )
            for field, each in schema.get("properties", {}).items()
        ],
        values=[str(value) for value in schema.get("enum", ())],
    )


def type_words(schema: Document) -> TypeWords:
    """Return the words of a JSON schema: "list of Issue", "date-time or null"."""
    if "$ref" in schema:
        return TypeWords(before="", schema=str(schema["$ref"]).rpartition("/")[2])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return _choice([type_words(each) for each in choices])
    if schema.get("type") == "array":
        items = type_words(schema.get("items", {}))
        return TypeWords(before=f"list of {items.before}", schema=items.schema, after=items.after)
    if "enum" in schema or "const" in schema:
        values = schema.get("enum") or [schema["const"]]
        return TypeWords(before=", ".join(str(value) for value in values))
    return TypeWords(before=_plain(schema))


def _plain(schema: Document) -> str:
    word = str(schema.get("format") or schema.get("type", "anything"))
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        usual = f"; {schema['default']} by default" if schema.get("default") else ""
        return f"{word} from {low:,.0f} to {high:,.0f}{usual}"
    longest = schema.get("maxLength")
    return f"{word} of up to {longest:,} characters" if longest else word


def _choice(kinds: Sequence[TypeWords]) -> TypeWords:
    """Return several types as one; only the first schema among them is linked."""
    linked = next((kind for kind in kinds if kind.schema), None)
    others = [kind.before for kind in kinds if not kind.schema]
    if linked is None:
        return TypeWords(before=" or ".join(others))
    after = "".join(f" or {other}" for other in others)
    return TypeWords(before=linked.before, schema=linked.schema, after=linked.after + after)


def _paragraphs(text: str) -> list[Words]:
    return [_spans(part) for part in text.split("\n\n") if part.strip()]


def _spans(text: str) -> Words:
    """Return a text, in the little Markdown of our descriptions, as its spans."""
    text = " ".join(text.split())
    spans: list[Span] = []
    end = 0
    for match in _SPANS.finditer(text):
        spans.append(Span("", text[end : match.start()]))
        spans.append(Span("b", match[1]) if match[1] else Span("code", match[2]))
        end = match.end()
    return [*spans, Span("", text[end:])]
