"""The JSON format of docs/comparison-format.md: its syntax, and how a fault names its place."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pydantic import ValidationError

from digest.comparisons.content_faults import (
    Location,
    errors_of,
    in_words,
    line_of,
    message_of,
    printable_key,
)
from digest.comparisons.models import SourceForm
from digest.comparisons.schema import ComparisonContent, ComparisonDraft, draft_of
from digest.errors import ComparisonUnreadable, FieldFault

_FAULTS_NAMED = 5
_MOST_DIGITS = 100  #: of a whole number; no field takes one of more than three
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


#: What the library says of a broken text, by its first words, in words for an editor.
_FAULTS = {
    "Expecting property name": "a name in double quotes is missing",
    "Expecting value": "a value is missing",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Illegal trailing comma": "a comma stands before the end",
    "Unterminated string": "the quotes of a text aren't closed",
    "Invalid control character": "a line break or tab stands in a text",
    "Extra data": "more follows after its end",
}


def _in_words(fault: json.JSONDecodeError) -> str:
    told = (words for start, words in _FAULTS.items() if fault.msg.startswith(start))
    return next(told, "it can't be read")


def _load(text: str, source: str) -> Any:
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_int=_whole_number,
        )
    except json.JSONDecodeError as fault:
        raise ComparisonUnreadable(
            f"this isn't JSON: {_in_words(fault)}, column {fault.colno}",
            line=fault.lineno,
            source=source,
        ) from None
    except RecursionError:
        raise ComparisonUnreadable("this JSON is nested too deeply", source=source) from None
    except ValueError as fault:  # a number of hundreds of digits, a repeated key
        raise ComparisonUnreadable(str(fault), source=source) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {printable_key(twice)} stands twice in one place")
    return keys


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} isn't a number JSON has")


def _unreadable(fault: ValidationError, text: str, source: str) -> ComparisonUnreadable:
    """Return an error with the first faults, each with its field, and the line of the first."""
    errors = errors_of(fault)
    fields = [
        FieldFault(error["loc"], message_of(error), line_of(error["loc"], text))
        for error in errors[:_FAULTS_NAMED]
    ]
    messages = [
        f"{_path(each.location)}{each.message}" + (f" (line {each.line})" if number else "")
        for number, each in enumerate(fields)
    ]
    if len(errors) > _FAULTS_NAMED:
        messages.append(f"and {len(errors) - _FAULTS_NAMED} more")
    first = fields[0]
    line = first.line if first.location else None  # what the whole file lacks has no line
    return ComparisonUnreadable("; ".join(messages), line=line, source=source, fields=fields)


def _path(loc: Location) -> str:
    """Return the field in words where it isn't the file's own, and its path in the file."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{printable_key(part)}"
    words = in_words(loc) if len(loc) > 1 else ""
    return f"{words}, {path[1:]}: " if words else f"{path[1:]}: " if path else ""
