"""Rules about size: where Gmail clips a mail, and where mail servers break lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from digest.render.line_length import MAX_BYTES
from digest.render.lint.finding import Finding, LintedMail, RuleText, error, warning

CLIP_BYTES = 102_400  #: Gmail hides the rest, the unsubscribe link included
NEAR_BYTES = 90_000
REWRITTEN_BYTES = 600  #: added to each link by click tracking


@RuleText(
    name="html-size",
    level=f"error beyond {CLIP_BYTES:,} bytes, warning beyond {NEAR_BYTES:,}",
    why="Gmail hides the rest, including the unsubscribe link. With click tracking, each"
    f" link grows by {REWRITTEN_BYTES} bytes on its way.",
    source="Gmail doesn't publish its limit; senders measure 102 KB.",
    example_of="html",
    fails="word\n" * 22_000,
    passes="word\n" * 900,
)
def html_size(mail: LintedMail) -> Iterator[Finding]:
    """Forbid a mail that Gmail would cut off."""
    size = len(mail.html.encode())
    links = tracked_links(mail)
    total = size + links * REWRITTEN_BYTES
    message = (
        f"the mail will weigh {total:,} bytes: {size:,} of HTML and {links}"
        f" link{'s' * (links != 1)} to be rewritten"
    )
    if total > CLIP_BYTES:
        yield error(
            html_size.name,
            "html",
            f"{message}; Gmail cuts off at {CLIP_BYTES:,}",
            "Use fewer comparisons or shorter quotes.",
        )
    elif total > NEAR_BYTES:
        yield warning(
            html_size.name,
            "html",
            f"{message}; Gmail cuts off at {CLIP_BYTES:,}",
            "Leave some room: a longer issue would be clipped.",
        )


def tracked_links(mail: LintedMail) -> int:
    """Return the number of links that click tracking would rewrite."""
    if not mail.tracked:
        return 0
    links = mail.markup.named("a")
    return sum(bool(link.get("href")) and link.get("clicktracking") != "off" for link in links)


@RuleText(
    name="long-line",
    level="error",
    why="Mail servers break longer lines anywhere, even inside words and links.",
    source="RFC 5321, 4.5.3.1.6",
    example_of="html",
    fails="x" * 1_000,
    passes="<p>A line that ends in time.</p>",
)
def long_lines(mail: LintedMail) -> Iterator[Finding]:
    """Forbid lines of more than 900 bytes."""
    yield from _long(mail.html, "html")
    yield from _long(mail.text, "text")


def _long(part: str, place: Literal["html", "text"]) -> Iterator[Finding]:
    for number, line in enumerate(part.split("\n"), 1):
        if len(line.encode()) > MAX_BYTES:
            yield error(
                long_lines.name,
                place,
                f"a line has {len(line.encode()):,} bytes; mail servers cut at about 1,000",
                "Shorten the link or break the line in the template.",
                line=number,
            )
