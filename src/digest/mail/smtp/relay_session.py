"""Hides how one mail after the other goes over a connection, and what is certain when it ends.

`smtplib` knows no pipelining (RFC 2920), so the commands of a mail are written and read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from digest.mail.smtp.relay_connection import Deadline, RelayAddress, fault_words, opened
from digest.mail.smtp.relay_replies import (
    CLOSING,
    GO_ON,
    UNREADABLE,
    MailStep,
    MailVerdict,
    Reply,
    final_verdict,
    verdict,
)
from digest.mail.transport import Halted, InDoubt, NotSent

MOST_MAILS = 100  #: on one connection, where the relay names no limit; the large ones take as many
ALIVE_SECONDS = 10.0  #: that a kept connection may take to answer before another is opened
EARLY_SECONDS = 1.0  #: that a reply may take which came before the mail was complete
_STEPS = (MailStep.SENDER, MailStep.RECIPIENT, MailStep.DATA)
_END = b".\r\n"


class OutgoingMail(NamedTuple):
    """One mail with its envelope; its content ends with a line end, no line begins with a dot."""

    sender: str  #: where its bounces go
    recipient: str
    content: bytes
    id: str = ""  #: that a delivery status notification repeats (RFC 3461, ENVID)


class RelaySession:
    """An open connection to a relay, logged in; used by one thread at a time."""

    def __init__(self, relay: RelayAddress, deadline: Deadline) -> None:
        self.sent = 0  #: mails begun on this connection
        self.is_usable = True  #: whether another mail may follow
        self.idle_since = 0.0
        self._in_mail = False  #: whether a mail was begun and not ended
        self._smtp = opened(relay, deadline)

    @property
    def features(self) -> dict[str, str]:
        """What the relay offers, by keyword in lower case, each with its parameters."""
        return self._smtp.esmtp_features

    @property
    def is_full(self) -> bool:
        """Whether the connection has had the mails that a relay takes, or names (RFC 9422)."""
        limits = self.features.get("limits", "").upper()
        stated = re.search(r"\bMAILMAX=([1-9][0-9]{0,5})\b", limits)
        return self.sent >= (int(stated[1]) if stated else MOST_MAILS)

    @property
    def most_bytes(self) -> int | None:
        """How large a mail the relay takes, where it says so (RFC 1870)."""
        size = self.features.get("size", "")
        return int(size) if size.isdecimal() and int(size) else None

    def hand_over(self, mail: OutgoingMail, deadline: Deadline) -> MailVerdict:
        """Hand one mail over, and return what became of it.

        Until the line with the dot that ends it is written, the mail is certainly not sent, however
        the connection ends: a relay has to drop a mail without an end (RFC 5321, section 4.1.1.10).
        """
        self._smtp.deadline = deadline
        self.sent += 1
        if self.most_bytes is not None and len(mail.content) > self.most_bytes:
            says = f"the mail has {len(mail.content):,} bytes; the relay takes {self.most_bytes:,}"
            return MailVerdict(Halted(detail=says))
        try:
            refusal = self._envelope(mail)
            if refusal is not None:
                return refusal
        except OSError as fault:
            self.is_usable = False
            return MailVerdict(
                NotSent(detail=f"the relay was lost before the mail ({fault_words(fault)})")
            )
        try:
            self._smtp.write(mail.content + _END)
        except OSError as fault:
            self.is_usable = False
            return self._early(mail) or MailVerdict(
                NotSent(detail=f"the mail was cut off ({fault_words(fault)})")
            )
        return self._end(mail)

    def try_out(self, mail: OutgoingMail, deadline: Deadline) -> MailVerdict | None:
        """Have sender and recipient judged, and send nothing; ``None`` where both are taken."""
        self._smtp.deadline = deadline
        try:
            for step, command in list(self._commands(mail))[:-1]:
                said = self._ask(step, command, mail)
                if said is not None:
                    return said
            self._smtp.write(b"RSET\r\n")
            self._smtp.reply()
        except OSError as fault:
            return MailVerdict(NotSent(detail=f"the relay was lost ({fault_words(fault)})"))
        return None

    def is_alive(self, deadline: Deadline) -> bool:
        """Return whether the relay answers in a moment; this also ends a mail that was begun."""
        try:
            self._smtp.deadline = Deadline(min(deadline.remaining(), ALIVE_SECONDS))
            self._smtp.write(b"RSET\r\n")
            self.is_usable = self._smtp.reply().is_positive
        except OSError:
            self.is_usable = False
        self._in_mail = False
        return self.is_usable

    def quit(self) -> None:
        """Take leave and close, without waiting for the relay."""
        with suppress(OSError):
            self._smtp.deadline = Deadline(EARLY_SECONDS)
            self._smtp.write(b"QUIT\r\n")
        self.close()

    def close(self) -> None:
        """Close the connection at once."""
        self.is_usable = False
        self._smtp.close()

    def _envelope(self, mail: OutgoingMail) -> MailVerdict | None:
        """Name sender and recipient, and ask to write; return why the mail may not be written."""
        commands = list(self._commands(mail))
        self._in_mail = True
        if "pipelining" not in self.features:
            for step, command in commands:
                said = self._ask(step, command, mail)
                if said is not None:
                    return said
            return None
        self._smtp.write(b"".join(command for _, command in commands))
        return self._first_refusal([step for step, _ in commands], mail)

    def _first_refusal(self, steps: Sequence[MailStep], mail: OutgoingMail) -> MailVerdict | None:
        """Read the replies to commands sent together; a refusal stands, whatever follows it."""
        refusal = None
        for step in steps:
            try:
                reply = self._smtp.reply()
            except OSError:
                if refusal is None:
                    raise
                self.is_usable = False
                return refusal
            refusal = refusal or verdict(step, reply, mail.recipient)
            self._note(reply)
            if refusal and not self.is_usable:  # a relay that closes answers nothing more
                return refusal
        if refusal and reply.code == GO_ON:  # it waits for a mail to nobody
            self.is_usable = False
        return refusal

    def _commands(self, mail: OutgoingMail) -> Sequence[tuple[MailStep, bytes]]:
        sender, recipient = f"MAIL FROM:<{mail.sender}>", f"RCPT TO:<{mail.recipient}>"
        if "size" in self.features:
            sender += f" SIZE={len(mail.content)}"
        if "dsn" in self.features:
            sender += f" RET=HDRS ENVID={_xtext(mail.id)}" if mail.id else " RET=HDRS"
            recipient += f" NOTIFY=FAILURE ORCPT=rfc822;{_xtext(mail.recipient)}"
        lines = zip(_STEPS, (sender, recipient, "DATA"), strict=True)
        commands = [(step, f"{line}\r\n".encode("ascii")) for step, line in lines]
        return [(MailStep.RESET, b"RSET\r\n"), *commands] if self._in_mail else commands

    def _ask(self, step: MailStep, command: bytes, mail: OutgoingMail) -> MailVerdict | None:
        self._smtp.write(command)
        return self._judge(step, self._smtp.reply(), mail)

    def _judge(self, step: MailStep, reply: Reply, mail: OutgoingMail) -> MailVerdict | None:
        self._note(reply)
        return verdict(step, reply, mail.recipient)

    def _note(self, reply: Reply) -> None:
        if reply.code in {CLOSING, UNREADABLE}:
            self.is_usable = False

    def _early(self, mail: OutgoingMail) -> MailVerdict | None:
        """Return what a reply says that came before the mail was complete, if there is one."""
        with suppress(OSError):
            self._smtp.deadline = Deadline(EARLY_SECONDS)
            reply = self._smtp.reply()
            if not reply.is_positive and reply.code > 0:
                return final_verdict(reply, mail.recipient)
        return None

    def _end(self, mail: OutgoingMail) -> MailVerdict:
        try:
            reply = self._smtp.reply()
        except OSError as fault:
            self.is_usable = False
            return MailVerdict(InDoubt(detail=f"no answer to the mail ({fault_words(fault)})"))
        self._in_mail = False
        self._note(reply)
        return final_verdict(reply, mail.recipient)


def _xtext(text: str) -> str:
    """Return a text as RFC 3461 writes it in parameters."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)
