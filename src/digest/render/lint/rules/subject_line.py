"""Rules about the two lines that a mailbox lists: subject and preheader."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from digest.render.graphemes import graphemes
from digest.render.lint.finding import Finding, LintedMail, Place, error, warning

SUBJECT_FITS, SUBJECT_MOST = 70, 150  # characters
PREHEADER_LEAST, PREHEADER_MOST = 40, 100
_ANSWER = re.compile(r"(?:re|fwd?|aw|wg)\s*:", re.IGNORECASE)


def subject_length(copy: LintedMail) -> Iterator[Finding]:
    """Require a subject of at most `SUBJECT_MOST` characters, and warn of a long one."""
    length = sum(1 for _ in graphemes(copy.subject))
    if not copy.subject.strip():
        yield error("subject-length", "subject", "there is no subject", "Give the issue one.")
    elif length > SUBJECT_MOST:
        message = f"the subject has {length} characters; {SUBJECT_MOST} at most"
        yield error("subject-length", "subject", message, "Shorten it.")
    elif length > SUBJECT_FITS:
        message = f"the subject has {length} characters; phones show about 40, screens about 70"
        yield warning("subject-length", "subject", message, "Shorten it.")


def subject_controls(copy: LintedMail) -> Iterator[Finding]:
    """Forbid controls, line separators and bidirectional controls."""
    lines: tuple[tuple[Place, str], ...] = (
        ("subject", copy.subject),
        ("preheader", copy.preheader),
    )
    for place, line in lines:
        for char in line:
            if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} or _is_bidi_control(char):
                name = unicodedata.name(char, "a control character")
                message = f"it holds U+{ord(char):04X}, {name.lower()}"
                yield error("subject-controls", place, message, "Take the character out.")
                break


def honest_subject(copy: LintedMail) -> Iterator[Finding]:
    """Forbid a subject that imitates a reply or a forwarded mail."""
    if _ANSWER.match(copy.subject):
        yield error(
            "honest-subject",
            "subject",
            "the subject poses as an answer or a forward",
            "Begin with something else than Re: or Fwd:.",
        )


def preheader_length(copy: LintedMail) -> Iterator[Finding]:
    """Warn of a preheader shorter or longer than the line that mailboxes show."""
    length = sum(1 for _ in graphemes(copy.preheader))
    if not PREHEADER_LEAST <= length <= PREHEADER_MOST:
        yield warning(
            "preheader-length",
            "preheader",
            f"the preheader has {length} character{'s' * (length != 1)}",
            f"{PREHEADER_LEAST} to {PREHEADER_MOST} fill the line mailboxes show.",
        )


def _is_bidi_control(char: str) -> bool:
    return unicodedata.bidirectional(char) in {
        *("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"),
    }
