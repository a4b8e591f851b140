"""The JSON format of docs/comparison-format.md: its syntax, and how a fault names its place."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from digest.comparisons.models import SourceForm
from digest.comparisons.schema import ComparisonContent, ComparisonDraft, draft_of
from digest.errors import ComparisonUnreadable

_FAULTS_NAMED = 5
_CONTENDERS = '"contenders"'
_OWN_KEYS = ComparisonContent.model_fields.keys() - {"format", "slug", "url"}


def parse_json(text: str, *, source: str = "") -> ComparisonDraft:
    """Return the draft of one JSON text; raises `ComparisonUnreadable` with each fault's place."""
    text = text.removeprefix("\ufeff")
    data = _load(text, source)
    try:
        return draft_of(data, form=SourceForm.JSON, source=text)
    except ValidationError as fault:
        raise _unreadable(fault, text, source) from None


def is_comparison(text: str) -> bool | None:
    """Return whether a JSON text is meant as a comparison; ``None`` where it isn't JSON at all.

    No other JSON has the key "contenders", which is looked for in a broken text as well. Without
    it, a title beside another of the format's keys counts.
    """
    if _CONTENDERS in text:
        return True
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    return isinstance(data, dict) and "title" in data and len(data.keys() & _OWN_KEYS) > 1


def _load(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as fault:
        raise ComparisonUnreadable(
            f"this isn't JSON: {fault.msg}, column {fault.colno}", line=fault.lineno, source=source
        ) from None
    except RecursionError:
        raise ComparisonUnreadable("this JSON is nested too deeply", source=source) from None
    except ValueError as fault:  # a number of thousands of digits, a repeated key
        raise ComparisonUnreadable(str(fault), source=source) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {_printable(twice)} stands twice in one place")
    return keys


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} isn't a number JSON has")


def _unreadable(fault: ValidationError, text: str, source: str) -> ComparisonUnreadable:
    """Return an error with the first faults and their places, and a line if it is unambiguous."""
    errors = fault.errors(include_url=False, include_input=False, include_context=False)
    messages = [f"{_path(error['loc'])}{_message(error)}" for error in errors[:_FAULTS_NAMED]]
    if len(errors) > _FAULTS_NAMED:
        messages.append(f"and {len(errors) - _FAULTS_NAMED} more")
    return ComparisonUnreadable(
        "; ".join(messages), line=_line_of(errors[0]["loc"], text), source=source
    )


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{_printable(part)}"
    return f"{path.removeprefix('.')}: " if path else ""


def _message(error: Any) -> str:
    known = {
        "extra_forbidden": "this key isn't known; digest docs comparison-format lists them",
        "missing": "this key is missing",
        "model_type": "must be an object",
        "tuple_type": "must be a list",
        "string_type": "must be text",
        "float_type": "must be a number",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
    }
    if error["type"] == "value_error":  # raised by a validator of the schema
        return str(error["msg"]).removeprefix("Value error, ")
    message = str(error["msg"]).replace("Input should be", "must be")
    return known.get(error["type"], message[:1].lower() + message[1:])


def _line_of(loc: tuple[int | str, ...], text: str) -> int | None:
    keys = [part for part in loc if isinstance(part, str)]
    if not keys:
        return None
    offsets = [
        match.start() for match in re.finditer(rf"{re.escape(json.dumps(keys[-1]))}\s*:", text)
    ]
    return text.count("\n", 0, offsets[0]) + 1 if len(offsets) == 1 else None


def _printable(key: str) -> str:
    """Return a key of the file, safe to print."""
    return "".join(char if char.isprintable() else "?" for char in key)[:60]
