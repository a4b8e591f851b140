"""Reads a comparison in the JSON format of docs/comparison-format.md."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from digest.comparisons.draft import ComparisonDraft, ContenderDraft, VerdictDraft, entry_of
from digest.comparisons.form import ComparisonForm, ContenderForm
from digest.comparisons.models import Call, SourceForm
from digest.comparisons.text import TITLE
from digest.errors import ComparisonUnreadable

_FAULTS_NAMED = 5


def parse_json(text: str, *, source: str = "") -> ComparisonDraft:
    """Read one comparison; raises `ComparisonUnreadable` with the place of each fault."""
    text = text.removeprefix("\ufeff")
    data = _load(text, source)
    try:
        return _draft(ComparisonForm.model_validate(data), text)
    except ValidationError as fault:
        raise _in_words(fault, text, source) from None


def _load(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as fault:
        raise ComparisonUnreadable(
            f"this isn't JSON: {fault.msg}, column {fault.colno}", line=fault.lineno, source=source
        ) from None
    except RecursionError:
        raise ComparisonUnreadable("this JSON is nested too deeply", source=source) from None
    except ValueError as fault:  # a number of thousands of digits, a key said twice
        raise ComparisonUnreadable(str(fault), source=source) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {_shown(twice)} stands twice in one place")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} isn't a number JSON has")


def _draft(form: ComparisonForm, text: str) -> ComparisonDraft:
    left, right = (_contender(side) for side in form.contenders)
    return ComparisonDraft(
        title=form.title or f"{left.name} vs {right.name}"[:TITLE],
        contenders=(left, right),
        slug=form.slug,
        kicker=form.kicker,
        question=form.question,
        intro=form.intro,
        closing=tuple(form.closing),
        published_on=form.published_on,
        url=form.url,
        weight=form.weight,
        labels=tuple(form.labels),
        seats=form.seats,
        form=SourceForm.JSON,
        source=text,
    )


def _contender(form: ContenderForm) -> ContenderDraft:
    verdicts = sorted(form.verdicts, key=lambda one: one.seat)
    return ContenderDraft(
        name=form.name,
        category=form.category,
        tagline=form.tagline,
        description=form.description,
        entry=entry_of(form.entry or ""),
        entry_text=form.entry or "",
        panel_share=form.panel_share,
        community_share=form.community_share,
        url=form.url,
        verdicts=tuple(
            VerdictDraft(
                seat=one.seat,
                quote=one.quote,
                call=Call(one.call) if one.call else None,
                reviewer=one.reviewer,
            )
            for one in verdicts
        ),
    )


def _in_words(fault: ValidationError, text: str, source: str) -> ComparisonUnreadable:
    """Name every fault and its place, and the line where the place is beyond doubt."""
    errors = fault.errors(include_url=False, include_input=False, include_context=False)
    said = [f"{_place(error['loc'])}{_message(error)}" for error in errors[:_FAULTS_NAMED]]
    if len(errors) > _FAULTS_NAMED:
        said.append(f"and {len(errors) - _FAULTS_NAMED} more")
    return ComparisonUnreadable(
        "; ".join(said), line=_line_of(errors[0]["loc"], text), source=source
    )


def _place(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{_shown(part)}"
    return f"{path.removeprefix('.')}: " if path else ""


def _message(error: Any) -> str:
    known = {
        "extra_forbidden": "this key isn't known; digest docs comparison-format lists them",
        "missing": "this key is missing",
        "model_type": "must be an object",
        "list_type": "must be a list",
        "string_type": "must be text",
        "float_type": "must be a number",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
    }
    if error["type"] == "value_error":  # our own words
        return str(error["msg"]).removeprefix("Value error, ")
    said = str(error["msg"]).replace("Input should be", "must be")
    return known.get(error["type"], said[:1].lower() + said[1:])


def _line_of(loc: tuple[int | str, ...], text: str) -> int | None:
    keys = [part for part in loc if isinstance(part, str)]
    if not keys:
        return None
    found = [
        match.start() for match in re.finditer(rf"{re.escape(json.dumps(keys[-1]))}\s*:", text)
    ]
    return text.count("\n", 0, found[0]) + 1 if len(found) == 1 else None


def _shown(key: str) -> str:
    """Make a key from outside safe to print."""
    return "".join(char if char.isprintable() else "?" for char in key)[:60]
