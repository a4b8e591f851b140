"""Rules about unfinished text: placeholders, vague link texts, repeated links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from digest.render.lint.finding import Finding, LintedMail, Place, warning

MOST_ALIKE = 3  #: times that one URL may stand in a mail
_PLACEHOLDER = re.compile(
    r"\blorem ipsum\b|\bTODO\b|\bFIXME\b|\bTK TK\b|(?-i:\bXXX\b)|\[(?:insert|your)\b[^\]]*\]"
    r"|\byour (?:text|headline|title) here\b",
    re.IGNORECASE,
)
#: Placeholder hosts; example.com itself is left out, as the samples link to it.
_PLACEHOLDER_HOST = re.compile(
    r"(?:www\.)?(?:example\.(?:org|net)|(?:your-?|my-?)(?:domain|site|company|website)\.\w+)"
    r"|www\.example\.com|(?:via\.)?placeholder\.com|placehold\.co"
)
_VAGUE = re.compile(r"click here|here|this link|read more|more|link|hier|mehr", re.IGNORECASE)
_LINK = re.compile(r"<a\b(?P<told>[^>]*)>(?P<words>.*?)</a>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_ALT = re.compile(r"\balt=\"([^\"]+)\"", re.IGNORECASE)


def placeholders(copy: LintedMail) -> Iterator[Finding]:
    """Warn of placeholder texts and placeholder URLs."""
    parts: tuple[tuple[Place, str], ...] = (("subject", copy.subject), ("text", copy.text))
    for place, part in parts:
        match = _PLACEHOLDER.search(part)
        if match:
            message = f"“{match[0]}” looks like something that was to be replaced"
            line = part.count("\n", 0, match.start()) + 1
            yield warning("placeholder", place, message, "Write the real words.", line=line)
    for tag in copy.markup.named("a", "img"):
        url = tag.get("href") or tag.get("src") or ""
        if _PLACEHOLDER_HOST.fullmatch(_host(url)):
            message = f"{url[:80]!r} stands for an address that was to be filled in"
            mend = "Give the real one."
            yield warning("placeholder", "html", message, mend, line=tag.line)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # reported by links.link_targets
        return ""


def link_words(copy: LintedMail) -> Iterator[Finding]:
    """Warn of links whose text doesn't tell their target (WCAG 2.4.4)."""
    for match in _LINK.finditer(copy.html):
        alts = " ".join(_ALT.findall(match["words"]))
        words = " ".join(f"{_TAG.sub(' ', match['words'])} {alts}".split())
        if words and not _VAGUE.fullmatch(words.strip(" .…»→")):
            continue
        message = f"a link says only “{words}”" if words else "a link has no words"
        yield warning(
            "link-words",
            "html",
            f"{message}: who listens to a list of links learns nothing",
            "Say where it leads.",
            line=copy.html.count("\n", 0, match.start()) + 1,
        )


def repeated_links(copy: LintedMail) -> Iterator[Finding]:
    """Warn of a URL repeated more than `MOST_ALIKE` times, which spam filters count."""
    urls = Counter(tag.get("href") or "" for tag in copy.markup.named("a"))
    for url, count in urls.items():
        if url and count > MOST_ALIKE and not any(tag in url for tag in copy.tags):
            message = f"{url[:80]!r} stands in the mail {count} times"
            yield warning("repeated-link", "html", message, f"{MOST_ALIKE} times are plenty.")
