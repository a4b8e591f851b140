"""Decides what a relay's reply to each step of a mail means (RFC 5321, and codes of RFC 3463).

A reply to the mail's end decides alone; every earlier refusal is certain, since the mail's end was
never written.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from digest.mail.redaction import redact
from digest.mail.transport import Accepted, Halted, InDoubt, NotSent, Refused, SingleAnswer

MAX_DETAIL = 300  #: characters kept of a relay's text
PUT_OFF_SECONDS = 600.0  #: until a recipient who was put off is tried again; greylists ask for less
UNREADABLE = -1  #: the code of a reply that has none
CLOSING = 421  #: the relay closes the connection
GO_ON = 354  #: the mail may be written
READY = 220  #: the greeting, and the answer to STARTTLS
_POSITIVE, _FOR_NOW, _FOR_GOOD = range(200, 300), range(400, 500), range(500, 600)
NEEDS_TLS_OR_AUTH = (530, 534, 535, 538)
_ENHANCED = re.compile(r"\s*[245]\.([0-9]{1,3})\.([0-9]{1,3})\b", re.ASCII)
_ADDRESS, _MAILBOX, _SYSTEM = "1", "2", "3"  #: subjects of RFC 3463
_TOO_LARGE = {("3", "4"), ("2", "3")}  #: subject and detail


class MailStep(StrEnum):
    """The steps of handing one mail over, each with a reply of its own."""

    RESET = "RSET"
    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    END = "the mail"


class Reply(NamedTuple):
    """A relay's reply; the code is -1 where it can't be read."""

    code: int
    text: str

    @property
    def is_positive(self) -> bool:
        """Return whether a command was carried out."""
        return self.code in _POSITIVE

    @property
    def is_final(self) -> bool:
        """Return whether another try can't help."""
        return self.code in _FOR_GOOD

    @property
    def subject(self) -> str:
        """Return the subject of the enhanced code, such as "7" of 5.7.1; empty without one."""
        match = _ENHANCED.match(self.text)
        return match[1] if match else ""

    def is_too_large(self) -> bool:
        """Return whether the mail is larger than the relay takes."""
        match = _ENHANCED.match(self.text)
        return match is not None and match.groups() in _TOO_LARGE


class MailVerdict(NamedTuple):
    """What a reply means for one mail."""

    answer: SingleAnswer
    about_mail: bool = False  #: whether the refusal may be about the mail, not about its recipient


def verdict(step: MailStep, reply: Reply, address: str) -> MailVerdict | None:
    """Return what the reply to a command means; ``None`` where the next step may follow.

    *address* is the recipient's, which the text kept of the reply doesn't contain.
    """
    goes_on = reply.code == GO_ON if step is MailStep.DATA else reply.is_positive
    return None if goes_on else _refusal(step, reply, _said(reply, address))


def final_verdict(reply: Reply, address: str) -> MailVerdict:
    """Return what the reply to a whole mail means; *address* as for `verdict`."""
    said = _said(reply, address)
    if reply.is_positive:
        return MailVerdict(Accepted(status=reply.code))
    if reply.code in _FOR_NOW or reply.code in _FOR_GOOD:
        return _refusal(MailStep.END, reply, said)
    return MailVerdict(InDoubt(status=reply.code, detail=f"the mail was answered {said}"))


def _said(reply: Reply, address: str) -> str:
    return f"{reply.code} {redact(' '.join(reply.text.split())[:MAX_DETAIL], address)}"


def _refusal(step: MailStep, reply: Reply, said: str) -> MailVerdict:
    if reply.code in _FOR_GOOD:
        return _for_good(step, reply, said)
    if reply.code in _FOR_NOW:
        return MailVerdict(_for_now(step, reply, said))
    return MailVerdict(NotSent(status=reply.code, detail=f"{step} was answered {said}"))


def _for_now(step: MailStep, reply: Reply, said: str) -> NotSent:
    """Return the answer for a reply of 4yz: about the recipient where it seems to be theirs."""
    of_recipient = step is MailStep.RECIPIENT and reply.subject != _SYSTEM
    of_recipient |= step is MailStep.END and reply.subject in {_ADDRESS, _MAILBOX}
    if of_recipient and reply.code != CLOSING:
        return NotSent(status=reply.code, detail=said, wait=PUT_OFF_SECONDS, about_recipient=True)
    return NotSent(status=reply.code, detail=f"the relay put the mail off: {said}")


def _for_good(step: MailStep, reply: Reply, said: str) -> MailVerdict:
    """Return the verdict on a reply of 5yz."""
    if reply.code in NEEDS_TLS_OR_AUTH:
        why = f"the relay wants another user, password or security: {said}"
        return MailVerdict(Halted(status=reply.code, detail=why))
    if step is not MailStep.RECIPIENT and reply.is_too_large():
        return MailVerdict(Halted(status=reply.code, detail=f"the mail is too large: {said}"))
    if step in {MailStep.RESET, MailStep.SENDER}:
        return MailVerdict(
            Halted(status=reply.code, detail=f"the relay refuses the sender: {said}")
        )
    about_mail = reply.subject not in {_ADDRESS, _MAILBOX}
    return MailVerdict(Refused(status=reply.code, detail=said), about_mail=about_mail)
