"""Define every error a caller may want to catch, in one hierarchy.

A class's docstring is its message where none is given.

DigestError
├── BadSetting                 a setting is missing, wrong or unsafe
├── DatabaseUnfit              the database can't be used as it is
│   └── PackageMissing         PostgreSQL needs a package that isn't installed
├── ComparisonUnreadable       a page or JSON file can't be read as a comparison
├── NotFound                   no such comparison, issue, batch, newsletter
│   └── ComparisonWithdrawn    the editors took the comparison back
├── NothingToPick              no comparison is left for this issue
├── TemplateBroken             a template can't be rendered
├── MailUnfit                  a check forbids this mail
├── IssueFrozen                a frozen issue can't be changed
├── WrongState                 the issue or batch isn't in a state that allows this
│   └── NotApproved            nobody has approved the issue as it is now
├── SpoolFull                  the event spool takes no more for now
└── BadSignature               an event webhook request isn't signed by the provider
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class FieldFault(NamedTuple):
    """What is wrong with one field of a JSON text."""

    location: tuple[int | str, ...]  #: keys and indexes, from the outside in
    message: str  #: "must be a number"
    line: int  #: from 1


class DigestError(Exception):
    """Digest can't do what was asked."""

    next_step: str | None = None

    def __init__(self, message: str | None = None, *, next_step: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        if next_step is not None:
            self.next_step = next_step


class BadSetting(DigestError):
    """A setting is missing, wrong or unsafe."""


class DatabaseUnfit(DigestError):
    """The database can't be used as it is."""


class PackageMissing(DatabaseUnfit):
    """PostgreSQL needs a package that isn't installed."""

    next_step = 'pip install "digest-engine[postgres]"'


class ComparisonUnreadable(DigestError):
    """The text isn't readable as a comparison.

    *line* counts from 1 and is ``None`` when the fault has no one place; *source* names the file,
    and *fields* has each fault of one that is read by keys.
    """

    def __init__(
        self,
        reason: str,
        *,
        line: int | None = None,
        source: str = "",
        fields: Sequence[FieldFault] = (),
    ) -> None:
        where = ":".join(part for part in (source, str(line) if line else "") if part)
        super().__init__(f"{where}: {reason}" if where else reason)
        self.reason, self.line, self.source = reason, line, source
        self.fields = tuple(fields)


class NotFound(DigestError):
    """There is nothing with that name."""


class ComparisonWithdrawn(NotFound):
    """The editors took the comparison back."""


class NothingToPick(DigestError):
    """No comparison is left to feature."""


class TemplateBroken(DigestError):
    """A template can't be rendered."""


class MailUnfit(DigestError):
    """A check blocks this mail."""


class IssueFrozen(DigestError):
    """A frozen issue can't be changed."""


class WrongState(DigestError):
    """The current state doesn't allow this."""


class NotApproved(WrongState):
    """Nobody has approved the issue as it is now."""


class SpoolFull(DigestError):
    """The event spool is full for now."""


class BadSignature(DigestError):
    """The request isn't signed by the provider."""
