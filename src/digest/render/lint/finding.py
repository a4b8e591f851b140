"""What a rule gets and what it returns: the mail to check, and findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from digest.render.lint.html_reader import HtmlDocument, read_html

Place = Literal["subject", "preheader", "html", "text", "mjml"]


class Severity(StrEnum):
    """The consequence of a finding for the mail."""

    ERROR = "error"  #: the mail must not be sent
    WARNING = "warning"  #: a person should look at it


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of a mail: its place, its message, and how to mend it."""

    rule: str
    severity: Severity
    place: Place
    message: str
    mend: str
    line: int | None = None  #: of the place, or of *file*, from 1
    column: int | None = None  #: from 1
    file: str = ""  #: the template, where the fault is in one
    words: str = ""  #: the offending text, as it stands there

    def __str__(self) -> str:
        """Return the finding on one line."""
        parts = (self.file or self.place, self.line, self.column)
        where = ":".join(str(part) for part in parts if part)
        return f"{self.severity}: {where}: {self.message} ({self.rule}). {self.mend}"


@dataclass(frozen=True, kw_only=True)
class LintedMail:
    """A mail as it would be frozen, with what the checks compare it to."""

    subject: str
    preheader: str
    html: str
    text: str
    unsubscribe_url: str  #: with the reader's tag
    tags: tuple[str, ...]  #: every reader tag that is replaced for each recipient
    postal_address: str
    tracked: bool = True  #: whether the provider may rewrite links

    @cached_property
    def markup(self) -> HtmlDocument:
        """Return the parsed HTML."""
        return read_html(self.html)


def error(rule: str, place: Place, message: str, mend: str, *, line: int | None = None) -> Finding:
    """Return a finding that forbids sending."""
    return Finding(
        rule=rule, severity=Severity.ERROR, place=place, message=message, mend=mend, line=line
    )


def warning(
    rule: str, place: Place, message: str, mend: str, *, line: int | None = None
) -> Finding:
    """Return a finding that a person should look at."""
    return Finding(
        rule=rule, severity=Severity.WARNING, place=place, message=message, mend=mend, line=line
    )
