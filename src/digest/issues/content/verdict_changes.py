"""What of a comparison can change, and how a changed verdict is said: in a mail, and in a letter.

A verdict is a call, a share or the pricing of a tool. What else differs between two revisions is a
matter for a correction only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from digest.comparisons.models import Call
from digest.issues.content.quotes import reviewer_of_seat
from digest.issues.content.view import ChangeView, VerdictChangeView
from digest.render.filters import DASH
from subscribers.locale import N_, Translations, listed, percentage, translations

MOST_TOLD = 3  #: changed comparisons that a mail tells of in sentences; it names the others


class ChangeKind(StrEnum):
    """What of a comparison was wrong."""

    TITLE = "title"  #: the names of the tools
    LABELS = "labels"  #: its category and labels
    LINK = "link"  #: where the full comparison is
    PANEL_SHARE = "panel-share"
    COMMUNITY_SHARE = "community-share"
    ENTRY = "entry"  #: the pricing
    TAGLINE = "tagline"
    CALL = "call"  #: one reviewer's call on a tool
    QUOTE = "quote"  #: a quote that the mail shows
    REVIEWER = "reviewer"  #: the name of a reviewer whom the mail quotes
    WITHDRAWN = "withdrawn"  #: all of it: the editors took it back


#: What was wrong, by kind.
_KINDS = {
    ChangeKind.TITLE: N_("title"),
    ChangeKind.LABELS: N_("category and labels"),
    ChangeKind.LINK: N_("link to the full comparison"),
    ChangeKind.PANEL_SHARE: N_("panel share of %(tool)s"),
    ChangeKind.COMMUNITY_SHARE: N_("community share of %(tool)s"),
    ChangeKind.ENTRY: N_("pricing of %(tool)s"),
    ChangeKind.TAGLINE: N_("tagline of %(tool)s"),
    ChangeKind.CALL: N_("%(reviewer)s on %(tool)s"),
    ChangeKind.QUOTE: N_("quote from %(reviewer)s on %(tool)s"),
    ChangeKind.REVIEWER: N_("name of %(reviewer)s"),
    ChangeKind.WITHDRAWN: N_("the comparison"),
}
_CALLS = {Call.SHIP: N_("would ship"), Call.SKIP: N_("would skip")}
_SHARES = (ChangeKind.PANEL_SHARE, ChangeKind.COMMUNITY_SHARE)


@dataclass(frozen=True, kw_only=True)
class ContentChange:
    """One difference; *was* and *now* are English texts, "ship" or "skip" for a call."""

    kind: ChangeKind
    comparison: str  #: its title as it is now
    was: str
    now: str
    tool: str = ""
    seat: int = 0  #: of the reviewer; 0 where the change isn't about one
    reviewer: str = ""  #: a name, where one is published

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> ContentChange:
        """Return the change of its fields as JSON types."""
        return cls(**{**kept, "kind": ChangeKind(kept["kind"])})

    def in_words(self, language: str = "en") -> ChangeView:
        """Return the change as people read it; English where *language* has no words."""
        words = translations(language)
        reviewer = self.reviewer or reviewer_of_seat(self.seat, language)
        what = words.gettext(_KINDS[self.kind]) % {"tool": self.tool, "reviewer": reviewer}
        was, now = (self._value(text, language, words) for text in (self.was, self.now))
        if self.kind is ChangeKind.WITHDRAWN:
            now = words.gettext("withdrawn")
        return ChangeView(what=what, comparison=self.comparison, was=was or DASH, now=now or DASH)

    def _value(self, text: str, language: str, words: Translations) -> str:
        """Return one of the two texts in a language; texts of the comparison stay as they are."""
        if self.kind is ChangeKind.CALL:
            return words.gettext(_CALLS[Call(text)] if text else N_("not published"))
        if self.kind is ChangeKind.ENTRY and text in ("Free", "Paid"):
            return words.gettext(text)
        number = text.rstrip("%").strip()
        return percentage(float(number), language) if self.kind in _SHARES and number else text


#: The kinds that make a verdict.
OF_VERDICT = (ChangeKind.PANEL_SHARE, ChangeKind.CALL, ChangeKind.ENTRY)


@dataclass(frozen=True, kw_only=True)
class VerdictChange:
    """How the verdict of a comparison differs from what readers were told last."""

    comparison_id: int
    slug: str
    title: str
    was: int  #: the revision that was told last, by its id
    now: int  #: the newest one
    changes: tuple[ContentChange, ...]
    why: str = ""  #: in the words of an editor

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any]) -> VerdictChange:
        """Return the change of a dictionary made by `to_dict`."""
        return cls(**{**kept, "changes": tuple(map(ContentChange.from_dict, kept["changes"]))})

    def in_words(self, language: str, *, base_url: str) -> VerdictChangeView:
        """Return the change as people read it."""
        return VerdictChangeView(
            title=self.title,
            url=f"{base_url}/comparisons/{self.slug}",
            sentences=tuple(_sentences(self.changes, language)),
            why=self.why,
        )


def flips(changes: Sequence[ContentChange]) -> tuple[ContentChange, ...]:
    """Return those of *changes* that make a verdict another one.

    A call that was published only now, or is no more, turns nothing.
    """
    return tuple(
        change
        for change in changes
        if change.kind in OF_VERDICT
        and (change.kind is not ChangeKind.CALL or (change.was and change.now))
    )


def _sentences(changes: Sequence[ContentChange], language: str) -> Iterator[str]:
    """Yield what has changed, tool by tool: the share, the calls behind it, the pricing."""
    words = translations(language)
    for tool in dict.fromkeys(change.tool for change in changes):
        of_tool = [change for change in changes if change.tool == tool]
        for change in of_tool:
            if change.kind is ChangeKind.PANEL_SHARE:
                yield _of_value(change, language, words)
        for call in Call:
            turned = [
                change.reviewer or reviewer_of_seat(change.seat, language)
                for change in of_tool
                if change.kind is ChangeKind.CALL and change.now == call
            ]
            if turned:
                yield _of_calls(call, turned, tool, words, language)
        for change in of_tool:
            if change.kind is ChangeKind.ENTRY:
                yield _of_value(change, language, words)


#: How a value changed, was first known, and is known no more.
_OF_VALUE: Mapping[ChangeKind, tuple[str, str, str]] = {
    ChangeKind.PANEL_SHARE: (
        N_("The panel’s share of %(tool)s went from %(was)s to %(now)s."),
        N_("The panel’s share of %(tool)s is now %(now)s; there was none before."),
        N_("There’s no panel share of %(tool)s any more; it was %(was)s."),
    ),
    ChangeKind.ENTRY: (
        N_("The pricing of %(tool)s changed from %(was)s to %(now)s."),
        N_("The pricing of %(tool)s is now known: %(now)s."),
        N_("The pricing of %(tool)s is no longer known; it was %(was)s."),
    ),
}


def _of_value(change: ContentChange, language: str, words: Translations) -> str:
    changed, known, gone = _OF_VALUE[change.kind]
    text = known if not change.was else changed if change.now else gone
    view = change.in_words(language)
    return words.gettext(text) % {"tool": change.tool, "was": view.was, "now": view.now}


def _of_calls(
    call: Call, reviewers: Sequence[str], tool: str, words: Translations, language: str
) -> str:
    number = len(reviewers)
    if call is Call.SHIP:
        text = words.ngettext(
            "%(reviewers)s would now ship %(tool)s.",
            "%(reviewers)s would now ship %(tool)s.",
            number,
        )
    else:
        text = words.ngettext(
            "%(reviewers)s would no longer ship %(tool)s.",
            "%(reviewers)s would no longer ship %(tool)s.",
            number,
        )
    return text % {"reviewers": listed(reviewers, language), "tool": tool}
