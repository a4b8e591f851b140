"""Hides one connection to a relay: how it is opened, and how one mail after the other goes over it.

`smtplib` connects, greets, encrypts and logs in. It knows no pipelining (RFC 2920) and no limit on
the whole of a reply, so the commands of a mail are written and read here.
"""

from __future__ import annotations

import io
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from digest.errors import DigestError
from digest.mail.smtp.relay_replies import (
    CLOSING,
    GO_ON,
    READY,
    UNREADABLE,
    MailStep,
    MailVerdict,
    Reply,
    final_verdict,
    verdict,
)
from digest.mail.transport import Halted, InDoubt, NotSent

MAX_REPLY = 64 * 1024  #: bytes of one reply, however many lines it has
CHUNK = 256 * 1024  #: bytes written at once
CONNECT_SECONDS = 30.0
MOST_MAILS = 100  #: on one connection, where the relay names no limit; the large ones take as many
EARLY_SECONDS = 1.0  #: that a reply may take which came before the mail was complete
_STEPS = (MailStep.SENDER, MailStep.RECIPIENT, MailStep.DATA)
_END = b".\r\n"


class RelaySecurity(StrEnum):
    """How a connection to the relay is encrypted."""

    STARTTLS = "starttls"  #: from the first moment after the greeting, or not at all
    TLS = "tls"  #: from the first byte
    NONE = "none"  #: for a relay on this machine, or on a network of one's own


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of this system, created once: it takes longer than a mail."""
    return ssl.create_default_context()


@dataclass(frozen=True, kw_only=True)
class RelayAddress:
    """A relay, and how to log in to it."""

    host: str
    port: int
    security: RelaySecurity
    user: str = ""
    password: str = ""
    name: str = "localhost"  #: by which this machine greets
    tls: Callable[[], ssl.SSLContext] = tls_context  #: which certificates are trusted

    def __repr__(self) -> str:
        """Return host and port, never the password."""
        return f"RelayAddress({self.host}:{self.port})"


class CannotOpen(DigestError):
    """A connection can't be opened; *answer* says whether another try can help."""

    def __init__(self, answer: NotSent | Halted) -> None:
        super().__init__(answer.detail)
        self.answer = answer


class OutgoingMail(NamedTuple):
    """One mail with its envelope; its content ends with a line end, no line begins with a dot."""

    sender: str  #: where its bounces go
    recipient: str
    content: bytes
    id: str = ""  #: that a delivery status notification repeats (RFC 3461, ENVID)


class Deadline:
    """The moment by which a request has to end; its clock runs on while the machine sleeps."""

    def __init__(self, seconds: float) -> None:
        self._end = _now() + seconds

    def remaining(self) -> float:
        """Return the seconds left; raise `TimeoutError` when none are."""
        left = self._end - _now()
        if left <= 0:
            raise TimeoutError("the time limit for one request is over")
        return left

    @property
    def is_over(self) -> bool:
        """Whether no time is left."""
        return self._end <= _now()


