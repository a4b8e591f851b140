"""Rules of law and of mailbox providers: unsubscribe link, postal address, text part."""

from __future__ import annotations

from collections.abc import Iterator

from digest.render.lint.finding import Finding, LintedMail, error, warning

_SHORT_TEXT = 80  # characters
_NEAR_TOP = 10_000  # characters after <body>


def unsubscribe_link(copy: LintedMail) -> Iterator[Finding]:
    """Require the unsubscribe link in the HTML part and in the text part."""
    mend = "Print issue.unsubscribe_url with the filter personal."
    if not any(tag.get("href") == copy.unsubscribe_url for tag in copy.markup.named("a")):
        yield error("unsubscribe-link", "html", "there is no unsubscribe link", mend)
    if copy.unsubscribe_url not in copy.text:
        yield error("unsubscribe-link", "text", "there is no unsubscribe link", mend)


def unsubscribe_near_top(copy: LintedMail) -> Iterator[Finding]:
    """Warn when no unsubscribe link stands near the top, where a clipped mail keeps it."""
    at = copy.html.find(copy.unsubscribe_url)
    if at > copy.html.find("<body") + _NEAR_TOP:
        yield warning(
            "unsubscribe-near-top",
            "html",
            "the first unsubscribe link comes late",
            "Put one near the top as well: readers who don't find it report spam.",
        )


def postal_address(copy: LintedMail) -> Iterator[Finding]:
    """Require the sender's postal address in both parts."""
    lines = [" ".join(line.split()) for line in copy.postal_address.splitlines() if line.strip()]
    if not lines:
        yield error(
            "postal-address",
            "html",
            "there is no postal address; the law asks for one",
            "Set DIGEST_POSTAL_ADDRESS.",
        )
        return
    text = " ".join(copy.text.split())
    mend = "Print every line of issue.postal_address in the template."
    if not all(line in copy.markup.text for line in lines):
        yield error("postal-address", "html", "the postal address is missing", mend)
    if not all(line in text for line in lines):
        yield error("postal-address", "text", "the postal address is missing", mend)


def text_part(copy: LintedMail) -> Iterator[Finding]:
    """Require a text part that isn't nearly empty."""
    if len(copy.text.strip()) < _SHORT_TEXT:
        yield error(
            "text-part",
            "text",
            "the text part is missing or next to empty",
            "Write the mail's .txt template.",
        )
