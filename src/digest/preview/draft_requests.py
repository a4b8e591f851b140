"""Which decision about a draft each request of the desk's page asks for, and its summary in words.

A request is the JSON of a form or a button: ``{"act": "pin", "slug": "…"}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from digest.comparisons.models import Contender
from digest.errors import DigestError
from digest.images import StoredImage
from digest.issues.content import QuoteChoice, SponsorView, missing_quote
from digest.issues.picking import Block, BlockPlace, Decisions, Line, blocks, overrides
from digest.render.escaping import one_line

Request = Mapping[str, Any]
_MOST_DIGITS = 4


#: What an editor may decide about one comparison, and how the step is summed up.
_OF_A_COMPARISON: Mapping[str, tuple[Callable[[Decisions, str], Decisions], str]] = {
    "pin": (overrides.pin, "pinned {}"),
    "drop": (overrides.drop, "dropped {}"),
    "empty": (partial(overrides.drop, refill=False), "dropped {}, and kept its place empty"),
    "release": (overrides.release, "left {} to the rule"),
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a request is about, as it is known at the desk."""

    title: str  #: of the comparison
    shown: list[str]  #: the slugs in the issue
    contenders: Sequence[Contender] = ()  #: of the comparison, where it is in the issue
    picture: StoredImage | None = None


def decided(now: Decisions, request: Request, about: Subject) -> tuple[Decisions, str]:
    """Return the decisions after *request*, and a summary; raise `DigestError`."""
    slug, act = str(request.get("slug", "")), str(request.get("act", ""))
    if act in _OF_A_COMPARISON:
        change, summary = _OF_A_COMPARISON[act]
        return change(now, slug), summary.format(about.title)
    if act == "move":
        to = _place(request.get("to"), len(about.shown))
        return overrides.move(now, about.shown, slug, to), f"moved {about.title} to place {to}"
    if act == "note":
        changed = overrides.set_note(now, slug, _text(request, "text"))
        return changed, f"changed the note on {about.title}"
    if act == "quote":
        return _with_quote(now, request, about)
    if act == "add-picture":
        return _with_picture(now, request, about.picture)
    if act not in _OF_AN_ISSUE:
        raise DigestError(f"there is no decision called {act[:20]}")
    return _OF_AN_ISSUE[act](now, request)


def _place(number: object, last: int) -> int:
    if not isinstance(number, int):
        raise DigestError("the place in the issue must be a number")
    return min(max(number, 1), last)


def _with_count(now: Decisions, request: Request) -> tuple[Decisions, str]:
    """Return the decisions with the number of comparisons a form holds; empty is the rule's."""
    text = str(request.get("count") or "0").strip()
    if not text.isdecimal():
        raise DigestError("the number of comparisons must be a whole number")
    number = int(text[:4])
    changed = overrides.set_count(now, number)
    nouns = "comparison" if number == 1 else "comparisons"
    return changed, f"asked for {number} {nouns}" if number else "used the rule's number"


def _with_line(now: Decisions, request: Request) -> tuple[Decisions, str]:
    line = _text(request, "line")
    if line not in {"subject", "preheader", "opening"}:
        raise DigestError(f"an issue has no line called {line[:20]}")
    changed = overrides.set_text(now, cast(Line, line), _text(request, "text"))
    return changed, f"changed the {line}"


def _with_sponsor(now: Decisions, request: Request) -> tuple[Decisions, str]:
    words = {name: _text(request, name) for name in ("name", "text", "url")}
    return overrides.sponsor(now, SponsorView(**words)), "changed the sponsor"


def _with_new_block(now: Decisions, request: Request) -> tuple[Decisions, str]:
    block = Block(text=_text(request, "text"), place=_side(request))
    return replace(now, blocks=blocks.add(now.blocks, block)), "added a block"


def _with_quote(now: Decisions, request: Request, about: Subject) -> tuple[Decisions, str]:
    slug, verdict = _text(request, "slug"), _text(request, "verdict")
    if not verdict:
        return overrides.quote(now, slug, None), f"left the quotes of {about.title} to the engine"
    side, _, seat = verdict.partition(".")
    fields = {"side": side, "seat": seat}
    choice = QuoteChoice(
        side=_number(fields, "side"),
        seat=_number(fields, "seat"),
        passage=one_line(_text(request, "passage")),
    )
    gone = missing_quote(about.contenders, choice)
    if gone:
        raise overrides.BadText(gone)
    return overrides.quote(now, slug, choice), f"chose a quote of {about.title}"


def _with_picture(
    now: Decisions, request: Request, picture: StoredImage | None
) -> tuple[Decisions, str]:
    if picture is None:
        raise DigestError("the picture isn't stored; choose its file again")
    block = blocks.picture(
        picture, place=_side(request), alt=_text(request, "alt"), url=_text(request, "url")
    )
    return replace(now, blocks=blocks.add(now.blocks, block)), "added a picture"


def _with_block(now: Decisions, request: Request) -> tuple[Decisions, str]:
    words = {name: _text(request, name) for name in ("text", "alt", "url")}
    written = blocks.write(now.blocks, _number(request, "number"), **words)
    return replace(now, blocks=written), "changed a block"


def _with_moved_block(now: Decisions, request: Request) -> tuple[Decisions, str]:
    number, to = _number(request, "number"), _number(request, "to")
    return replace(now, blocks=blocks.move(now.blocks, number, _side(request), to)), "moved a block"


def _without_block(now: Decisions, request: Request) -> tuple[Decisions, str]:
    left = blocks.remove(now.blocks, _number(request, "number"))
    return replace(now, blocks=left), "removed a block"


_OF_AN_ISSUE: Mapping[str, Callable[[Decisions, Request], tuple[Decisions, str]]] = {
    "count": _with_count,
    "word": _with_line,
    "sponsor": _with_sponsor,
    "add-block": _with_new_block,
    "block": _with_block,
    "move-block": _with_moved_block,
    "remove-block": _without_block,
}


def _text(request: Request, name: str) -> str:
    return str(request.get(name) or "")


def _number(request: Request, name: str) -> int:
    text = _text(request, name)
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise DigestError(f"{name} is a whole number")
    return int(text)


def _side(request: Request) -> BlockPlace:
    place = _text(request, "place")
    if place not in set(BlockPlace):
        raise DigestError("a block stands before or after the comparisons")
    return BlockPlace(place)
