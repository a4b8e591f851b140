"""The JSON format of docs/comparison-format.md: its keys, their limits, and its error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from digest.comparisons import sanitize as bounds
from digest.comparisons.models import MAX_SEATS, SEATS, Call, SourceForm
from digest.comparisons.sanitize import TITLE, forbidden, normalise, tidy, tidy_prose
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft, entry_of
from digest.comparisons.slug import slugify
from digest.errors import ComparisonUnreadable

MAX_WEIGHT = 10.0


def _one_line(limit: int, *, least: int = 0) -> Callable[[str], str]:
    def check(value: str) -> str:
        line = tidy(_readable(value))
        if "\n" in line:
            raise ValueError("must be one line")
        return _of_size(line, limit, least)

    return check


def _prose(limit: int, *, least: int = 0) -> Callable[[str], str]:
    def check(value: str) -> str:
        return _of_size(tidy_prose(_readable(value)), limit, least)

    return check


def _readable(value: str) -> str:
    if fault := forbidden(value.replace("\r\n", "\n")):
        raise ValueError(f"has {fault}")
    return normalise(value)


def _of_size(text: str, limit: int, least: int) -> str:
    if len(text) < least:
        raise ValueError("must not be empty")
    if len(text) > limit:
        raise ValueError(f"has {len(text):,} characters; {limit:,} at most")
    return text


def _day(value: Any) -> date:
    if not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)):
        raise ValueError('must be a day such as "2026-11-24"')
    return date.fromisoformat(value)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for a port no host has
    plain = value.isascii() and value.isprintable() and not set(value) & set(' "<>\\^`{|}')
    if not plain or parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise ValueError("must be a web address such as https://example.com/page")
    return value


def _slug(value: str) -> str:
    if value != slugify(value):
        raise ValueError(f"must be a slug, such as {slugify(value)}")
    return value


Title = Annotated[str, AfterValidator(_one_line(bounds.TITLE, least=1))]
Name = Annotated[str, AfterValidator(_one_line(bounds.NAME, least=1))]
Kicker = Annotated[str, AfterValidator(_one_line(bounds.KICKER))]
Category = Annotated[str, AfterValidator(_one_line(bounds.CATEGORY))]
EntryWord = Annotated[str, AfterValidator(_one_line(bounds.ENTRY))]
Label = Annotated[str, AfterValidator(_one_line(40, least=1))]
Sentence = Annotated[str, AfterValidator(_one_line(bounds.LINE))]
ClosingLine = Annotated[str, AfterValidator(_one_line(bounds.LINE, least=1))]
Description = Annotated[str, AfterValidator(_prose(bounds.PROSE))]
Quote = Annotated[str, AfterValidator(_prose(bounds.PROSE, least=1))]
Url = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
Slug = Annotated[str, AfterValidator(_slug)]
Day = Annotated[date, BeforeValidator(_day)]
#: abs turns the -0.0 that JSON allows into 0.
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), AfterValidator(abs)]
Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT, allow_inf_nan=False), AfterValidator(abs)]


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class VerdictForm(_StrictModel):
    """One reviewer's verdict on one contender."""

    seat: Annotated[int, Field(ge=1, le=MAX_SEATS)]
    quote: Quote
    call: Literal["ship", "skip"] | None = None
    reviewer: Name | None = None


class ContenderForm(_StrictModel):
    """One contender."""

    name: Name
    category: Category = ""
    tagline: Sentence = ""
    description: Description = ""
    entry: EntryWord | None = None
    panel_share: Share | None = None
    community_share: Share | None = None
    url: Url | None = None
    verdicts: Annotated[list[VerdictForm], Field(min_length=1, max_length=MAX_SEATS)]


class ComparisonForm(_StrictModel):
    """The whole file; a key left out has the default given here."""

    format: Literal[1] = 1
    slug: Slug | None = None
    title: Title | None = None
    kicker: Kicker = ""
    question: Sentence = ""
    intro: Sentence = ""
    contenders: Annotated[list[ContenderForm], Field(min_length=2, max_length=2)]
    closing: Annotated[list[ClosingLine], Field(max_length=50)] = []
    published_on: Day | None = None
    url: Url | None = None
    weight: Weight = 1.0
    labels: Annotated[list[Label], Field(max_length=10)] = []
    seats: Annotated[int, Field(ge=1, le=MAX_SEATS)] = SEATS

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        left, right = self.contenders
        if slugify(left.name) == slugify(right.name):
            raise ValueError("a tool can't be compared with itself")
        for side in self.contenders:
            seats = [verdict.seat for verdict in side.verdicts]
            if len(set(seats)) < len(seats):
                raise ValueError(f"{side.name}: a seat speaks twice")
            if max(seats) > self.seats:
                raise ValueError(
                    f"{side.name}: seat {max(seats)} speaks, but the panel has {self.seats} seats"
                )
        return self


_FAULTS_NAMED = 5


def parse_json(text: str, *, source: str = "") -> ComparisonDraft:
    """Return the draft of one JSON text; raises `ComparisonUnreadable` with each fault's place."""
    text = text.removeprefix("\ufeff")
    data = _load(text, source)
    try:
        return _draft(ComparisonForm.model_validate(data), text)
    except ValidationError as fault:
        raise _unreadable(fault, text, source) from None


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
    verdicts = sorted(form.verdicts, key=lambda verdict: verdict.seat)
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
                seat=verdict.seat,
                quote=verdict.quote,
                call=Call(verdict.call) if verdict.call else None,
                reviewer=verdict.reviewer,
            )
            for verdict in verdicts
        ),
    )


def _unreadable(fault: ValidationError, text: str, source: str) -> ComparisonUnreadable:
    """Return an error with the first faults and their places, and a line if it is unambiguous."""
    errors = fault.errors(include_url=False, include_input=False, include_context=False)
    messages = [f"{_place(error['loc'])}{_message(error)}" for error in errors[:_FAULTS_NAMED]]
    if len(errors) > _FAULTS_NAMED:
        messages.append(f"and {len(errors) - _FAULTS_NAMED} more")
    return ComparisonUnreadable(
        "; ".join(messages), line=_line_of(errors[0]["loc"], text), source=source
    )


def _place(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{_printable(part)}"
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
    if error["type"] == "value_error":  # raised by a validator above
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
