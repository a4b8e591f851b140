"""The line order of a published comparison page, and what each line means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product

from digest.comparisons import sanitize as bounds
from digest.comparisons.models import SEATS, SourceForm
from digest.comparisons.sanitize import Line, lines_of, normalise
from digest.comparisons.schema import ComparisonDraft, ContenderDraft, VerdictDraft, entry_of
from digest.comparisons.slug import slugify
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


def parse_page(text: str, *, source: str = "") -> ComparisonDraft:
    """Return the draft of one page; raises `ComparisonUnreadable` when any part is missing.

    The text has one line for each item shown; blank lines, trailing blanks, CRLF, a byte order
    mark and straight quotation marks make no difference. A page never contains calls.
    """
    text = normalise(text)
    return _Page(lines_of(text, source=source), source).read(text)


class _Page:
    """The lines of one page; *panels* are the indices of the two lines "Panel ship"."""

    def __init__(self, lines: Sequence[Line], source: str) -> None:
        self.lines, self.source = lines, source
        self.scorecard = self._scorecard()
        self.panels = self._panels()

    def read(self, text: str) -> ComparisonDraft:
        title, left, right = self._names()
        quotes, rest = self._quotes()
        closing = self._closing(rest)
        verdicts = self._verdicts(quotes)
        question, intro = self._lead(title + 1, left - 1)
        return ComparisonDraft(
            kicker=self._bounded_text(0, bounds.KICKER, "kicker") if title else "",
            title=self._bounded_text(title, bounds.TITLE, "title"),
            question=question,
            intro=intro,
            contenders=(
                self._contender(left, self.panels[0], right - 1, verdicts[0::2]),
                self._contender(right, self.panels[1], self.scorecard, verdicts[1::2]),
            ),
            closing=closing,
            seats=len(verdicts) // 2,
            form=SourceForm.PAGE,
            source=text,
        )

    def _scorecard(self) -> int:
        places = [at for at, _ in enumerate(self.lines) if self._is_line(at, _SCORECARD)]
        if not places:
            raise self._unreadable(
                "there is no line “Reviewer scorecard”: is this a comparison page?",
                len(self.lines) - 1,
            )
        return places[0]

    def _panels(self) -> tuple[int, int]:
        places = [at for at in range(self.scorecard) if self._is_line(at, _PANEL)]
        if len(places) != 2:  # noqa: PLR2004 - a comparison has two sides
            raise self._unreadable(
                "before the scorecard a page has the line “Panel ship” twice, once for each tool;"
                f" here it has {len(places)}",
                places[2] if places[2:] else self.scorecard,
            )
        for at in places:
            if not (self._is_line(at + 2, _COMMUNITY) and self._is_line(at + 4, _ENTRY)):
                raise self._unreadable(
                    "after “Panel ship” a page has the community share, “Community”, the entry"
                    " word and “Entry”, a line each",
                    at,
                )
        return places[0], places[1]

    def _names(self) -> tuple[int, int, int]:
        """Return the indices of the title and the two names; the title must name both tools."""
        first, second = self.panels
        # The tagline, between name and share, may be missing.
        places = product((1, 0), (first - 3, first - 2), (second - 3, second - 2))
        for title, left, right in places:
            if title < left - 1 and first + 4 < right - 1 and self._title_is(title, left, right):
                if slugify(self.lines[left].text) == slugify(self.lines[right].text):
                    raise self._unreadable("a tool can't be compared with itself", title)
                return title, left, right
        raise self._unreadable(
            "the title should be “A vs B” in the first two lines, where A and B are the names that"
            " stand two lines above each tool's panel share",
            next((at for at in (0, 1) if _VERSUS.search(self.lines[at].text)), 0),
        )

    def _title_is(self, title: int, left: int, right: int) -> bool:
        title_text, names = self.lines[title].text, (self.lines[left].text, self.lines[right].text)
        return any(
            (title_text[: cut.start()].casefold(), title_text[cut.end() :].casefold())
            == (names[0].casefold(), names[1].casefold())
            for cut in _VERSUS.finditer(title_text)
        )

    def _lead(self, start: int, end: int) -> tuple[str, str]:
        """Return question and intro: the lines under the title, split after the question mark."""
        lead = " ".join(line.text for line in self.lines[start:end])
        if lead and self.lines[start].text == self.lines[start - 1].text:
            raise self._unreadable("the title stands here a second time", start)
        if not lead:
            raise self._unreadable(
                "between the title and the first tool a page has its question and then the tool's"
                " category, a line each",
                start,
            )
        self._check_length(lead, bounds.LINE, "text under the title", start)
        mark = _QUESTION.search(lead)
        return (lead[: mark.end()], lead[mark.end() :].strip()) if mark else ("", lead)

    def _contender(
        self, name: int, panel: int, end: int, verdicts: Sequence[VerdictDraft]
    ) -> ContenderDraft:
        entry = self._bounded_text(panel + 3, bounds.ENTRY, "entry word")
        entry = "" if entry in _DASHES else entry
        return ContenderDraft(
            category=self._category(name),
            name=self._bounded_text(name, bounds.NAME, "name"),
            tagline=self._tagline(name, panel),
            panel_share=self._share(panel - 1),
            community_share=self._share(panel + 1),
            entry=entry_of(entry),
            entry_text=entry,
            description=self._description(panel + 5, end),
            verdicts=tuple(verdicts),
        )

    def _category(self, name: int) -> str:
        category = self._bounded_text(name - 1, bounds.CATEGORY, "category")
        beside = {self.lines[at].text.casefold() for at in (name - 2, name)}
        if _SENTENCE.search(category) or category.casefold() in beside:
            raise self._unreadable(
                f"the category of “{self.lines[name].text}” should stand here, once, such as"
                " “Developer Tools”",
                name - 1,
            )
        return category

    def _tagline(self, name: int, panel: int) -> str:
        if name + 2 >= panel:
            return ""
        if self.lines[name + 1].text.casefold() == self.lines[name].text.casefold():
            raise self._unreadable("the tool's name stands here a second time", name + 1)
        return self._bounded_text(name + 1, bounds.LINE, "tagline")

    def _description(self, start: int, end: int) -> str:
        if start >= end:
            raise self._unreadable("after “Entry” a page describes the tool", start - 1)
        for at in range(start, end):
            if self.lines[at].text.casefold() in _LABELS:
                raise self._unreadable(
                    f"“{self.lines[at].text}” can't be a part of the description: does it stand"
                    " twice?",
                    at,
                )
        description = "\n\n".join(line.text for line in self.lines[start:end])
        self._check_length(description, bounds.PROSE, "description", start)
        return description

    def _share(self, at: int) -> float | None:
        text = self.lines[at].text
        if text in _DASHES:
            return None
        match = _SHARE.fullmatch(text)
        share = float(match[1].replace(",", ".")) if match else -1.0
        if not 0 <= share <= 100:  # noqa: PLR2004 - percent
            raise self._unreadable("this should be a share from 0% to 100%, or — for none", at)
        return share

    def _quotes(self) -> tuple[list[tuple[int, str]], int]:
        """Return the quotes, each after the index of its line, and the index of the closing."""
        at, quotes = self.scorecard + 1, []
        while at < len(self.lines) and self.lines[at].text[0] in _OPENING:
            end = self._end_of_quote(at)
            quote = "\n\n".join(line.text for line in self.lines[at : end + 1])[1:-1].strip()
            quotes.append((at, quote))
            at = end + 1
        return quotes, at

    def _end_of_quote(self, start: int) -> int:
        for at in range(start, len(self.lines)):
            text = self.lines[at].text
            if at > start and text[0] in _OPENING:
                break
            if text[-1] in _CLOSING and (at > start or len(text) > 1):
                return at
        raise self._unreadable("this quote is opened and never closed", start)

    def _verdicts(self, quotes: Sequence[tuple[int, str]]) -> list[VerdictDraft]:
        """Return the verdicts: each reviewer has a quote on the left tool, then on the right."""
        if not quotes:
            raise self._unreadable("no quote follows “Reviewer scorecard”", self.scorecard)
        if len(quotes) != 2 * SEATS:
            raise self._unreadable(
                f"the scorecard has {len(quotes)} quotes; each of the {SEATS} reviewers says one"
                f" thing of each tool, so a whole page has {2 * SEATS} (a smaller or larger panel"
                " can be imported as JSON)",
                self.scorecard,
            )
        return list(self._seated(quotes))

    def _seated(self, quotes: Sequence[tuple[int, str]]) -> Iterator[VerdictDraft]:
        for number, (at, quote) in enumerate(quotes):
            if not quote:
                raise self._unreadable("this quote is empty", at)
            self._check_length(quote, bounds.PROSE, "quote", at)
            yield VerdictDraft(seat=number // 2 + 1, quote=quote)

    def _closing(self, start: int) -> tuple[str, ...]:
        for at in range(start, len(self.lines)):
            text = self.lines[at].text
            if len(text) > 1 and text[0] in _OPENING and text[-1] in _CLOSING:
                raise self._unreadable(
                    "this quote is cut off from the others by a line that is none", at
                )
        return tuple(
            self._bounded_text(at, bounds.LINE, "closing line")
            for at in range(start, len(self.lines))
        )

    def _is_line(self, at: int, words: str) -> bool:
        return at < len(self.lines) and self.lines[at].text.casefold() == words

    def _bounded_text(self, at: int, limit: int, what: str) -> str:
        text = self.lines[at].text
        self._check_length(text, limit, what, at)
        return text

    def _check_length(self, text: str, limit: int, what: str, at: int) -> None:
        if len(text) > limit:
            raise self._unreadable(
                f"the {what} has {len(text):,} characters; {limit:,} at most", at
            )

    def _unreadable(self, reason: str, at: int) -> ComparisonUnreadable:
        line = self.lines[at].number if self.lines else None
        return ComparisonUnreadable(reason, line=line, source=self.source)
