"""What an editor may change of a stored comparison: its words, under the checks of an import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from digest.comparisons import store
from digest.comparisons.content_faults import Location, errors_of, in_words, message_of
from digest.comparisons.models import Contender, Revision
from digest.comparisons.schema import (
    ComparisonContent,
    ComparisonDraft,
    ContenderDraft,
    VerdictDraft,
    draft_of,
    fingerprint,
)
from digest.comparisons.serialize import fields_of
from digest.errors import DigestError, WrongState

#: The fields of a comparison, of a side and of a verdict that are words; the rest are facts.
_OF_COMPARISON = ("kicker", "title", "question", "intro", "closing")
_OF_SIDE = ("tagline", "description")
_OF_VERDICT = ("quote", "call", "reviewer")
_NULLABLE = ("call", "reviewer", "title")  #: empty means that there is none


class BadWords(DigestError):
    """These words can't be kept; *faults* holds a message for each field, "" for the whole."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field that differs: its name in words, and its text before and after."""

    field: str
    before: str
    after: str


def draft_of_revision(revision: Revision) -> ComparisonDraft:
    """Return a stored revision as the draft it was made of; its fingerprint is the revision's.

    Raises `WrongState` for content that an older version took and this one wouldn't.
    """
    content = {
        **fields_of(revision, ComparisonContent, but={"format", "slug", "contenders"}),
        "contenders": [_side(contender) for contender in revision.contenders],
    }
    slug = revision.comparison.slug
    try:
        told = draft_of(content, form=revision.form, source=revision.source)
    except ValidationError as fault:
        reason = next(iter(_by_field(fault, {}).values()))
        raise WrongState(f"{slug} can't be edited: {reason}; import it again first") from None
    if fingerprint(told) == revision.fingerprint:
        return told
    return told.model_copy(update={"slug": slug})  # its file named the slug


def _side(contender: Contender) -> dict[str, Any]:
    return {
        **fields_of(contender, ContenderDraft, but={"entry", "entry_text", "verdicts"}),
        "entry": contender.entry_text,
        "verdicts": [fields_of(verdict, VerdictDraft) for verdict in contender.verdicts],
    }


def words_of(draft: ComparisonDraft) -> dict[str, str]:
    """Return the words of a draft by field: "contenders.0.verdicts.2.quote" is the path of one."""
    return {".".join(map(str, path)): text for path, text in _words(draft)}


def _words(draft: ComparisonDraft) -> Iterator[tuple[Location, str]]:
    for name in _OF_COMPARISON:
        value = getattr(draft, name)
        yield (name,), "\n".join(value) if name == "closing" else value or ""
    for side, contender in enumerate(draft.contenders):
        for name in _OF_SIDE:
            yield ("contenders", side, name), getattr(contender, name)
        for number, verdict in enumerate(contender.verdicts):
            for name in _OF_VERDICT:
                place = ("contenders", side, "verdicts", number, name)
                yield place, getattr(verdict, name) or ""


def with_words(draft: ComparisonDraft, words: Mapping[str, str]) -> ComparisonDraft:
    """Return the draft with *words* in place of its own, tidied; raises `BadWords`.

    The fields are those of `words_of`; one that *words* lacks stays as it is.
    """
    known = words_of(draft)
    if unknown := words.keys() - known.keys():
        raise BadWords({"": f"a comparison has no words called {min(unknown)[:60]}"})
    content = content_of(draft)
    for name, text in words.items():
        _put(content, name.split("."), text)
    try:
        told = draft_of(content, form=draft.form, source=draft.source)
    except ValidationError as fault:
        raise BadWords(_by_field(fault, known)) from None
    return told


def content_of(draft: ComparisonDraft) -> dict[str, Any]:
    """Return the keys and values of the draft's file, in JSON types; `draft_of` takes them."""
    content = draft.model_dump(mode="json")
    for side in content["contenders"]:
        side["entry"] = side.pop("entry_text")
    return content


def _put(content: Any, path: Sequence[str], text: str) -> None:
    *outer, name = path
    for part in outer:
        content = content[int(part)] if part.isdecimal() else content[part]
    if name == "closing":
        content[name] = [line for line in text.splitlines() if line.strip()]
    elif name in _NULLABLE and not text.strip():
        content[name] = None
    else:
        content[name] = text


def _by_field(fault: ValidationError, known: Mapping[str, str]) -> dict[str, str]:
    """Return the messages of the input model by the field they belong to."""
    faults: dict[str, str] = {}
    for error in errors_of(fault):
        path = [str(part) for part in error["loc"]]
        name = ".".join(path[:1] if path[:1] == ["closing"] else path)
        field = name if name in known else ""
        faults.setdefault(field, message_of(error) if field else _whole(error["loc"], error))
    return faults


def _whole(location: Location, error: Any) -> str:
    words = in_words(location)
    return f"{words}: {message_of(error)}" if words else message_of(error)


def changes(before: ComparisonDraft, after: ComparisonDraft) -> list[Change]:
    """Return every field that differs between two drafts, words and facts alike, in order."""
    sides = [contender.name for contender in after.contenders]
    old, new = dict(_flat(content_of(before))), dict(_flat(content_of(after)))
    return [
        Change(field=in_words(place, sides), before=old.get(place, ""), after=new.get(place, ""))
        for place in {**new, **old}
        if old.get(place, "") != new.get(place, "")
    ]


def _flat(value: Any, at: Location = ()) -> Iterator[tuple[Location, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, (*at, key))
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from _flat(part, (*at, number))
    else:
        yield at, "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def keep(
    session: Session,
    slug: str,
    draft: ComparisonDraft,
    *,
    seen: str,
    editor: str,
    now: datetime,
) -> Revision:
    """Store an edited draft as a comparison's newest revision; the caller commits.

    *seen* is the fingerprint of the revision the editor began from. Raises `WrongState` when that
    isn't the newest any more, or when nothing differs from it, and `NotFound`.
    """
    comparison = store.by_slug(session, slug)
    newest = store.latest(session, comparison)
    if newest.fingerprint != seen:
        raise WrongState(
            f"{slug} has changed since you opened it, and is at revision {newest.number} now."
            " Copy your words, and open it again."
        )
    if not editor:
        raise DigestError("say who you are: a change has a name")
    if not changes(draft_of_revision(newest), draft):
        raise WrongState("nothing has changed yet")
    return store.add_revision(session, comparison, draft, editor=editor, now=now)
