"""The line order of a published comparison page, and what each line means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import Any

from pydantic import ValidationError

from digest.comparisons.models import SEATS, SourceForm
from digest.comparisons.schema import LINE, ComparisonDraft, draft_of, forbidden, normalise, tidy
from digest.errors import ComparisonUnreadable

_PANEL, _COMMUNITY, _ENTRY, _SCORECARD = "panel ship", "community", "entry", "reviewer scorecard"
_LABELS = frozenset((_PANEL, _COMMUNITY, _ENTRY))
#: A sentence in place of a category such as "Developer Tools" means that its line is missing.
_SENTENCE = re.compile("[.!?\u2026\u3002\uff01\uff1f\u061f]$")
_VERSUS = re.compile(r"\s+(?:vs\.?|versus)\s+", re.IGNORECASE)
_SHARE = re.compile(r"(\d{1,3}(?:[.,]\d{1,4})?)\s?%")
#: Dashes a page shows where there is nothing to show: em and en dash, hyphen, bar.
_DASHES = frozenset("\u2014\u2013-\u2015")
_QUESTION = re.compile("[?\uff1f\u061f]")  # Latin, full-width, Arabic
_OPENING, _CLOSING = '“"', '”"'
#: Names of texts in messages, where the field has another.
_WORDS = {"entry": "entry word", "closing": "closing line"}


def parse_page(text: str, *, source: str = "") -> ComparisonDraft:
    """Return the draft of one page; raises `ComparisonUnreadable` when any part is missing.

    The text has one line for each item shown; blank lines, trailing blanks, CRLF, a byte order
    mark and straight quotation marks make no difference. A page never contains calls.
    """
    text = normalise(text)
    page = _Page(text, source)
    content = page.read()
    try:
        return draft_of(content, form=SourceForm.PAGE, source=text)
    except ValidationError as fault:
        raise page.refusal(fault, content["title"]) from None


def is_page(text: str) -> bool:
    """Return whether *text* is meant as a comparison page: it has a line that only pages have."""
    lines = {tidy(line).casefold() for line in normalise(text).split("\n")}
    return not lines.isdisjoint((_PANEL, _SCORECARD))


class _Line(str):
    """Text of a page that knows the number, from 1, of the line it starts in."""

    number: int

    def __new__(cls, text: str, number: int) -> _Line:
        line = super().__new__(cls, text)
        line.number = number
        return line


class _Page:
    """The tidied lines of one page; *panels* are the indices of the two lines "Panel ship"."""

    def __init__(self, text: str, source: str) -> None:
        self.lines, self.source = list[_Line](), source
        for number, raw in enumerate(text.split("\n"), start=1):
            if fault := forbidden(raw):
                raise ComparisonUnreadable(f"{fault} isn't allowed", line=number, source=source)
            if line := tidy(raw):
                self.lines.append(_Line(line, number))
        self.scorecard = self._scorecard()
        self.panels = self._panels()

    def read(self) -> dict[str, Any]:
        """Return the keys and values of the page, as `draft_of` takes them."""
        title, left, right = self._names()
        quotes, closing = self._quotes()
        question, intro = self._lead(title + 1, left - 1)
        return {
            "kicker": self.lines[0] if title else "",
            "title": self.lines[title],
            "question": question,
            "intro": intro,
            "contenders": [
                self._contender(left, self.panels[0], right - 1, quotes[0::2]),
                self._contender(right, self.panels[1], self.scorecard, quotes[1::2]),
            ],
            "closing": self.lines[closing:],
        }

    def refusal(self, fault: ValidationError, title: _Line) -> ComparisonUnreadable:
        """Return the error of a page that the schema refuses, at the refused text or the title."""
        error = fault.errors(include_url=False)[0]
        names = [part for part in error["loc"] if isinstance(part, str)]
        reason = str(error["msg"]).removeprefix("Value error, ")
        if names:
            reason = f"the {_WORDS.get(names[-1], names[-1])} {reason}"
        line = error["input"] if isinstance(error["input"], _Line) else title
        return ComparisonUnreadable(reason, line=line.number, source=self.source)

    def _scorecard(self) -> int:
        lines = [at for at, _ in enumerate(self.lines) if self._is_line(at, _SCORECARD)]
        if not lines:
            raise self._unreadable(
                "there is no line “Reviewer scorecard”: is this a comparison page?",
                len(self.lines) - 1,
            )
        return lines[0]

    def _panels(self) -> tuple[int, int]:
        lines = [at for at in range(self.scorecard) if self._is_line(at, _PANEL)]
        if len(lines) != 2:  # noqa: PLR2004 - a comparison has two sides
            raise self._unreadable(
                "before the scorecard a page has the line “Panel ship” twice, once for each tool;"
                f" here it has {len(lines)}",
                lines[2] if lines[2:] else self.scorecard,
            )
        for at in lines:
            if not (self._is_line(at + 2, _COMMUNITY) and self._is_line(at + 4, _ENTRY)):
                raise self._unreadable(
                    "after “Panel ship” a page has the community share, “Community”, the entry"
                    " word and “Entry”, a line each",
                    at,
                )
        return lines[0], lines[1]

    def _names(self) -> tuple[int, int, int]:
        """Return the indices of the title and the two names; the title must name both tools."""
        first, second = self.panels
        # The tagline, between name and share, may be missing.
        orders = product((1, 0), (first - 3, first - 2), (second - 3, second - 2))
        for title, left, right in orders:
            if title < left - 1 and first + 4 < right - 1 and self._title_is(title, left, right):
                return title, left, right
        raise self._unreadable(
            "the title should be “A vs B” in the first two lines, where A and B are the names that"
            " stand two lines above each tool's panel share",
            next((at for at in (0, 1) if _VERSUS.search(self.lines[at])), 0),
        )

    def _title_is(self, title: int, left: int, right: int) -> bool:
        text, names = self.lines[title], (self.lines[left].casefold(), self.lines[right].casefold())
        return any(
            (text[: cut.start()].casefold(), text[cut.end() :].casefold()) == names
            for cut in _VERSUS.finditer(text)
        )

    def _lead(self, start: int, end: int) -> tuple[str, str]:
        """Return question and intro: the lines under the title, split after the question mark."""
        lead = " ".join(self.lines[start:end])
        if lead and self.lines[start] == self.lines[start - 1]:
            raise self._unreadable("the title stands here a second time", start)
        if not lead:
            raise self._unreadable(
                "between the title and the first tool a page has its question and then the tool's"
                " category, a line each",
                start,
            )
        if len(lead) > LINE:
            raise self._unreadable(
                f"the text under the title has {len(lead):,} characters; {LINE:,} at most", start
            )
        mark = _QUESTION.search(lead)
        return (lead[: mark.end()], lead[mark.end() :].strip()) if mark else ("", lead)

    def _contender(
        self, name: int, panel: int, end: int, quotes: Sequence[_Line]
    ) -> dict[str, Any]:
        entry = self.lines[panel + 3]
        return {
            "category": self._category(name),
            "name": self.lines[name],
            "tagline": self._tagline(name, panel),
            "panel_share": self._share(panel - 1),
            "community_share": self._share(panel + 1),
            "entry": "" if entry in _DASHES else entry,
            "description": self._description(panel + 5, end),
            "verdicts": [
                {"seat": seat, "quote": quote} for seat, quote in enumerate(quotes, start=1)
            ],
        }

    def _category(self, name: int) -> str:
        category = self.lines[name - 1]
        beside = {self.lines[at].casefold() for at in (name - 2, name)}
        if _SENTENCE.search(category) or category.casefold() in beside:
            raise self._unreadable(
                f"the category of “{self.lines[name]}” should stand here, once, such as"
                " “Developer Tools”",
                name - 1,
            )
        return category

    def _tagline(self, name: int, panel: int) -> str:
        if name + 2 >= panel:
            return ""
        if self.lines[name + 1].casefold() == self.lines[name].casefold():
            raise self._unreadable("the tool's name stands here a second time", name + 1)
        return self.lines[name + 1]

    def _description(self, start: int, end: int) -> str:
        if start >= end:
            raise self._unreadable("after “Entry” a page describes the tool", start - 1)
        for at in range(start, end):
            if self.lines[at].casefold() in _LABELS:
                raise self._unreadable(
                    f"“{self.lines[at]}” can't be a part of the description: does it stand twice?",
                    at,
                )
        return _Line("\n\n".join(self.lines[start:end]), self.lines[start].number)

    def _share(self, at: int) -> float | None:
        if self.lines[at] in _DASHES:
            return None
        match = _SHARE.fullmatch(self.lines[at])
        share = float(match[1].replace(",", ".")) if match else -1.0
        if not 0 <= share <= 100:  # noqa: PLR2004 - percent
            raise self._unreadable("this should be a share from 0% to 100%, or — for none", at)
        return share

    def _quotes(self) -> tuple[list[_Line], int]:
        """Return the quotes, the left tool's before the right one's, and where the closing is."""
        at, quotes = self.scorecard + 1, list[_Line]()
        while at < len(self.lines) and self.lines[at][0] in _OPENING:
            end = self._end_of_quote(at)
            quote = "\n\n".join(self.lines[at : end + 1])[1:-1].strip()
            quotes.append(_Line(quote, self.lines[at].number))
            at = end + 1
        self._check_closing(at)
        if not quotes:
            raise self._unreadable("no quote follows “Reviewer scorecard”", self.scorecard)
        if len(quotes) != 2 * SEATS:
            raise self._unreadable(
                f"the scorecard has {len(quotes)} quotes; each of the {SEATS} reviewers says one"
                f" thing of each tool, so a whole page has {2 * SEATS} (a smaller or larger panel"
                " can be imported as JSON)",
                self.scorecard,
            )
        return quotes, at

    def _end_of_quote(self, start: int) -> int:
        for at in range(start, len(self.lines)):
            text = self.lines[at]
            if at > start and text[0] in _OPENING:
                break
            if text[-1] in _CLOSING and (at > start or len(text) > 1):
                return at
        raise self._unreadable("this quote is opened and never closed", start)

    def _check_closing(self, start: int) -> None:
        for at, text in enumerate(self.lines[start:], start):
            if len(text) > 1 and text[0] in _OPENING and text[-1] in _CLOSING:
                raise self._unreadable(
                    "this quote is cut off from the others by a line that is none", at
                )

    def _is_line(self, at: int, words: str) -> bool:
        return at < len(self.lines) and self.lines[at].casefold() == words

    def _unreadable(self, reason: str, at: int) -> ComparisonUnreadable:
        line = self.lines[at].number if self.lines else None
        return ComparisonUnreadable(reason, line=line, source=self.source)
