"""What a comparison may say: the input model that both parsers fill, its bounds and its tidying."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from digest.comparisons.models import MAX_SEATS, SEATS, Call, Entry, SourceForm
from digest.comparisons.slug import slugify

#: The most characters of a line, such as a tagline, a question, an intro or a closing line.
LINE = 2_000
#: The most characters of a description or a quote.
PROSE = 20_000
#: The most characters of a title; short texts have the widths of their database columns.
TITLE = 400
MAX_WEIGHT = 10.0

_BLANKS = re.compile(r"[ \t]+")
_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029]")
#: Bidirectional controls (Unicode UAX 9), which can reorder text up to the end of a mail.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def normalise(text: str) -> str:
    """Return *text* in Unicode NFC, with LF newlines and without a byte order mark."""
    return unicodedata.normalize("NFC", _NEWLINES.sub("\n", text.removeprefix("\ufeff")))


def tidy(text: str) -> str:
    """Return *text* without blanks at its ends, and with runs of blanks as one space."""
    return _BLANKS.sub(" ", text).strip()


def forbidden(text: str) -> str | None:
    """Return the name of the first forbidden character; tabs and newlines are allowed."""
    for character in text:
        if character in _BIDI_CONTROLS:
            return f"a text direction character (U+{ord(character):04X})"
        kind = unicodedata.category(character)
        if kind == "Cs" or (kind == "Cc" and character not in "\t\n"):
            return f"a control character (U+{ord(character):04X})"
    return None


def _text(most: int, *, least: int = 0, paragraphs: bool = False) -> AfterValidator:
    """Return a validator that tidies text: one line, or paragraphs parted by one empty line."""

    def check(value: str) -> str:
        if fault := forbidden(value.replace("\r\n", "\n")):
            raise ValueError(f"has {fault}")
        lines = (tidy(line) for line in normalise(value).split("\n"))
        text = re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip()
        if "\n" in text and not paragraphs:
            raise ValueError("must be one line")
        if len(text) < least:
            raise ValueError("must not be empty")
        if len(text) > most:
            raise ValueError(f"has {len(text):,} characters; {most:,} at most")
        return text

    return AfterValidator(check)


def _items(most: int, *, least: int = 0) -> AfterValidator:
    """Return a validator of a list's length; pydantic's own also counts items that are refused."""

    def check(values: Sequence[object]) -> Sequence[object]:
        count = len(values)
        if not least <= count <= most:
            way, limit = ("least", least) if count < least else ("most", most)
            items = "item" if limit == 1 else "items"
            raise ValueError(f"list should have at {way} {limit} {items}, not {count}")
        return values

    return AfterValidator(check)


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
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


Name = Annotated[str, _text(200, least=1)]
Label = Annotated[str, _text(40, least=1)]
ShortText = Annotated[str, _text(100)]
Sentence = Annotated[str, _text(LINE)]
Url = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
#: Percent; abs turns the -0.0 that JSON allows into 0.
Share = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), AfterValidator(abs)]
#: JSON has lists where the models have tuples, and strings where they have enums.
_FROM_JSON = Field(strict=False)


class _InputModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class VerdictDraft(_InputModel):
    """One reviewer's quote on one contender; *call* is ``None`` unless it was published."""

    seat: Annotated[int, Field(ge=1, le=MAX_SEATS)]
    quote: Annotated[str, _text(PROSE, least=1, paragraphs=True)]
    call: Annotated[Call | None, _FROM_JSON] = None
    reviewer: Name | None = None


def _kind_of_entry(word: Any) -> Entry | None:
    if not isinstance(word, str) or not tidy(normalise(word)):
        return None
    known = {"free": Entry.FREE, "paid": Entry.PAID}
    return known.get(tidy(normalise(word)).casefold(), Entry.OTHER)


class ContenderDraft(_InputModel):
    """One contender; shares are in percent, and ``None`` when none was published."""

    category: ShortText = ""
    name: Name
    tagline: Sentence = ""
    panel_share: Share | None = None
    community_share: Share | None = None
    #: The kind of the published word; `entry_text`, the word itself, is read from the same key.
    entry: Annotated[Entry | None, BeforeValidator(_kind_of_entry)] = None
    entry_text: Annotated[
        ShortText,
        Field(validation_alias="entry"),
        BeforeValidator(lambda word: "" if word is None else word),
    ] = ""
    description: Annotated[str, _text(PROSE, paragraphs=True)] = ""
    url: Url | None = None
    verdicts: Annotated[
        tuple[VerdictDraft, ...],
        _FROM_JSON,
        _items(MAX_SEATS, least=1),
        AfterValidator(lambda verdicts: tuple(sorted(verdicts, key=lambda verdict: verdict.seat))),
    ]


class ComparisonContent(_InputModel):
    """The keys of a JSON file, which are all that a page can say as well."""

    format: Annotated[Literal[1], Field(exclude=True)] = 1
    slug: Annotated[str, AfterValidator(_slug)] | None = None
    kicker: Annotated[str, _text(200)] = ""
    title: Annotated[str, _text(TITLE, least=1)] | None = None
    question: Sentence = ""
    intro: Sentence = ""
    published_on: Annotated[date, BeforeValidator(_day)] | None = None
    url: Url | None = None
    weight: Annotated[
        float, Field(ge=0, le=MAX_WEIGHT, allow_inf_nan=False), AfterValidator(abs)
    ] = 1.0
    labels: Annotated[tuple[Label, ...], _FROM_JSON, _items(10)] = ()
    seats: Annotated[int, Field(ge=1, le=MAX_SEATS)] = SEATS
    #: The left one, then the right one.
    contenders: Annotated[tuple[ContenderDraft, ...], _FROM_JSON, _items(2, least=2)]
    closing: Annotated[
        tuple[Annotated[str, _text(LINE, least=1)], ...], _FROM_JSON, _items(50)
    ] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
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


class ComparisonDraft(ComparisonContent):
    """The content of one file, with the title it goes by and the text it was parsed from."""

    title: Annotated[str, _text(TITLE, least=1)]
    form: Annotated[SourceForm, Field(exclude=True)] = SourceForm.PAGE
    source: Annotated[str, Field(exclude=True)] = ""


def draft_of(content: object, *, form: SourceForm, source: str) -> ComparisonDraft:
    """Return *content*, the keys and values of a file, checked and tidied.

    A title that is left out names both tools. Raises `pydantic.ValidationError`, whose errors
    have *content*'s own values as input.
    """
    checked = ComparisonContent.model_validate(content)
    title = checked.title or " vs ".join(side.name for side in checked.contenders)[:TITLE]
    return ComparisonDraft(**dict(checked) | {"title": title}, form=form, source=source)


def fingerprint(draft: ComparisonDraft) -> str:
    """Return the SHA-256 of the content, in hexadecimal; white space counts as one space."""
    packed = orjson.dumps(_without_layout(draft.model_dump()), option=orjson.OPT_SORT_KEYS)
    return sha256(packed).hexdigest()


def _without_layout(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, dict):
        return {key: _without_layout(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_layout(part) for part in value]
    return value
