"""Rules of law and of mailbox providers: unsubscribe link, postal address, text part, spam."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from digest.render.lint.finding import Finding, LintedMail, RuleText, error, warning

_LEAVE = "https://news.example.com/u/-digest_unsubscribe_token-"
_GOOD_TEXT = f"""\
Two tools this week. Leave whenever you like, without a login, at this address:
{_LEAVE}
Weekly
12 Example Street"""
_LINK = f'<a clicktracking=off href="{_LEAVE}">Leave</a>\n'
_WORDS = "<p>\n" + "word\n" * 2_200 + "</p>"
_ADDRESS = '<html lang="en"><title>Two tools</title><body><p>Weekly<br>12 Example Street</p>\n'
_SHORT_TEXT = 80  # characters
_NEAR_TOP = 10_000  # characters after <body>
_SPAM_POINTS = 5.0  # of SpamAssassin


@RuleText(
    name="unsubscribe-link",
    level="error",
    why="The law requires it, and readers who can't unsubscribe report spam.",
    source="15 U.S.C. 7704 (a) (3) (CAN-SPAM); Google, Email sender guidelines",
    example_of="text",
    fails="""\
Two tools this week. There is no way out of this mail, however long one looks for it.
Weekly
12 Example Street""",
    passes=_GOOD_TEXT,
)
def unsubscribe_link(mail: LintedMail) -> Iterator[Finding]:
    """Require the unsubscribe link in the HTML part and in the text part."""
    mend = "Print issue.unsubscribe_url with the filter personal."
    if not any(tag.get("href") == mail.unsubscribe_url for tag in mail.markup.named("a")):
        yield error(unsubscribe_link.name, "html", "there is no unsubscribe link", mend)
    if mail.unsubscribe_url not in mail.text:
        yield error(unsubscribe_link.name, "text", "there is no unsubscribe link", mend)


@RuleText(
    name="unsubscribe-near-top",
    level="warning",
    why="Readers who don't find it report spam, and a mailbox that clips the mail cuts off the link"
    " at the end.",
    example_of="mail",
    fails=_ADDRESS + _WORDS + _LINK,
    passes=_ADDRESS + _LINK + _WORDS,
)
def unsubscribe_near_top(mail: LintedMail) -> Iterator[Finding]:
    """Warn when no unsubscribe link stands in the first 10,000 characters."""
    at = mail.html.find(mail.unsubscribe_url)
    if at > mail.html.find("<body") + _NEAR_TOP:
        yield warning(
            unsubscribe_near_top.name,
            "html",
            "the first unsubscribe link is too far down",
            "Put one near the top too: readers who don't find it report spam.",
        )


@RuleText(
    name="postal-address",
    level="error",
    why="The law requires it. It's only a warning while mail goes to the outbox folder and no"
    " address is set.",
    source="15 U.S.C. 7704 (a) (5) (CAN-SPAM)",
    example_of="text",
    fails=_GOOD_TEXT.removesuffix("\nWeekly\n12 Example Street"),
    passes=_GOOD_TEXT,
)
def postal_address(mail: LintedMail) -> Iterator[Finding]:
    """Require the sender's postal address in both parts."""
    lines = [" ".join(line.split()) for line in mail.postal_address.splitlines() if line.strip()]
    if not lines:
        yield error(
            postal_address.name,
            "html",
            "there is no postal address; the law requires one",
            "Set DIGEST_POSTAL_ADDRESS.",
        )
        return
    text = " ".join(mail.text.split())
    mend = "Print every line of issue.postal_address in the template."
    if not all(line in mail.markup.text for line in lines):
        yield error(postal_address.name, "html", "the postal address is missing", mend)
    if not all(line in text for line in lines):
        yield error(postal_address.name, "text", "the postal address is missing", mend)


@RuleText(
    name="text-part",
    level="error",
    why="Some readers only see this part, and spam filters compare it with the HTML.",
    source="RFC 2046, 5.1.4",
    example_of="text",
    fails=f"{_LEAVE}\nWeekly\n12 Example Street",
    passes=_GOOD_TEXT,
)
def text_part(mail: LintedMail) -> Iterator[Finding]:
    """Require a text part of at least 80 characters."""
    if len(mail.text.strip()) < _SHORT_TEXT:
        yield error(
            text_part.name,
            "text",
            "the text part is missing or nearly empty",
            "Write the mail's .txt template.",
        )


def spam_score(score: float, tests: Sequence[str]) -> Iterator[Finding]:
    """Warn of a mail with points, forbid one with five or more; *tests* names what counted."""
    if score <= 0:
        return
    make = error if score >= _SPAM_POINTS else warning
    yield make(
        "spam-score",
        "html",
        f"SpamAssassin gives it {score:g} points: {'; '.join(tests) or 'it does not say why'}",
        "Fix what it names.",
    )
