"""What differs between two mails: comparisons, words, weight, findings, and the text by block.

Hides how the text part is split into blocks, so that two comparisons are never compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from digest.issues.content import IssueView
from digest.preview.diff import DiffRow, diff_rows
from digest.render.lint import Finding

_NUMBER = re.compile(r"^\s*\d+\.\s+")
#: What a preheader is followed by, so that mailboxes show nothing else after it.
_FILLER = re.compile(r"(?:(?:&#847;|&zwnj;|&nbsp;|[\u034f\u200c\u00a0])\s*){5,}")
_RULE = re.compile(r"={8,}")
_ABOVE = 3  # lines above a title in which the rule that begins its block stands
AROUND = "Around the comparisons"


@dataclass(frozen=True, kw_only=True)
class MailContent:
    """A mail to be compared: its parts, and what it was made of where that was kept."""

    subject: str
    preheader: str
    html: str
    text: str
    view: IssueView | None
    findings: Sequence[Finding] = ()

    @property
    def titles(self) -> dict[str, str]:
        """The titles of its comparisons by slug, in order."""
        return {one.slug: one.title for one in self.view.comparisons} if self.view else {}


@dataclass(frozen=True, kw_only=True)
class MailChanges:
    """What differs, each part empty where nothing does; comparisons by title."""

    added: Sequence[str]
    removed: Sequence[str]
    moved: Sequence[tuple[str, int, int]]  #: a title with its place before and now
    words: Sequence[tuple[str, Sequence[DiffRow]]]  #: subject, preheader, opening
    bytes_before: int
    bytes_now: int
    found: Sequence[str]  #: findings that are new, in words
    mended: Sequence[str]  #: findings that are gone
    blocks: Sequence[tuple[str, Sequence[DiffRow]]]  #: the text part by block
    html: Sequence[DiffRow]

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        told = (self.added, self.removed, self.moved, self.words, self.found, self.mended)
        return any((*told, self.blocks, self.html))


def compare(before: MailContent, now: MailContent) -> MailChanges:
    """Return what differs between two mails."""
    old, new = before.titles, now.titles
    had, has = ([finding.message for finding in each.findings] for each in (before, now))
    return MailChanges(
        added=[title for slug, title in new.items() if slug not in old],
        removed=[title for slug, title in old.items() if slug not in new],
        moved=[
            (new[slug], [*old].index(slug) + 1, [*new].index(slug) + 1)
            for slug in _moved([*old], [*new])
        ],
        words=list(_words(before, now)),
        bytes_before=len(before.html.encode()),
        bytes_now=len(now.html.encode()),
        found=[message for message in has if message not in had],
        mended=[message for message in had if message not in has],
        blocks=list(_blocks(before, now)),
        html=diff_rows(_without_filler(before.html), _without_filler(now.html)),
    )


def _moved(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Yield the fewest slugs that have to move to make one order the other."""
    then, now = [slug for slug in old if slug in new], [slug for slug in new if slug in old]
    kept = {
        now[at]
        for _, start, size in SequenceMatcher(None, then, now, autojunk=False).get_matching_blocks()
        for at in range(start, start + size)
    }
    yield from (slug for slug in now if slug not in kept)


def _words(before: MailContent, now: MailContent) -> Iterator[tuple[str, Sequence[DiffRow]]]:
    pairs = [
        ("Subject", before.subject, now.subject),
        ("Preheader", before.preheader, now.preheader),
    ]
    if before.view and now.view:
        pairs.append(("Opening words", _opening(before.view), _opening(now.view)))
    yield from ((name, diff_rows(old, new)) for name, old, new in pairs if old != new)


def _opening(view: IssueView) -> str:
    return view.opening_text.text if view.opening_text else view.opening


def _blocks(before: MailContent, now: MailContent) -> Iterator[tuple[str, Sequence[DiffRow]]]:
    """Yield the blocks that both mails have and that differ, in the order of the mail."""
    listed = {*before.titles.values(), *now.titles.values()}
    old, new = _by_block(before, listed), _by_block(now, listed)
    names = {**now.titles, "": AROUND}
    for slug, text in new.items():
        if slug in old and old[slug] != text:
            yield names[slug], diff_rows(old[slug], text)


def _by_block(mail: MailContent, listed: set[str]) -> dict[str, str]:
    """Return the text part by comparison; what is in none of them is under the empty slug.

    The list of contents and the opening are left out: they are compared by themselves.
    """
    lines = mail.text.splitlines()
    owner = [""] * len(lines)
    for slug, title, url in _sought(mail):
        first = next((at for at, line in enumerate(lines) if _is_title(line, title)), None)
        if first is not None:
            last = next((at for at in range(first, len(lines)) if lines[at].strip() == url), first)
            start = _rule_above(lines, first)
            owner[start : last + 1] = [slug] * (last + 1 - start)
    opening = _opening(mail.view) if mail.view else ""
    texts: dict[str, list[str]] = {slug: [] for slug in (*mail.titles, "")}
    for line, slug in zip(lines, owner, strict=True):
        told = _NUMBER.sub("", line).strip()
        if slug or not told or (told not in listed and told not in opening):
            texts[slug].append(line)
    return {slug: "\n".join(part) for slug, part in texts.items() if part}


def _sought(mail: MailContent) -> Iterator[tuple[str, str, str]]:
    for one in mail.view.comparisons if mail.view else ():
        yield one.slug, one.title, one.url


def _is_title(line: str, title: str) -> bool:
    """Return whether a line is a title, which templates may print in capitals."""
    return line.strip().casefold() == title.casefold() and not _NUMBER.match(line)


def _rule_above(lines: Sequence[str], at: int) -> int:
    above = range(at - 1, max(at - _ABOVE, 0) - 1, -1)
    return next((each for each in above if _RULE.fullmatch(lines[each].strip())), at)


def _without_filler(html: str) -> str:
    return _FILLER.sub("…", html)
