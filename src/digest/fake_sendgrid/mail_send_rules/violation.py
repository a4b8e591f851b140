"""One rule violation: the form in which the provider refuses a body."""

from __future__ import annotations

from typing import NamedTuple

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."


class RuleViolation(NamedTuple):
    """A violation in the provider's form; places in *field* count from 0, as sent."""

    message: str
    field: str | None
    help: str | None = None


#: The whole answer of SendGrid to a value that should have been text.
CRYPTIC = RuleViolation("Bad Request", None)


def about(field: str, message: str, topic: str | None = None) -> RuleViolation:
    """Return a violation of *field*; *topic* is its anchor on the provider's help page."""
    return RuleViolation(message, field, HELP + (topic or field))
