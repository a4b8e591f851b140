"""One reason to refuse a body."""

from __future__ import annotations

from typing import NamedTuple

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."


class RuleViolation(NamedTuple):
    """A refusal in the provider's form; *field* counts from 0 in the order that was sent."""

    message: str
    field: str | None
    help: str | None = None


#: What SendGrid says about a value that should have been text, and no more than that.
CRYPTIC = RuleViolation("Bad Request", None)


def about(field: str, message: str, topic: str | None = None) -> RuleViolation:
    """Name a field; *topic* is its place on the provider's help page, the field by default."""
    return RuleViolation(message, field, HELP + (topic or field))
