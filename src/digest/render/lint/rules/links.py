"""Rules about the targets of links and images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from digest.render.lint.finding import Finding, LintedMail, error, warning
from digest.render.lint.html_reader import HtmlTag

_NOT_ASCII = "xn--"


def link_targets(copy: LintedMail) -> Iterator[Finding]:
    """Require links and images to be http or https, with a host and without credentials."""
    for tag, url in _urls(copy):
        fault = _fault(url)
        if fault:
            yield error(
                "link-target",
                "html",
                f"{url[:80]!r} {fault}",
                "Give the whole address, beginning with https://.",
                line=tag.line,
            )


def local_hosts(copy: LintedMail) -> Iterator[Finding]:
    """Warn of links to this host or a private network, once for each site."""
    for site, tags in _sites(copy, lambda parts: _local(parts.hostname or "")):
        yield warning(
            "local-host",
            "html",
            f"{_count(tags)} {site}, which readers can't reach",
            "Set DIGEST_BASE_URL to the address readers use.",
            line=tags[0].line,
        )


def plain_http(copy: LintedMail) -> Iterator[Finding]:
    """Warn of links without https, once for each site."""

    def plain(parts: SplitResult) -> bool:
        return parts.scheme == "http" and not _local(parts.hostname or "")

    for site, tags in _sites(copy, plain):
        yield warning(
            "plain-http",
            "html",
            f"{_count(tags)} {site} without encryption",
            "Use https:// if the site has it.",
            line=tags[0].line,
        )


def lookalike_hosts(copy: LintedMail) -> Iterator[Finding]:
    """Warn of hosts with letters beyond ASCII, which can look like another host."""
    for tag, url in _urls(copy):
        host = "" if _fault(url) else urlsplit(url).hostname or ""
        if not host.isascii() or any(part.startswith(_NOT_ASCII) for part in host.split(".")):
            yield warning(
                "lookalike-host",
                "html",
                f"{host!r} has letters beyond ASCII and may look like another address",
                "Make sure it is the one you mean.",
                line=tag.line,
            )


def click_marks(copy: LintedMail) -> Iterator[Finding]:
    """Require reader links to be exempt from click tracking, which passes them on."""
    for tag in copy.markup.named("a"):
        names = [name for name, _ in tag.attributes]
        if not any(mark in (tag.get("href") or "") for mark in copy.tags):
            continue
        marked = tag.get("clicktracking") == "off"
        if not marked or names.index("clicktracking") > names.index("href"):
            yield error(
                "click-mark",
                "html",
                "a reader's own link isn't exempt from click tracking",
                'Write clicktracking="off" before its href.',
                line=tag.line,
            )


def _urls(copy: LintedMail) -> Iterator[tuple[HtmlTag, str]]:
    for tag in copy.markup.tags:
        for name in ("href", "src", "background"):
            url = tag.get(name)
            if url is not None:
                yield tag, url


def _sites(
    copy: LintedMail, wanted: Callable[[SplitResult], bool]
) -> Iterable[tuple[str, list[HtmlTag]]]:
    """Return the tags whose URL is *wanted*, grouped by site, in order of appearance."""
    sites: dict[str, list[HtmlTag]] = {}
    for tag, url in _urls(copy):
        if not _fault(url) and wanted(parts := urlsplit(url)):
            sites.setdefault(f"{parts.scheme}://{parts.netloc}", []).append(tag)
    return sites.items()


def _count(tags: list[HtmlTag]) -> str:
    images = all(tag.name == "img" for tag in tags)
    if len(tags) == 1:
        return "an image comes from" if images else "a link leads to"
    return f"{len(tags)} images come from" if images else f"{len(tags)} links lead to"


def _fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "is no address"
    if parts.scheme not in {"http", "https"}:
        return "is neither http nor https"
    if not host:
        return "names no host"
    return "carries a name or password" if parts.username is not None else ""


def _local(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".localdomain"))
