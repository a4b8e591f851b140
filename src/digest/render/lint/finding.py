"""What a rule is: the mail it gets, the findings it returns, and the words that explain it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from digest.render.lint.html_reader import HtmlDocument, read_html

Place = Literal["subject", "preheader", "html", "text", "mjml"]
#: What an example is: a whole part of a good mail, or a piece that is put into one. "html" goes
#: into the body of the HTML part, which "mail" is as a whole; "mjml", "head" and "body" go into a
#: column, the head and the body of a good MJML template.
ExampleOf = Literal["html", "mail", "text", "subject", "preheader", "mjml", "head", "body"]
Checked = TypeVar("Checked")
Fault = TypeVar("Fault")


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

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict of plain values."""
        return asdict(self)


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


@dataclass(frozen=True, kw_only=True)
class RuleText:
    """The words that explain a rule, of which ``docs/checks.md`` is made; decorates a check."""

    name: str
    level: str  #: "error", "warning", or when it is which
    why: str
    source: str = ""  #: of the facts; empty where *why* is a judgement
    example_of: ExampleOf
    fails: str
    passes: str

    def __call__(self, check: Callable[[Checked], Iterator[Fault]]) -> LintRule[Checked, Fault]:
        """Return the rule that *check* applies."""
        return LintRule(self, check)


@dataclass(frozen=True)
class LintRule(Generic[Checked, Fault]):
    """A rule: its text, and its check, whose docstring says what the rule looks for."""

    text: RuleText
    check: Callable[[Checked], Iterator[Fault]]

    @property
    def name(self) -> str:
        """Return the name that findings bear and `digest approve --despite` takes."""
        return self.text.name

    def __call__(self, checked: Checked) -> Iterator[Fault]:
        """Yield the faults of a mail or of parsed MJML."""
        return self.check(checked)
