"""What a comparison in JSON may say, key by key; docs/comparison-format.md explains it."""

from __future__ import annotations

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
    model_validator,
)

from digest.comparisons import text as bounds
from digest.comparisons.models import MAX_SEATS, SEATS
from digest.comparisons.slug import slugify
from digest.comparisons.text import forbidden, normalise, tidy, tidy_prose

MAX_WEIGHT = 10.0


def _one_line(limit: int, *, least: int = 0) -> Callable[[str], str]:
    def check(value: str) -> str:
        said = tidy(_readable(value))
        if "\n" in said:
            raise ValueError("must be one line")
        return _of_size(said, limit, least)

    return check


def _prose(limit: int, *, least: int = 0) -> Callable[[str], str]:
    def check(value: str) -> str:
        return _of_size(tidy_prose(_readable(value)), limit, least)

    return check


def _readable(value: str) -> str:
    if fault := forbidden(value.replace("\r\n", "\n")):
        raise ValueError(f"has {fault}")
    return normalise(value)


def _of_size(said: str, limit: int, least: int) -> str:
    if len(said) < least:
        raise ValueError("must not be empty")
    if len(said) > limit:
        raise ValueError(f"has {len(said):,} characters; {limit:,} at most")
    return said


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
#: abs makes 0 of the -0.0 that JSON can say.
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), AfterValidator(abs)]
Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT, allow_inf_nan=False), AfterValidator(abs)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class VerdictForm(_Form):
    """One reviewer's verdict on one contender."""

    seat: Annotated[int, Field(ge=1, le=MAX_SEATS)]
    quote: Quote
    call: Literal["ship", "skip"] | None = None
    reviewer: Name | None = None


class ContenderForm(_Form):
    """One side."""

    name: Name
    category: Category = ""
    tagline: Sentence = ""
    description: Description = ""
    entry: EntryWord | None = None
    panel_share: Share | None = None
    community_share: Share | None = None
    url: Url | None = None
    verdicts: Annotated[list[VerdictForm], Field(min_length=1, max_length=MAX_SEATS)]


class ComparisonForm(_Form):
    """The whole file; what is left out keeps the value given here."""

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
