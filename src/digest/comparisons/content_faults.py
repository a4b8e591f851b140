"""How a fault that the input model finds is worded, and on which line of its file it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

Location = tuple[int | str, ...]  #: keys and indexes, from the outside in

SIDES = ("the left tool", "the right tool")
_WORDS = {
    "call": "call",
    "closing": "closing lines",
    "community_share": "community share",
    "labels": "labels",
    "panel_share": "panel share",
    "published_on": "publishing date",
    "url": "web address",
}
_MESSAGES = {
    "extra_forbidden": "this key isn't known; digest docs comparison-format lists them",
    "missing": "this key is missing",
    "model_type": "must be an object",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
}
_JSON = json.JSONDecoder(strict=False)


def errors_of(fault: ValidationError) -> Sequence[Mapping[str, Any]]:
    """Return the errors of the input model, without the values that caused them."""
    return fault.errors(include_url=False, include_input=False, include_context=False)


def message_of(error: Mapping[str, Any]) -> str:
    """Return what an error asks for: "must be a number"."""
    told = str(error["msg"])
    if error["type"] == "value_error":  # raised by a validator of the schema
        return told.removeprefix("Value error, ")
    message = told.replace("Input should be", "must be")
    return _MESSAGES.get(error["type"], message[:1].lower() + message[1:])


def in_words(location: Location, sides: Sequence[str] = SIDES) -> str:
    """Return the name of a field: "panel share of the left tool", "quote 2 on the right tool"."""
    match location:
        case ("contenders", int(side), "verdicts", int(number), str(key)) if side < len(sides):
            return f"{_key(key)} {number + 1} on {sides[side]}"
        case ("contenders", int(side), str(key)) if side < len(sides):
            return f"{_key(key)} of {sides[side]}"
        case ("contenders", int(side)) if side < len(sides):
            return sides[side]
        case ("closing" | "labels" as key, int(number)):
            return f"{_key(key).removesuffix('s')} {number + 1}"
        case (str(key),):
            return _key(key)
    return ""


def line_of(location: Location, text: str) -> int:
    """Return the line of a JSON text on which the value at *location* begins, from 1.

    Where a key is missing it is the line of the object that lacks it.
    """
    at = _after_blanks(text, 0)
    for part in location:
        within = next((start for name, start in _members(text, at) if name == part), None)
        if within is None:
            break
        at = within
    return text.count("\n", 0, at) + 1


def _members(text: str, at: int) -> Iterator[tuple[int | str, int]]:
    """Yield each key or index of the object or list at *at*, with where its value begins."""
    opener, number = text[at : at + 1], 0
    if opener not in ("{", "["):
        return
    at = _after_blanks(text, at + 1)
    while text[at : at + 1] not in ("}", "]", ""):
        name: int | str = number
        if opener == "{":
            name, at = _JSON.raw_decode(text, at)
            at = _after_blanks(text, _after_blanks(text, at) + 1)
        yield name, at
        _, at = _JSON.raw_decode(text, at)
        at = _after_blanks(text, at)
        if text[at : at + 1] == ",":
            at = _after_blanks(text, at + 1)
        number += 1


def _after_blanks(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\n", "\r"):
        at += 1
    return at


def _key(key: str) -> str:
    return _WORDS.get(key, printable_key(key))


def printable_key(key: str) -> str:
    """Return a key of the file, safe to print."""
    return "".join(char if char.isprintable() else "?" for char in key)[:60]