class RelaySession:
    """An open connection to a relay, logged in; used by one thread at a time."""

    def __init__(self, relay: RelayAddress, deadline: Deadline) -> None:
        self.sent = 0  #: mails begun on this connection
        self.is_usable = True  #: whether another mail may follow
        self.idle_since = 0.0
        self._in_mail = False  #: whether a mail was begun and not ended
        self._smtp = _opened(relay, deadline)

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
                NotSent(detail=f"the relay was lost before the mail ({_words(fault)})")
            )
        try:
            self._smtp.write(mail.content + _END)
        except OSError as fault:
            self.is_usable = False
            return self._early(mail) or MailVerdict(
                NotSent(detail=f"the mail was cut off ({_words(fault)})")
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
            return MailVerdict(NotSent(detail=f"the relay was lost ({_words(fault)})"))
        return None

    def is_alive(self, deadline: Deadline) -> bool:
        """Return whether the relay still answers; this also ends a mail that was begun."""
        self._smtp.deadline = deadline
        try:
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
        replies = [(step, self._smtp.reply()) for step, _ in commands]
        for step, reply in replies:
            said = self._judge(step, reply, mail)
            if said is not None:
                if replies[-1][1].code == GO_ON:  # it waits for a mail to nobody
                    self.is_usable = False
                return said
        return None

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
            return MailVerdict(InDoubt(detail=f"no answer to the mail ({_words(fault)})"))
        self._in_mail = False
        self._note(reply)
        return final_verdict(reply, mail.recipient)


class _TimedSMTP(smtplib.SMTP):
    """smtplib's client, whose every wait ends with the deadline, however slowly replies drip."""

    def __init__(self, relay: RelayAddress, deadline: Deadline) -> None:
        self.deadline = deadline
        self._tls = relay.tls() if relay.security is RelaySecurity.TLS else None
        super().__init__(local_hostname=relay.name, timeout=deadline.remaining())
        self._host = relay.host  # which the certificate has to name

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._tls.wrap_socket(sock, server_hostname=host) if self._tls else sock

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply within the deadline."""
        if self.file is None:
            self.file = io.BufferedReader(_TimedReader(self))
        self._read = 0
        return super().getreply()

    def reply(self) -> Reply:
        """Read one reply; raise `OSError` where the connection ends first."""
        code, text = self.getreply()
        return Reply(code, text.decode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """Write all of *data*; raise `OSError` unless all of it was taken by the system."""
        if self.sock is None:
            raise ConnectionAbortedError(0, "the connection is closed")
        view = memoryview(data)
        for start in range(0, len(view), CHUNK):
            self.sock.settimeout(self.deadline.remaining())
            self.sock.sendall(view[start : start + CHUNK])

    def received(self, size: int) -> None:
        """Count the bytes of a reply; raise `OSError` for one without end."""
        self._read += size
        if size == 0:
            raise ConnectionAbortedError(0, "the relay closed the connection")
        if self._read > MAX_REPLY:
            raise ConnectionAbortedError(0, "the relay's reply has no end")


class _TimedReader(io.RawIOBase):
    def __init__(self, smtp: _TimedSMTP) -> None:
        self._smtp = smtp

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        sock = self._smtp.sock
        if sock is None:
            raise ConnectionAbortedError(0, "the connection is closed")
        sock.settimeout(self._smtp.deadline.remaining())
        size = int(sock.recv_into(buffer))
        self._smtp.received(size)
        return size


def _opened(relay: RelayAddress, deadline: Deadline) -> _TimedSMTP:
    """Return a connection that is ready for a mail; raise `CannotOpen`."""
    smtp = _TimedSMTP(relay, deadline)
    smtp.timeout = min(deadline.remaining(), CONNECT_SECONDS)
    try:
        _greet(smtp, relay)
    except Exception as fault:
        smtp.close()
        if not isinstance(fault, OSError):
            raise
        raise CannotOpen(_why_not(fault)) from None
    return smtp


def _greet(smtp: _TimedSMTP, relay: RelayAddress) -> None:
    code, text = smtp.connect(relay.host, relay.port)
    if code != READY:
        raise smtplib.SMTPConnectError(code, text)
    _hello(smtp)
    if relay.security is RelaySecurity.STARTTLS:
        code, text = smtp.starttls(context=relay.tls())
        if code != READY:
            raise smtplib.SMTPResponseException(code, text)
        _hello(smtp)
    if relay.user:
        smtp.login(relay.user, relay.password)


def _hello(smtp: _TimedSMTP) -> None:
    """Greet in the extended way, or in the old one where the relay knows no other."""
    said = _reply_of(smtp.ehlo())
    if said.is_final:
        said = _reply_of(smtp.helo())
    if not said.is_positive:
        raise smtplib.SMTPHeloError(said.code, said.text)


def _why_not(fault: OSError) -> NotSent | Halted:
    """Return what a connection that couldn't be opened means."""
    match fault:
        case smtplib.SMTPNotSupportedError():
            what = "AUTH" if "AUTH" in str(fault) else "STARTTLS"
            return Halted(detail=f"the relay offers no {what}")
        case ssl.SSLCertVerificationError():
            return Halted(detail=f"the relay's certificate isn't valid: {fault.verify_message}")
        case smtplib.SMTPResponseException():
            said = Reply(fault.smtp_code, _text(fault.smtp_error))
            where = "login" if isinstance(fault, smtplib.SMTPAuthenticationError) else "connection"
            detail = f"the relay refuses the {where}: {said.code} {' '.join(said.text.split())}"
            if said.is_final:
                return Halted(status=said.code, detail=detail[:300])
            return NotSent(status=said.code, detail=detail[:300])
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPException():
            return NotSent(detail=f"no connection ({type(fault).__name__})")
    return NotSent(detail=f"no connection ({_words(fault)})")


def _reply_of(answer: tuple[int, bytes]) -> Reply:
    return Reply(answer[0], _text(answer[1]))


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def _xtext(text: str) -> str:
    """Return a text as RFC 3461 writes it in parameters."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


def _words(fault: OSError) -> str:
    """Return the cause without any of the relay's text; `smtplib` wraps it."""
    if isinstance(fault, smtplib.SMTPException) and isinstance(fault.__context__, OSError):
        fault = fault.__context__
    kind = type(fault).__name__
    return f"{kind}: {fault.strerror}" if fault.strerror else kind


def _now() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)
