"""Decides what a report's status code says: the address is dead, or only this mail didn't arrive.

The codes are those of RFC 3463 and of IANA's registry of enhanced status codes. An address is
suppressed only for a code that is about the address and lasts; where a code can also mean the
sender, the mail or the mailbox's owner, the address stays. The causes are worded as SendGrid words
its own, so that reports read alike.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from digest.mail.provider_events import EventKind

_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")

TEMPORARY, PERMANENT = 4, 5  #: the first digits of failures that may pass, and that last

INVALID = "Invalid Address"
UNAVAILABLE = "Mailbox Unavailable"
TECHNICAL = "Technical"
CONTENT = "Content"
REPUTATION = "Reputation"
UNCLASSIFIED = "Unclassified"

#: By subject and detail of a permanent failure: whether the address is dead, and the cause.
_DETAILS = {
    (1, 7): (False, TECHNICAL),  # the sender's address has no valid syntax
    (1, 8): (False, TECHNICAL),  # the sender's domain doesn't exist
    (1, 9): (False, TECHNICAL),  # relayed to a system that isn't compliant (RFC 3886)
    (2, 1): (True, UNAVAILABLE),  # the mailbox is disabled, and isn't accepting mail
    (3, 4): (False, CONTENT),  # the mail is too large for the system
}
#: By subject alone, for every other detail.
_SUBJECTS = {
    1: (True, INVALID),  # addressing: no such mailbox, no such domain, moved, bad syntax
    2: (False, UNAVAILABLE),  # mailbox: full, or the mail is too long for it
    3: (False, TECHNICAL),  # mail system: full, or it doesn't take mail
    4: (False, TECHNICAL),  # network and routing: no answer, no route, a loop, expired
    5: (False, TECHNICAL),  # protocol
    6: (False, CONTENT),  # content and media
    7: (False, REPUTATION),  # security and policy
}


class StatusCode(NamedTuple):
    """An enhanced status code: class, subject and detail (RFC 3463, section 2)."""

    family: int  #: 2 success, 4 persistent transient failure, 5 permanent failure
    subject: int
    detail: int

    @property
    def is_vague(self) -> bool:
        """Whether it says no more than that mail failed or didn't."""
        return (self.subject, self.detail) == (0, 0)


def status_in(text: str) -> StatusCode | None:
    """Return the first enhanced status code in a text; ``None`` if there is none."""
    match = _CODE.search(text)
    return StatusCode(*(int(part) for part in match.groups())) if match else None


def failure_of(code: StatusCode | None) -> tuple[EventKind, str]:
    """Return the kind and the cause of a failure that a report calls final."""
    if code is None:
        return EventKind.BLOCKED, UNCLASSIFIED
    dead, cause = _DETAILS.get(code[1:]) or _SUBJECTS.get(code.subject, (False, UNCLASSIFIED))
    return (EventKind.BOUNCED if dead and code.family == PERMANENT else EventKind.BLOCKED), cause
