"""Rules about leftovers: MJML, template syntax, broken reader tags, scripts, placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from digest.render.lint.finding import Finding, LintedMail, Place, RuleText, error, warning

_MJML = re.compile(r"</?mj-?[\w-]*", re.IGNORECASE)
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
_LINK_BEFORE_TAG = re.compile(r"https?://[^\s\"<>]*/-\Z")
_ESCAPED_START = ("&#45;", "-\u2060")  #: the escaped first character of a tag
_TAG_ENDS = re.compile(r"-(?![\w-])")
_ANY_TAG = re.compile(r"-digest_\w+-")
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
_ACTIVE = ("script", "form", "iframe", "object", "embed", "input", "button")


@RuleText(
    name="mjml-left",
    level="error",
    why="Mailboxes show nothing for them. The compiler copies every tag that it doesn't know.",
    example_of="html",
    fails="<mj-fancy>Look</mj-fancy>",
    passes="<p>Look</p>",
)
def mjml_left(mail: LintedMail) -> Iterator[Finding]:
    """Forbid MJML tags in the finished mail."""
    for match in _MJML.finditer(mail.html):
        yield error(
            mjml_left.name,
            "html",
            f"{match[0]}> is left over: MJML doesn't know it",
            "Correct the tag's name in the template.",
            line=_line(mail.html, match.start()),
        )


@RuleText(
    name="template-left",
    level="error",
    why="Readers see them as they are: nothing replaced them.",
    example_of="html",
    fails="<p>Hello {{ name }}</p>",
    passes="<p>Hello { name }</p>",
)
def template_left(mail: LintedMail) -> Iterator[Finding]:
    """Forbid the braces of the template language."""
    parts: tuple[tuple[Place, str], ...] = (
        ("subject", mail.subject),
        ("preheader", mail.preheader),
        ("html", mail.html),
        ("text", mail.text),
    )
    for place, part in parts:
        match = _TEMPLATE.search(part)
        if match:
            yield error(
                template_left.name,
                place,
                f"{match[0]} is left over: nothing replaced it",
                "Print stored text with the template, not by hand.",
                line=_line(part, match.start()),
            )


@RuleText(
    name="tag-broken",
    level="error",
    why="The provider replaces it with each reader's own link; a broken tag, or one elsewhere,"
    " stays in the mail.",
    source="SendGrid's documentation, Substitution Tags",
    example_of="html",
    fails="<a clicktracking=off"
    ' href="https://news.example.com/u/-digest_unsubscribe_token-x">Leave</a>',
    passes="<a clicktracking=off"
    ' href="https://news.example.com/u/-digest_unsubscribe_token-">Leave</a>',
)
def tags_intact(mail: LintedMail) -> Iterator[Finding]:
    """Require each reader tag to be whole, known, and in a link."""
    parts: tuple[tuple[Place, str], ...] = (("html", mail.html), ("text", mail.text))
    for place, part in parts:
        for match in _ANY_TAG.finditer(part):
            if match[0] not in mail.tags:
                message, mend = f"nothing replaces {match[0]}", "Use the issue's links."
                line = _line(part, match.start())
                yield error(tags_intact.name, place, message, mend, line=line)
        for tag in mail.tags:
            yield from _intact(tag, place, part)


def _intact(tag: str, place: Place, part: str) -> Iterator[Finding]:
    core = tag.strip("-")
    for match in re.finditer(re.escape(core), part):
        before, after = part[max(0, match.start() - 300) : match.start()], part[match.end() :]
        if before.endswith(_ESCAPED_START):
            continue  # stored text that looks like a tag
        if not (_LINK_BEFORE_TAG.search(before) and _TAG_ENDS.match(after)):
            yield error(
                tags_intact.name,
                place,
                f"{core} isn't {tag} at the end of a link",
                "Use the issue's links, with the filter personal.",
                line=_line(part, match.start()),
            )


@RuleText(
    name="tag-misplaced",
    level="error",
    why="The provider would replace them there too, and show the reader's own link to anybody who"
    " sees the screen.",
    source="SendGrid's documentation, Substitution Tags",
    example_of="subject",
    fails="Two tools -digest_unsubscribe_token-",
    passes="Two tools",
)
def tags_in_links(mail: LintedMail) -> Iterator[Finding]:
    """Forbid reader tags in the subject and the preheader."""
    for tag in mail.tags:
        if tag in mail.subject + mail.preheader:
            message, mend = f"{tag} is outside a link", "Remove it."
            yield error(tags_in_links.name, "subject", message, mend)


@RuleText(
    name="active-content",
    level="error",
    why="Mailboxes drop them and distrust the sender.",
    source="caniemail.com",
    example_of="html",
    fails='<form><input name="vote"></form>',
    passes='<a href="https://a.example/vote/">Vote on the page</a>',
)
def active_content(mail: LintedMail) -> Iterator[Finding]:
    """Forbid scripts, frames, embedded objects and forms."""
    for tag in mail.markup.named(*_ACTIVE):
        yield error(
            active_content.name,
            "html",
            f"<{tag.name}> doesn't belong in a mail: mailboxes drop it or distrust the sender",
            "Use a link to a page instead.",
            line=tag.line,
        )


@RuleText(
    name="placeholder",
    level="warning",
    why="Somebody forgot to replace them.",
    example_of="html",
    fails='<a href="https://www.yourcompany.com/">The sponsor</a>',
    passes='<a href="https://bellows.example/">The sponsor</a>',
)
def placeholders(mail: LintedMail) -> Iterator[Finding]:
    """Warn of words and addresses that stand for others."""
    parts: tuple[tuple[Place, str], ...] = (("subject", mail.subject), ("text", mail.text))
    for place, part in parts:
        match = _PLACEHOLDER.search(part)
        if match:
            message = f"“{match[0]}” looks like a placeholder"
            line = part.count("\n", 0, match.start()) + 1
            yield warning(placeholders.name, place, message, "Write the real text.", line=line)
    for tag in mail.markup.named("a", "img"):
        url = tag.get("href") or tag.get("src") or ""
        if _PLACEHOLDER_HOST.fullmatch(_host(url)):
            message = f"{url[:80]!r} looks like a placeholder for an address"
            mend = "Give the real address."
            yield warning(placeholders.name, "html", message, mend, line=tag.line)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # reported by links.link_targets
        return ""


def _line(part: str, at: int) -> int:
    return part.count("\n", 0, at) + 1
