"""Rules about links and images: their targets, and the words of links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from digest.render.lint.finding import Finding, LintedMail, RuleText, error, warning
from digest.render.lint.html_reader import HtmlTag

_NOT_ASCII = "xn--"
_MAILBOX = re.compile(r"mailto:[^\s@?]+@[^\s@?]+(?:\?[^\s?]*)?")
_MAX_REPEATS = 3  #: times that one URL may stand in a mail
_VAGUE = re.compile(r"click here|here|this link|read more|more|link|hier|mehr", re.IGNORECASE)
_LINK = re.compile(r"<a\b[^>]*>(?P<words>.*?)</a>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_ALT = re.compile(r"\balt=\"([^\"]+)\"", re.IGNORECASE)


@RuleText(
    name="link-target",
    level="error",
    why="A mail has no base URL to complete a relative address with, and mailboxes drop addresses"
    " that run a program.",
    source="RFC 3986, 4.2",
    example_of="html",
    fails='<a href="javascript:alert(1)">Open</a>',
    passes='<a href="https://a.example/">Open the comparison</a>',
)
def link_targets(mail: LintedMail) -> Iterator[Finding]:
    """Require http or https with a host and no password; a link may lead to a mailbox instead."""
    for tag, url in mail.markup.urls:
        fault = _fault(url)
        if fault and not (tag.name == "a" and _MAILBOX.fullmatch(url)):
            yield error(
                link_targets.name,
                "html",
                f"{url[:80]!r} {fault}",
                "Give the full address, starting with https://.",
                line=tag.line,
            )


@RuleText(
    name="local-host",
    level="warning",
    why="Readers can't reach them.",
    source="RFC 1918, RFC 6761",
    example_of="html",
    fails='<a href="http://localhost:8000/issues/1">The issue in a browser</a>',
    passes='<a href="https://a.example/issues/1">The issue in a browser</a>',
)
def local_hosts(mail: LintedMail) -> Iterator[Finding]:
    """Warn of links to this machine or a private network, once for each site."""
    for site, tags in _sites(mail, lambda parts: _local(parts.hostname or "")):
        yield warning(
            local_hosts.name,
            "html",
            f"{_count(tags)} {site}, which readers can't reach",
            "Set DIGEST_BASE_URL to the address readers use.",
            line=tags[0].line,
        )


@RuleText(
    name="plain-http",
    level="warning",
    why="Browsers and mailboxes warn about links that aren't encrypted.",
    example_of="html",
    fails='<a href="http://a.example/">The whole story</a>',
    passes='<a href="https://a.example/">The whole story</a>',
)
def plain_http(mail: LintedMail) -> Iterator[Finding]:
    """Warn of links without https, once for each site."""

    def plain(parts: SplitResult) -> bool:
        return parts.scheme == "http" and not _local(parts.hostname or "")

    for site, tags in _sites(mail, plain):
        yield warning(
            plain_http.name,
            "html",
            f"{_count(tags)} {site} without encryption",
            "Use https:// if the site has it.",
            line=tags[0].line,
        )


@RuleText(
    name="lookalike-host",
    level="warning",
    why="Such letters can make one host look like another.",
    source="Unicode Technical Standard 39",
    example_of="html",
    fails='<a href="https://xn--pple-43d.example/">The shop</a>',
    passes='<a href="https://apple.example/">The shop</a>',
)
def lookalike_hosts(mail: LintedMail) -> Iterator[Finding]:
    """Warn of hosts with letters beyond ASCII."""
    for tag, url in mail.markup.urls:
        host = "" if _fault(url) else urlsplit(url).hostname or ""
        if not host.isascii() or any(part.startswith(_NOT_ASCII) for part in host.split(".")):
            yield warning(
                lookalike_hosts.name,
                "html",
                f"{host!r} has letters beyond ASCII and may look like another address",
                "Make sure that it's the host you mean.",
                line=tag.line,
            )


@RuleText(
    name="click-mark",
    level="error",
    why="Click tracking sends a link through the provider, and a reader's own link opens their"
    " settings. The mark that exempts it comes before the address.",
    source="SendGrid's documentation, Click Tracking",
    example_of="html",
    fails='<a href="https://news.example.com/p/-digest_preferences_token-">Preferences</a>',
    passes='<a clicktracking=off href="https://news.example.com/p/-digest_preferences_token-">'
    "Preferences</a>",
)
def click_marks(mail: LintedMail) -> Iterator[Finding]:
    """Require a reader's own links to be exempt from click tracking."""
    for tag in mail.markup.named("a"):
        names = list(tag.attributes)
        if not any(mark in (tag.get("href") or "") for mark in mail.tags):
            continue
        marked = tag.get("clicktracking") == "off"
        if not marked or names.index("clicktracking") > names.index("href"):
            yield error(
                click_marks.name,
                "html",
                "a reader's own link isn't exempt from click tracking",
                'Write clicktracking="off" before its href.',
                line=tag.line,
            )


