"""Rules about leftovers of rendering: MJML, template syntax, broken reader tags, scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.render.lint.finding import Finding, LintedMail, Place, error

_MJML = re.compile(r"</?mj-?[\w-]*", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
_LINK_SO_FAR = re.compile(r"https?://[^\s\"<>]*/-\Z")
_DISARMED = ("&#45;", "-\u2060")  #: the escaped first character of a tag
_TAG_ENDS = re.compile(r"-(?![\w-])")
_ACTIVE = ("script", "form", "iframe", "object", "embed", "input", "button")


def mjml_left(copy: LintedMail) -> Iterator[Finding]:
    """Forbid MJML tags; the compiler copies unknown ones into the mail."""
    for match in _MJML.finditer(copy.html):
        yield error(
            "mjml-left",
            "html",
            f"{match[0]}> is left over: MJML doesn't know it",
            "Correct the tag's name in the template.",
            line=_line(copy.html, match.start()),
        )


def template_left(copy: LintedMail) -> Iterator[Finding]:
    """Forbid the braces of the template language."""
    parts: tuple[tuple[Place, str], ...] = (
        ("subject", copy.subject),
        ("preheader", copy.preheader),
        ("html", copy.html),
        ("text", copy.text),
    )
    for place, part in parts:
        match = _TEMPLATE.search(part)
        if match:
            yield error(
                "template-left",
                place,
                f"{match[0]} is left over: nothing was put in its place",
                "Print stored text through the template, not by hand.",
                line=_line(part, match.start()),
            )


def tags_intact(copy: LintedMail) -> Iterator[Finding]:
    """Require reader tags to be whole, at the end of links, and nowhere else."""
    for tag in copy.tags:
        if tag in copy.subject + copy.preheader:
            yield error("tag-misplaced", "subject", f"{tag} stands outside a link", "Take it out.")
        yield from _intact(tag, "html", copy.html)
        yield from _intact(tag, "text", copy.text)


def _intact(tag: str, place: Place, part: str) -> Iterator[Finding]:
    core = tag.strip("-")
    for match in re.finditer(re.escape(core), part):
        before, after = part[max(0, match.start() - 300) : match.start()], part[match.end() :]
        if before.endswith(_DISARMED):
            continue  # stored text that looks like a tag
        if not (_LINK_SO_FAR.search(before) and _TAG_ENDS.match(after)):
            yield error(
                "tag-broken",
                place,
                f"{core} doesn't stand as {tag} at the end of a link",
                "Use the links the issue brings, with the filter personal.",
                line=_line(part, match.start()),
            )


def active_content(copy: LintedMail) -> Iterator[Finding]:
    """Forbid scripts, frames, embedded objects and form elements."""
    for tag in copy.markup.named(*_ACTIVE):
        yield error(
            "active-content",
            "html",
            f"<{tag.name}> doesn't belong in a mail: mailboxes drop it or distrust the sender",
            "Use a link to a page instead.",
            line=tag.line,
        )


def _line(part: str, at: int) -> int:
    return part.count("\n", 0, at) + 1
