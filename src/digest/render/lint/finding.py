"""What a rule says of a mail, and what it is given to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from digest.render.lint.html_reader import HtmlDocument, read_html

Place = Literal["subject", "preheader", "html", "text", "mjml"]


class Severity(StrEnum):
    """What a finding means for the mail."""

    ERROR = "error"  #: it must not go out like this
    WARNING = "warning"  #: a person should look


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing wrong with a mail: where, what, and how to mend it."""

    rule: str
    severity: Severity
    place: Place
    message: str
    mend: str
    line: int | None = None  #: of the place, or of *file*, from 1
    column: int | None = None  #: from 1
    file: str = ""  #: the template, where the fault is in one
    words: str = ""  #: the offending ones, as they stand there

    def __str__(self) -> str:
        """Return the finding on one line."""
        parts = (self.file or self.place, self.line, self.column)
        where = ":".join(str(part) for part in parts if part)
        return f"{self.severity}: {where}: {self.message} ({self.rule}). {self.mend}"


@dataclass(frozen=True, kw_only=True)
class LintedMail:
    """A mail as it would be frozen, with the terms it has to keep."""

    subject: str
    preheader: str
    html: str
    text: str
    unsubscribe_url: str  #: with the reader's tag
    tags: tuple[str, ...]  #: every tag a reader's part may be put in for
    postal_address: str
    tracked: bool = True  #: whether the provider may rewrite links

    @cached_property
    def markup(self) -> HtmlDocument:
        """The HTML, read."""
        return read_html(self.html)


def error(rule: str, place: Place, message: str, mend: str, *, line: int | None = None) -> Finding:
    """Make a finding that forbids sending."""
    return Finding(
        rule=rule, severity=Severity.ERROR, place=place, message=message, mend=mend, line=line
    )


def warning(
    rule: str, place: Place, message: str, mend: str, *, line: int | None = None
) -> Finding:
    """Make a finding a person should look at."""
    return Finding(
        rule=rule, severity=Severity.WARNING, place=place, message=message, mend=mend, line=line
    )