@RuleText(
    name="link-words",
    level="warning",
    why="Screen readers list the links of a mail one after another.",
    source="WCAG 2.1, 2.4.4",
    example_of="html",
    fails='<a href="https://a.example/">Read more</a>',
    passes='<a href="https://a.example/">Read more about Lathe</a>',
)
def link_words(mail: LintedMail) -> Iterator[Finding]:
    """Warn of links whose words don't say where they lead."""
    for match in _LINK.finditer(mail.html):
        alts = " ".join(_ALT.findall(match["words"]))
        words = " ".join(f"{_TAG.sub(' ', match['words'])} {alts}".split())
        if words and not _VAGUE.fullmatch(words.strip(" .…»→")):
            continue
        message = f"a link says only “{words}”" if words else "a link has no words"
        yield warning(
            link_words.name,
            "html",
            f"{message}: in a list of links, that tells a reader nothing",
            "Say where it leads.",
            line=mail.html.count("\n", 0, match.start()) + 1,
        )


@RuleText(
    name="repeated-link",
    level="warning",
    why="Spam filters count repeated links.",
    example_of="html",
    fails='<a href="https://a.example/">Lathe</a>\n' * 4,
    passes='<a href="https://a.example/">Lathe</a>\n' * 3,
)
def repeated_links(mail: LintedMail) -> Iterator[Finding]:
    """Warn of an address that is linked more than three times."""
    urls = Counter(tag.get("href") or "" for tag in mail.markup.named("a"))
    for url, count in urls.items():
        if url and count > _MAX_REPEATS and not any(tag in url for tag in mail.tags):
            message = f"{url[:80]!r} appears {count} times in the mail"
            yield warning(repeated_links.name, "html", message, f"{_MAX_REPEATS} times are enough.")


def _sites(
    mail: LintedMail, wanted: Callable[[SplitResult], bool]
) -> Iterable[tuple[str, list[HtmlTag]]]:
    """Return the tags whose URL is *wanted*, grouped by site, in order of appearance."""
    sites: dict[str, list[HtmlTag]] = {}
    for tag, url in mail.markup.urls:
        if not _fault(url) and wanted(parts := urlsplit(url)):
            sites.setdefault(f"{parts.scheme}://{parts.netloc}", []).append(tag)
    return sites.items()


def _count(tags: list[HtmlTag]) -> str:
    images = all(tag.name == "img" for tag in tags)
    if len(tags) == 1:
        return "an image comes from" if images else "a link leads to"
    return f"{len(tags)} images come from" if images else f"{len(tags)} links lead to"


@lru_cache(maxsize=1024)
def _fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "isn't an address"
    if parts.scheme not in {"http", "https"}:
        return "is neither http nor https"
    if not host:
        return "has no host"
    return "contains a name or password" if parts.username is not None else ""


@lru_cache(maxsize=1024)
def _local(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".localdomain"))
