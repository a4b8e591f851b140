"""A rendered mail, as a value apart from the libraries that render it."""

from __future__ import annotations

from dataclasses import dataclass

from digest.render.lint import Finding


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A mail as it will be sent, with reader tags in place of the personal parts."""

    subject: str
    html: str
    text: str
    findings: tuple[Finding, ...] = ()  #: of its templates; empty unless they were checked
