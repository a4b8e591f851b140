"""What a comparison consists of: the one form that both parsers return, before it is stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import Any

import orjson

from digest.comparisons.models import SEATS, Call, Entry, SourceForm

#: Fields that tell where a draft came from; they aren't part of its content.
_ORIGIN_FIELDS = frozenset({"form", "source"})


@dataclass(frozen=True, kw_only=True)
class VerdictDraft:
    """One reviewer's quote on one contender; *call* is ``None`` unless it was published."""

    seat: int
    quote: str
    call: Call | None = None
    reviewer: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContenderDraft:
    """One contender; shares are in percent, and ``None`` when none was published."""

    name: str
    category: str = ""
    tagline: str = ""
    description: str = ""
    entry: Entry | None = None
    entry_text: str = ""
    panel_share: float | None = None
    community_share: float | None = None
    url: str | None = None
    verdicts: tuple[VerdictDraft, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ComparisonDraft:
    """The content of one page or one JSON file, the left contender first."""

    title: str
    contenders: tuple[ContenderDraft, ContenderDraft]
    slug: str | None = None
    kicker: str = ""
    question: str = ""
    intro: str = ""
    closing: tuple[str, ...] = ()
    published_on: date | None = None
    url: str | None = None
    weight: float = 1.0
    labels: tuple[str, ...] = ()
    seats: int = SEATS
    form: SourceForm = SourceForm.PAGE
    source: str = ""


def fingerprint(draft: ComparisonDraft) -> str:
    """Return the SHA-256 of the content, in hexadecimal; white space counts as one space."""
    content = {key: value for key, value in asdict(draft).items() if key not in _ORIGIN_FIELDS}
    packed = orjson.dumps(_without_layout(content), option=orjson.OPT_SORT_KEYS)
    return sha256(packed).hexdigest()


def entry_of(word: str) -> Entry | None:
    """Return the `Entry` of a published entry word; ``None`` for an empty word."""
    if not word:
        return None
    known = {"free": Entry.FREE, "paid": Entry.PAID}
    return known.get(word.casefold(), Entry.OTHER)


def _without_layout(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, dict):
        return {key: _without_layout(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_layout(part) for part in value]
    return value
