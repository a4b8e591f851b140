"""Rules about the two lines that a mailbox lists: subject and preheader."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from digest.render.graphemes import graphemes
from digest.render.lint.finding import Finding, LintedMail, Place, RuleText, error, warning

SUBJECT_FITS, SUBJECT_MOST = 70, 150  # characters
PREHEADER_LEAST, PREHEADER_MOST = 40, 100
_ANSWER = re.compile(r"(?:re|fwd?|aw|wg)\s*:", re.IGNORECASE)


@RuleText(
    name="subject-length",
    level=f"error for none, or beyond {SUBJECT_MOST} characters; warning beyond {SUBJECT_FITS}",
    why="Phones show about 40 characters, larger screens about 70.",
    example_of="subject",
    fails="Which of the two would you build on, now that both have been with us for a month?",
    passes="Lathe leads Mortar, 100% to 50%",
)
def subject_length(mail: LintedMail) -> Iterator[Finding]:
    """Require a subject that is shown in full."""
    length = sum(1 for _ in graphemes(mail.subject))
    if not mail.subject.strip():
        yield error(
            subject_length.name, "subject", "there is no subject", "Give the issue a subject."
        )
    elif length > SUBJECT_MOST:
        message = f"the subject has {length} characters; {SUBJECT_MOST} at most"
        yield error(subject_length.name, "subject", message, "Shorten it.")
    elif length > SUBJECT_FITS:
        message = f"the subject has {length} characters; phones show about 40, screens about 70"
        yield warning(subject_length.name, "subject", message, "Shorten it.")


@RuleText(
    name="subject-controls",
    level="error",
    why="A line end would start another header, and reversed text hides what a subject says.",
    source="RFC 5322, 2.2; Unicode Standard Annex 9",
    example_of="subject",
    fails="Lathe\u202e rates",
    passes="Lathe rates",
)
def subject_controls(mail: LintedMail) -> Iterator[Finding]:
    """Forbid line ends, controls and characters that turn the direction of text."""
    lines: tuple[tuple[Place, str], ...] = (
        ("subject", mail.subject),
        ("preheader", mail.preheader),
    )
    for place, line in lines:
        for char in line:
            if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} or _is_bidi_control(char):
                name = unicodedata.name(char, "a control character")
                message = f"it holds U+{ord(char):04X}, {name.lower()}"
                yield error(subject_controls.name, place, message, "Remove the character.")
                break


@RuleText(
    name="honest-subject",
    level="error",
    why="The law forbids misleading subjects, and mailboxes report them.",
    source="15 U.S.C. 7704 (a) (2) (CAN-SPAM)",
    example_of="subject",
    fails="Re: your order",
    passes="Your order of reading",
)
def honest_subject(mail: LintedMail) -> Iterator[Finding]:
    """Forbid a subject that poses as an answer or a forwarded mail."""
    if _ANSWER.match(mail.subject):
        yield error(
            honest_subject.name,
            "subject",
            "the subject pretends to be a reply or a forward",
            "Don't start with Re: or Fwd:.",
        )


@RuleText(
    name="preheader-length",
    level="warning",
    why="Mailboxes show it after the subject, and fill up a short one with the text that follows.",
    example_of="preheader",
    fails="Two tools.",
    passes="Also: Lathe vs Mortar, Tidemark SQL vs Brook, and three more",
)
def preheader_length(mail: LintedMail) -> Iterator[Finding]:
    """Warn of a preheader outside of 40 to 100 characters."""
    length = sum(1 for _ in graphemes(mail.preheader))
    if not PREHEADER_LEAST <= length <= PREHEADER_MOST:
        yield warning(
            preheader_length.name,
            "preheader",
            f"the preheader has {length} character{'s' * (length != 1)}",
            f"{PREHEADER_LEAST} to {PREHEADER_MOST} characters fill the line that mailboxes show.",
        )


def _is_bidi_control(char: str) -> bool:
    return unicodedata.bidirectional(char) in {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
    }
